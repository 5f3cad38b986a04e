"""Succession: an agency passes what it has to another one, which succeeds it; or, divided, some of its projects."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.models import Agency
from registry.agencies.service import agency_to_change, require_open
from registry.core.base_schema import BaseSchema
from registry.core.errors import Conflict, Invalid, Problem
from registry.core.fields import Bin, Choice, Day, ProjectNumbers, Text, nullable
from registry.core.response_fields import ReadOnly
from registry.core.translations import lazy_text
from registry.requests.effects import effects_field, effects_of_passing_on
from registry.requests.former_agencies import close_and_pass_on
from registry.requests.kinds import Asked, RequestHandler
from registry.requests.models import MAX_TEXT_LENGTH, Request
from registry.requests.passing_on import equal_external_ids, lock_agencies, pass_projects
from registry.requests.planned import (
    SuccessionPlanned,
    day_problems,
    leads_back,
    planned_projects,
    require_no_whole_succession,
    successor_problems,
)
from registry.requests.project_lists import list_problems
from registry.requests.schemas import REASON_LABEL, TEXT, RequestShown
from registry.requests.vocabulary import RequestKind, SuccessionKind

ON_LABEL: Final = lazy_text("Effective from")
ACT_LABEL: Final = lazy_text("Act")
ACT_HINT: Final = lazy_text("The number and date of the act that orders it.")
KINDS: Final[dict[str, Any]] = {"type": "string", "enum": list(SuccessionKind.codes())}
EQUAL_ID: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["external_id", "project", "other_project"],
    "properties": {"external_id": TEXT, "project": TEXT, "other_project": TEXT},
}
DIVISION: Final = SuccessionKind.DIVISION.value


class SuccessionCircular(Conflict):
    """Another succession leads from the successor back to the agency."""


class SuccessionFields(BaseSchema):
    """A succession to ask for."""

    successor = Bin(
        description="BIN of the agency that succeeds.", label=lazy_text("BIN of the successor"), required=True
    )
    kind = Choice(
        SuccessionKind.codes(),
        description="`merger` and `renaming` pass everything and close the agency, `division` passes the listed "
        "projects. Without it: `division` with a list of projects, otherwise `merger`.",
        nullable=False,
        label=lazy_text("Kind of succession"),
    )
    projects = ProjectNumbers(
        description="Numbers of the projects that pass on; with `division` alone.",
        label=lazy_text("Projects that pass on"),
        hint=lazy_text("For a division only: one project number a line."),
    )
    on = Day(
        description="The day from which it takes effect, today or later.",
        label=ON_LABEL,
        hint=lazy_text("Today or later. On this day everything passes on by itself."),
        required=True,
    )
    act = Text(
        500, description="The act that orders it: its number and date.", label=ACT_LABEL, hint=ACT_HINT, required=True
    )
    reason = Text(MAX_TEXT_LENGTH, description="Why.", label=REASON_LABEL, required=True)


class SuccessionShown(RequestShown):
    """A succession in responses."""

    SOMETIMES: ClassVar[frozenset[str]] = frozenset({"effects", "equal_external_ids"})

    successor = ReadOnly("BIN of the agency that succeeds.", TEXT)
    kind = ReadOnly("How it passes on what it has.", KINDS)
    projects = ReadOnly(
        "Numbers of the projects that pass on in a division; null: all.", nullable({"type": "array", "items": TEXT})
    )
    equal_external_ids = ReadOnly(
        "Not in lists: external ids that projects of both agencies have, as far as the reader sees them. When it takes "
        "effect, that of the former agency's project gets its BIN as a prefix.",
        {"type": "array", "items": EQUAL_ID},
    )
    effects = effects_field()


class Succession(RequestHandler):
    """The handler of successions; the subject is the BIN of the agency that is succeeded."""

    kind = RequestKind.SUCCESSION
    collection = "successions"
    asks = Permission.ORGANISATIONS_PROPOSE
    decides = Permission.ORGANISATIONS_CONFIRM
    excludes_reviewers = True
    body: ClassVar[BaseSchema] = SuccessionFields()
    shown: ClassVar[BaseSchema] = SuccessionShown()

    def check(self, actor: Actor, subject: str, values: dict[str, Any]) -> Asked:
        """Raises AgencyNotFound, AgencyClosed, SuccessionPlanned and Invalid."""
        agency = agency_to_change(subject)
        require_open(agency)
        kind = values.get("kind") or (DIVISION if values.get("projects") else SuccessionKind.MERGER.value)
        numbers = values.get("projects") if kind == DIVISION else None
        successor, problems = successor_problems(agency, values["successor"], "/successor")
        problems += day_problems(values["on"])
        if kind == DIVISION:
            problems += list_problems(actor, agency, numbers or [])
        elif values.get("projects"):
            problems.append(Problem("/projects", "projects-only-in-division"))
        # The agency itself as its successor is reported by successor_problems.
        other = None if successor is None or successor.id == agency.id else successor
        if other is not None and kind != DIVISION and leads_back(other.id, agency.id):
            problems.append(Problem("/successor", "succession-circular", {"bin": other.bin}))
        problems += self._planned_problems(agency, kind, numbers, values)
        if problems or successor is None:
            raise Invalid(problems)
        details = {"kind": kind, "projects": None if numbers is None else sorted(set(numbers))}
        return Asked(
            agency.id,
            values["reason"],
            to_agency_id=successor.id,
            on=values["on"],
            act=values["act"],
            details=details,
        )

    def check_again(self, request: Request) -> None:
        """Raises AgencyClosed, SuccessionPlanned and SuccessionCircular."""
        # Locked, so that of two successions that lead to each other's agency the second sees the first.
        agency, successor = lock_agencies(request.agency_id, _successor_id(request))
        require_open(agency)
        require_no_whole_succession(agency)
        if request.details["kind"] != DIVISION and leads_back(successor.id, agency.id):
            raise SuccessionCircular(bin=request.to_agency)

    def carry_out(self, actor: Actor, request: Request) -> dict[str, Any]:
        """Pass everything to the successor and close the agency; in a division pass the listed projects."""
        former, successor = lock_agencies(request.agency_id, _successor_id(request))
        if request.details["kind"] == DIVISION:
            return pass_projects(actor, request, former, successor, numbers=request.details["projects"])
        return close_and_pass_on(actor, request, former, successor)

    def more(self, request: Request) -> dict[str, Any]:
        """What only successions show."""
        details = request.details
        return {"successor": request.to_agency, "kind": details["kind"], "projects": details["projects"]}

    def more_of_one(self, actor: Actor, request: Request) -> dict[str, Any]:
        """What it touches, and the external ids that will change."""
        projects, successor = request.details["projects"], request.to_agency_record
        if not request.is_open or successor is None:
            return {"effects": None, "equal_external_ids": []}
        return {
            "effects": effects_of_passing_on(
                actor, request.agency_record, successor, projects, with_accounts=request.details["kind"] != DIVISION
            ),
            "equal_external_ids": equal_external_ids(actor, request.agency_id, successor.id, projects),
        }

    def _planned_problems(
        self, agency: Agency, kind: str, numbers: list[str] | None, values: dict[str, Any]
    ) -> list[Problem]:
        """Problems with divisions that are confirmed for a later day. Raises SuccessionPlanned for another one."""
        require_no_whole_succession(agency)
        planned = planned_projects(agency.id)
        if kind == DIVISION:
            return [
                Problem(f"/projects/{place}", "project-passes-on-already", {"number": number})
                for place, number in enumerate(numbers or [])
                if number in planned
            ]
        if any(day > values["on"] for day in planned.values()):
            raise SuccessionPlanned(bin=agency.bin, on=max(planned.values()).isoformat())
        return []


def _successor_id(request: Request) -> int:
    if request.to_agency_id is None:
        raise RuntimeError("a succession has a successor")
    return request.to_agency_id
