"""Transfer: one project passes from its agency to another one, with its documents, cases and orders."""

from __future__ import annotations

from typing import Any, ClassVar

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.models import Agency
from registry.core.base_schema import BaseSchema
from registry.core.database import db
from registry.core.errors import Invalid
from registry.core.fields import Bin, Day, Text
from registry.core.response_fields import ReadOnly
from registry.core.translations import lazy_text
from registry.projects.service import find_project_to_change
from registry.requests.effects import effects_field, effects_of_passing_on
from registry.requests.kinds import Asked, RequestHandler
from registry.requests.models import MAX_TEXT_LENGTH, Request
from registry.requests.passing_on import equal_external_ids, lock_agencies, pass_projects
from registry.requests.planned import day_problems, require_no_planned_transfer, successor_problems
from registry.requests.schemas import REASON_LABEL, TEXT, RequestShown
from registry.requests.succession import ACT_HINT, ACT_LABEL, EQUAL_ID, ON_LABEL
from registry.requests.vocabulary import RequestKind


class TransferFields(BaseSchema):
    """A transfer to ask for."""

    to = Bin(
        description="BIN of the agency that gets the project.", label=lazy_text("BIN of the new agency"), required=True
    )
    on = Day(
        description="The day from which it takes effect, today or later.",
        label=ON_LABEL,
        hint=lazy_text("Today or later. On this day the project passes on by itself."),
        required=True,
    )
    act = Text(
        500, description="The act that orders it: its number and date.", label=ACT_LABEL, hint=ACT_HINT, required=True
    )
    reason = Text(MAX_TEXT_LENGTH, description="Why.", label=REASON_LABEL, required=True)


class TransferShown(RequestShown):
    """A transfer in responses."""

    SOMETIMES: ClassVar[frozenset[str]] = frozenset({"effects", "equal_external_ids"})

    to = ReadOnly("BIN of the agency that gets the project.", TEXT)
    equal_external_ids = ReadOnly(
        "Not in lists: the external id, if a project of the other agency has it too. When the transfer takes effect, "
        "that of this project gets the BIN of its former agency as a prefix.",
        {"type": "array", "items": EQUAL_ID},
    )
    effects = effects_field()


class Transfer(RequestHandler):
    """The handler of transfers; the subject is the project's number."""

    kind = RequestKind.TRANSFER
    collection = "transfers"
    asks = Permission.ORGANISATIONS_PROPOSE
    decides = Permission.ORGANISATIONS_CONFIRM
    excludes_reviewers = True
    body: ClassVar[BaseSchema] = TransferFields()
    shown: ClassVar[BaseSchema] = TransferShown()

    def check(self, actor: Actor, subject: str, values: dict[str, Any]) -> Asked:
        """Raises ProjectNotFound, TransferPlanned and Invalid."""
        project = find_project_to_change(actor, subject)
        require_no_planned_transfer(project)
        to, problems = successor_problems(project.agency, values["to"], "/to")
        problems += day_problems(values["on"])
        if problems or to is None:
            raise Invalid(problems)
        return Asked(
            project.agency_id,
            values["reason"],
            project_id=project.id,
            to_agency_id=to.id,
            on=values["on"],
            act=values["act"],
        )

    def check_again(self, request: Request) -> None:
        """Raises TransferPlanned."""
        if request.project_record is not None:
            require_no_planned_transfer(request.project_record)

    def carry_out(self, actor: Actor, request: Request) -> dict[str, Any]:
        """Pass the project on from the agency that has it on that day."""
        project, to_id = request.project_record, request.to_agency_id
        if project is None or to_id is None:
            raise RuntimeError("a transfer has a project and an agency that gets it")
        former, to = lock_agencies(project.agency_id, to_id)
        return pass_projects(actor, request, former, to, numbers=[project.number])

    def more(self, request: Request) -> dict[str, Any]:
        """What only transfers show."""
        return {"to": request.to_agency}

    def more_of_one(self, actor: Actor, request: Request) -> dict[str, Any]:
        """What it touches, and the external id, if it will change."""
        project, to = request.project_record, request.to_agency_record
        if project is None or to is None or not request.is_open:
            return {"effects": None, "equal_external_ids": []}
        former = db.session.get_one(Agency, project.agency_id)
        return {
            "effects": effects_of_passing_on(actor, former, to, [project.number], with_accounts=False),
            "equal_external_ids": equal_external_ids(actor, former.id, to.id, [project.number]),
        }
