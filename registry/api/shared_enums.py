"""Closed vocabularies as components of the specification, to which every place with their codes refers."""

from __future__ import annotations

from typing import Any, Final

from registry.accounts.roles import Role
from registry.accounts.scopes import Scope
from registry.accounts.vocabulary import AccountKind, AccountStatus
from registry.agencies.vocabulary import Region
from registry.cases.vocabulary import DecisionKind, Outcome, ReasonCode
from registry.cases.vocabulary import Status as CaseStatus
from registry.flags.vocabulary import AuditStatus, FlagStatus
from registry.flags.vocabulary import Trigger as AuditTrigger
from registry.freeze.vocabulary import AgencyKind, Placement, Severity, Stage, WorkType
from registry.letters.vocabulary import LetterKind
from registry.projects.vocabulary import DocumentKind, FreezeStatus, Funding, ObjectKind, Sector
from registry.requests.vocabulary import RequestState

NULL: Final = "OrNull"
VOCABULARIES: Final = {
    "AccountKind": AccountKind.codes(),
    "AccountStatus": AccountStatus.codes(),
    "AgencyKind": AgencyKind.codes(),
    "AuditStatus": AuditStatus.codes(),
    "AuditTrigger": AuditTrigger.codes(),
    "CaseOutcome": Outcome.codes(),
    "CaseStatus": CaseStatus.codes(),
    "DecisionKind": DecisionKind.codes(),
    "DocumentKind": DocumentKind.codes(),
    "FlagStatus": FlagStatus.codes(),
    "FreezeStatus": FreezeStatus.codes(),
    "Funding": Funding.codes(),
    "LetterKind": LetterKind.codes(),
    "ObjectKind": ObjectKind.codes(),
    "Placement": Placement.codes(),
    "ReasonCode": ReasonCode.codes(),
    "Region": Region.codes(),
    "RequestState": RequestState.codes(),
    "Role": Role.codes(),
    "Scope": Scope.codes(),
    "Sector": Sector.codes(),
    "Severity": Severity.codes(),
    "Stage": Stage.codes(),
    "WorkType": WorkType.codes(),
}


def share_enums(specification: dict[str, Any]) -> None:
    """Replace each list of the codes of a vocabulary by a reference; with null among them, to another component."""
    names = {codes: name for name, codes in VOCABULARIES.items()}
    used: dict[str, dict[str, Any]] = {}
    _share(specification, names, used)
    specification["components"]["schemas"] |= dict(sorted(used.items()))


def _share(part: Any, names: dict[tuple[str, ...], str], used: dict[str, dict[str, Any]]) -> None:
    if isinstance(part, list):
        for each in part:
            _share(each, names, used)
    elif isinstance(part, dict):
        codes = part.get("enum")
        if isinstance(codes, list) and "type" in part:
            name = names.get(tuple(code for code in codes if code is not None))
            if name is not None:
                name += NULL if None in codes else ""
                used[name] = {"type": part.pop("type"), "enum": part.pop("enum")}
                part["$ref"] = f"#/components/schemas/{name}"
        for each in part.values():
            _share(each, names, used)
