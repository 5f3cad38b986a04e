"""Demo history: a year of weekly audits, then five weeks of registrations, nightly audits, cases and reports.

All is replayed through the services. Each action is one transaction with its own timestamp, so that an interrupted
replay continues after the last journal entry.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import func, select

from registry.audits.jobs import run_nightly_audit
from registry.audits.service import run_audit
from registry.cases import decisions, service as cases
from registry.cases.models import Case
from registry.cases.queries import find_case_to_change
from registry.cases.service import open_case
from registry.cases.vocabulary import ActionName
from registry.core.clock import clock_set_to, local_date, local_instant, national_calendar, today
from registry.core.database import db, transaction
from registry.demo import records
from registry.demo.records import BETWEEN_ACTS, MORNING, OPERATOR, PARTS, SUPERVISOR
from registry.flags.models import AuditRun, last_good_date
from registry.freeze.vocabulary import Placement
from registry.government_reports import service as government_reports
from registry.government_reports.models import GovernmentReport
from registry.government_reports.queries import find_report_to_change
from registry.imports.models import ImportRun
from registry.journal.service import JournalEntry
from registry.platform.confirmations import verify_placement
from registry.projects.models import Project
from registry.projects.service import change_project, find_project_to_change

# The demo's year before its cases: systems of the regions, which move to the platform, and weekly audits.
#
# It gives the overview what it compares with: lines over months, changes over 7, 30 and 90 days, and a forecast. All
# its flags are low, so that it opens no cases.

# At most so many weeks of audits before the nightly ones, and none before the freeze.
WEEKS: Final = 47
EARLIEST: Final = date(2026, 1, 12)
ON_PLATFORM_AT_LAST: Final = 55
# Below 1: the pace rises.
PACE: Final = 0.7
MOVED_BY_HOUR: Final = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Event:
    """An event. ``once``: one transaction that never repeats; other events detect by themselves what is done."""

    at: datetime
    act: Callable[[], object]
    once: bool


def first_day(day: date) -> date:
    """Return the day of the first registration, whole weeks before that of the demo's cases."""
    story = records.working_day(day, PARTS[0])
    return story - timedelta(weeks=max(0, min(WEEKS, (story - EARLIEST).days // 7)))


def _earlier(day: date) -> Iterator[Event]:
    """Yield what happened before the cases."""
    first, story = first_day(day), records.working_day(day, PARTS[0])
    morning = local_instant(first, MORNING) - 3 * BETWEEN_ACTS
    register = partial(records.import_rows, "projects", "regional-systems.csv", records.systems())
    acts: tuple[Callable[[], object], ...] = (records.import_agencies, records.add_people, register)
    for number, act in enumerate(acts):
        yield Event(morning + number * BETWEEN_ACTS, act, once=False)
    for week in range(1, (story - first).days // 7 + 1):
        yield Event(local_instant(first + timedelta(weeks=week), records.AUDIT_TIME), _audit, once=False)
    order = records.systems()[:ON_PLATFORM_AT_LAST]
    moved = ON_PLATFORM_AT_LAST - records.ON_PLATFORM_AT_FIRST
    for number, row in enumerate(order):
        share = max(0, number - records.ON_PLATFORM_AT_FIRST + 1) / moved
        on = first + timedelta(days=round(((day - first).days - 2) * share**PACE))
        at = local_instant(on, MORNING) + MOVED_BY_HOUR + number * timedelta(minutes=1)
        yield Event(at, partial(_move, row["external_id"], records.platform_key_of(row)), once=True)


def _audit() -> None:
    last = last_good_date()
    if last is None or last < today():
        run_audit(records.demo_actor(OPERATOR))


def _move(external_id: str, platform_key: str) -> None:
    """Move a system to the platform, with its confirmation. Nothing for one that is there and confirmed."""
    number = db.session.scalars(select(Project.number).where(Project.external_id == external_id)).one()
    project = find_project_to_change(records.demo_actor(OPERATOR), number)
    if project.placement_verified_on is not None:
        return
    if project.placement != Placement.ON_PLATFORM.value:
        changes = {"placement": Placement.ON_PLATFORM.value, "platform_key": platform_key}
        change_project(records.demo_actor(records.ADMINISTRATOR), project, changes)
    verify_placement(records.demo_actor(OPERATOR), project, platform_key, today(), "Акт переноса на платформу")


# The demo's reports to the Government: one that was issued, and a draft.

TEXTS: Final = {
    "introduction_kk": "Есеп мемлекеттік цифрлық объектілерді QazTech платформасынан тыс құруға қойылған мораторийдің "
    "сақталуы туралы дайындалды.",
    "introduction_ru": "Отчёт подготовлен о соблюдении моратория на создание государственных цифровых объектов вне "
    "платформы QazTech.",
    "findings_kk": "Ескертпелердің көбі мораторий кезінде басталған жаңа объектілерге және расталмаған орналастыруға "
    "қатысты.",
    "findings_ru": "Большинство замечаний касается новых объектов, начатых во время моратория, и неподтверждённого "
    "размещения.",
    "measures_kk": "Маңыздылығы жоғары жобалар бойынша нұсқамалар беріліп, оларды орындау мерзімдері белгіленді.",
    "measures_ru": "По проектам высокой важности выданы предписания, установлены сроки их исполнения.",
    "conclusions_kk": "Орналасуын растауды жеделдету және нұсқамалардың орындалуын бақылау қажет.",
    "conclusions_ru": "Необходимо ускорить подтверждение размещения и контролировать исполнение предписаний.",
}


def _begin(day: date) -> None:
    values = {"period_end": day - timedelta(days=12), "due_on": day - timedelta(days=2), "responsible": SUPERVISOR}
    author = records.demo_actor(records.SECOND_REVIEWER)
    number = government_reports.begin_government_report(author, values).number
    government_reports.change_government_report(author, find_report_to_change(number), TEXTS)
    government_reports.freeze_figures(author, number)
    government_reports.submit_government_report(author, number)


def _approve(name: str) -> records.Act:
    def act(_day: date) -> None:
        with transaction():
            government_reports.approve_government_report(
                records.demo_actor(name), find_report_to_change(_last_number())
            )

    return act


def _draft(day: date) -> None:
    values = {"period_end": day, "due_on": day + timedelta(days=20), "responsible": SUPERVISOR}
    texts = {name: TEXTS[name] for name in ("introduction_kk", "introduction_ru")}
    government_reports.begin_government_report(records.demo_actor(records.SECOND_REVIEWER), {**values, **texts})


def _last_number() -> str:
    newest = select(func.max(GovernmentReport.id)).scalar_subquery()
    return db.session.scalars(select(GovernmentReport).where(GovernmentReport.id == newest)).one().number


# By working days before the loading.
REPORT_ACTS: Final[tuple[tuple[int, records.Act], ...]] = (
    (6, _begin),
    (5, _approve(records.REVIEWER)),
    (4, _approve(SUPERVISOR)),
    (2, _draft),
)


# The file of the first part of the projects that the cases are about.
FIRST_PART: Final = "projects-1.csv"
# The audit of the night after this working day did not run, as if the machine had been down.
MISSED_AFTER: Final = 11
LEGAL_BASIS: Final = "Указ Президента от 10 декабря 2025 года, пункт 1; Цифровой кодекс № 255-VIII, статья 82(4)"
LEGAL_BASIS_KK: Final = (
    "Президенттің 2025 жылғы 10 желтоқсандағы Жарлығының 1-тармағы; № 255-VIII Цифрлық кодекстің 82-бабының 4-тармағы"
)
ON_CASES: Final[Mapping[str, Callable[..., Case]]] = {
    ActionName.CLAIM: cases.claim,
    ActionName.ASK: cases.ask,
    ActionName.ANSWER: cases.answer,
    ActionName.RETURN: cases.send_back,
    ActionName.REFER: cases.refer,
    ActionName.CONFIRM: cases.confirm,
    ActionName.APPEAL: decisions.appeal,
    ActionName.COMMENT: cases.say,
    ActionName.APPROVE: decisions.approve,
}


def history(day: date) -> list[Event]:
    """Return all events before the day of loading, in order."""
    return sorted([*_earlier(day), *_audits(day), *_acts(day)], key=lambda event: event.at)


def replay(story: Sequence[Event]) -> Iterator[int]:
    """Replay the events that have not been replayed yet. Yield the number of finished events."""
    until = replayed_until()
    for count, event in enumerate(story):
        if not event.once:
            with clock_set_to(event.at):
                event.act()
        elif until is None or event.at > until:
            with clock_set_to(event.at), transaction():
                event.act()
        yield count + 1


def day_of_loading() -> date:
    """Return the day of loading: today, or the day of a replay that came as far as the cases."""
    first = db.session.scalar(select(ImportRun.queued_at).where(ImportRun.file_name == FIRST_PART))
    return today() if first is None else min(today(), records.working_day(local_date(first), -PARTS[0]))


def replayed_until() -> datetime | None:
    """Return the timestamp of the last replayed action."""
    at = db.session.scalar(select(func.max(JournalEntry.at)).where(JournalEntry.source == records.SOURCE))
    return None if at is None else datetime.fromisoformat(at)


def last_day(day: date, story: Sequence[Event]) -> AuditRun | None:
    """Make today's edits and run a manual audit. Return None when this is done already."""
    of_operator = (AuditRun.started_by == OPERATOR, AuditRun.status == "succeeded")
    done = select(AuditRun.id).where(*of_operator, AuditRun.on > records.working_day(day, PARTS[0]))
    if db.session.scalar(done.limit(1)) is not None:
        return None
    until = replayed_until()
    if until is None or until <= story[-1].at:
        with transaction():
            records.on_the_last_day(today())
    return run_audit(records.demo_actor(OPERATOR))


def _audits(day: date) -> Iterator[Event]:
    first, missed = records.working_day(day, PARTS[0]), records.working_day(day, MISSED_AFTER) + timedelta(days=1)
    for number in range(1, (day - first).days):
        business_date = first + timedelta(days=number)
        if business_date != missed:
            yield Event(local_instant(business_date, records.AUDIT_TIME), run_nightly_audit, once=False)


def _acts(day: date) -> Iterator[Event]:
    rows = records.rows_of("cases.csv", day)
    for before in range(PARTS[0], 0, -1):
        actions: list[tuple[Callable[[], object], bool]] = []
        if before in PARTS:
            actions.append((partial(records.import_part, before, day), False))
        actions += [(partial(act, day), True) for number, act in (*records.ACTS, *REPORT_ACTS) if number == before]
        actions += [(partial(_on_case, row, day), True) for row in rows if row["day"] == str(before)]
        morning = local_instant(records.working_day(day, before), MORNING)
        for number, (act, once) in enumerate(actions):
            yield Event(morning + number * BETWEEN_ACTS, act, once)


def _on_case(row: Mapping[str, str], day: date) -> None:
    actor, name, comment = records.demo_actor(row["by"]), row["act"], row["comment"] or None
    number = db.session.scalars(select(Project.number).where(Project.external_id == row["project"])).one()
    if name == "open":
        open_case(actor, number)
        return
    newest = select(func.max(Case.id)).join(Case.project_record).where(Project.number == number)
    case = find_case_to_change(actor, db.session.scalars(newest).one())
    if name == "assign":
        cases.assign(actor, case, row["assignee"], comment)
    elif name == "propose":
        decisions.propose(actor, case, _proposal(row, day))
    else:
        ON_CASES[name](actor, case, comment)


def _texts(row: Mapping[str, str]) -> dict[str, str]:
    if row["comment_kk"]:
        basis = {"legal_basis_kk": LEGAL_BASIS_KK, "legal_basis_ru": LEGAL_BASIS}
        return {"reason_kk": row["comment_kk"], "reason_ru": row["comment"], **basis}
    return {"reason": row["comment"], "legal_basis": LEGAL_BASIS}


def _proposal(row: Mapping[str, str], day: date) -> dict[str, Any]:
    return {
        "decision": row["decision"],
        "reason_code": row["reason_code"] or None,
        **_texts(row),
        "due_on": national_calendar().after(day, int(row["due_on"])) if row["due_on"] else None,
    }
