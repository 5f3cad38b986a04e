"""When each recurring job of the scheduler last succeeded and failed: how a scheduler that stands still is noticed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, select, update
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.clock import now
from registry.core.database import Instant, Model, db
from registry.core.dialects import insert_or_ignore
from registry.core.transactions import transaction


class ScheduledJob(Model):
    """A job by its name. ``milliseconds``: how long its last successful run took. ``failure``: the type of the error.

    The text of an error may name a restricted project; it is in the log only.
    """

    __tablename__ = "scheduled_jobs"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    succeeded_at: Mapped[datetime | None] = mapped_column(Instant)
    milliseconds: Mapped[int | None]
    failed_at: Mapped[datetime | None] = mapped_column(Instant)
    failure: Mapped[str | None] = mapped_column(String(100))


def save_job_run(name: str, milliseconds: int, failure: str | None = None) -> None:
    """Save that a job ended now; ``failure``: the type of the error of a failed run. Not journalled: nobody acts."""
    values: dict[str, object] = {"succeeded_at": now(), "milliseconds": milliseconds}
    if failure is not None:
        values = {"failed_at": now(), "failure": failure[:100]}
    with transaction() as session:
        insert = insert_or_ignore(ScheduledJob).values(name=name).on_conflict_do_nothing()
        session.execute(insert)
        statement = update(ScheduledJob).where(ScheduledJob.name == name).values(values)
        session.execute(statement, execution_options={"synchronize_session": False})


def scheduled_jobs() -> list[ScheduledJob]:
    """All jobs that ever ended, by name."""
    statement = select(ScheduledJob).order_by(ScheduledJob.name)
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))
