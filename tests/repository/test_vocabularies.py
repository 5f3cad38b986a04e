"""Closed vocabularies: the contract's codes, their labels, and that no module writes a list of them a second time."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import registry.app  # noqa: F401 # imports every vocabulary
from registry.freeze.vocabulary import Choices
from registry.web.labels import CHOICE_LABELS

CHECKOUT = Path(__file__).parents[2]
REGISTRY = CHECKOUT / "registry"
VOCABULARIES = {each.__name__: each for each in Choices.__subclasses__()}
# As many codes of one vocabulary in one list, table or comparison are a copy of it.
COPY = 3
JINJA = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)
JINJA_LIST = re.compile(r"[(\[{](?:[^()\[\]{}]*)[)\]}]")
CODES = {
    "AccountKind": "person service",
    "AccountStatus": "active invited pending disabled",
    "ActionName": "claim assign release ask answer propose approve return refer confirm withdraw appeal comment",
    "AgencyKind": "central_body local_executive state_legal_entity quasi_public subsidiary other_performer "
    "national_security private",
    "AttestationState": "current due overdue",
    "AuditEvent": "opened reopened flagged cleared exempted",
    "HeldCause": "confirmation_lost record_changed order_ended agency_changed policy_changed time_passed",
    "HeldDecisionKind": "confirmed rejected",
    "AuditStatus": "running succeeded held rejected failed missed voided",
    "ConfirmationKind": "placement onboarding ending",
    "DeliveryError": "target-not-allowed name-not-resolved connection-failed certificate-invalid timeout "
    "response-invalid status secret-unreadable",
    "DeliveryState": "queued waiting delivered given_up dropped",
    "DisabledReason": "owner failures gone rights restored",
    "DecisionEnd": "appealed withdrawn replaced",
    "DecisionKind": "no_breach transitional_accepted migrate_by stop write_off",
    "DocumentKind": "contract specification act letter evidence other",
    "ChannelChoice": "both aitu email",
    "FactorKind": "totp passkey recovery_code oidc",
    "FlagAge": "0 31 91 181",
    "FlagChange": "opened reopened exempted accepted unaccepted raised lowered cleared",
    "FlagStatus": "open exempt accepted cleared",
    "FreezeStatus": "out_of_scope unaudited clear flagged exempt accepted withdrawn",
    "FurtherEvent": "document_added commission_granted commission_refused project_withdrawn",
    "CommissionOutcome": "granted refused",
    "TemplateKind": "question reason",
    "Funding": "republican_budget local_budget own_funds ppp service_model international",
    "GovernmentReportStatus": "draft in_review returned issued",
    "ImportKind": "projects agencies",
    "ImportState": "unmapped queued running done failed",
    "LetterEnd": "appealed withdrawn replaced reopened",
    "LetterKind": "order question referral closing",
    "LinkKind": "duplicate_of part_of replaces exchanges_data_with",
    "ObjectClass": "1 2 3",
    "ObjectKind": "system platform internet_resource data_resource infrastructure service",
    "Outcome": "resolved no_breach transitional_accepted withdrawn",
    "Placement": "on_platform onboarding off_platform unknown",
    "PolicyState": "draft scheduled in_force former",
    "ReasonCode": "wrong_data out_of_scope duplicate other",
    "Region": "10 11 15 19 23 27 31 33 35 39 43 47 55 59 61 62 63 71 75 79",
    "RequestKind": "succession transfer withdrawal confirmation_request",
    "EntryKind": "answered returned appealed reopened assigned question order decision mentioned commented "
    "status_changed",
    "ApprovalKindCode": "commission_decision agency_change restriction restricted_reader placement onboarding ending "
    "inventory",
    "ApprovalState": "waiting approved rejected cancelled expired outdated",
    "RequestState": "waiting confirmed refused cancelled",
    "Role": "agency_viewer agency_editor agency_administrator reviewer supervisor auditor operator administrator "
    "leader",
    "Scope": "read projects:write cases:write imports:run audits:run exemptions:write accounts:write decisions:approve",
    "Section": "introduction findings measures conclusions",
    "Sector": "01 02 03 04 05 06 07 08 09 10",
    "Severity": "low medium high",
    "Stage": "planning creation testing pilot operation terminated archived written_off",
    "Status": "new under_review awaiting_agency awaiting_approval with_commission remediation "
    "awaiting_confirmation closed",
    "SuccessionKind": "merger renaming division",
    "TokenStatus": "valid pending expired revoked disabled",
    "Trigger": "schedule manual catch_up",
    "ViewList": "cases projects",
    "WithdrawnProjects": "exclude include only",
    "WorkType": "creation development modification maintenance migration",
}


@pytest.mark.parametrize("name", sorted(VOCABULARIES))
def test_vocabulary_has_codes_of_contract(name: str) -> None:
    assert " ".join(VOCABULARIES[name].codes()) == CODES[name]


@pytest.mark.parametrize("name", sorted(VOCABULARIES))
def test_every_choice_has_a_label_on_pages(name: str) -> None:
    codes = set(VOCABULARIES[name].codes())
    assert any(codes <= set(labels) and all(labels.values()) for labels in CHOICE_LABELS.values())


def test_no_module_lists_the_codes_of_a_vocabulary_again() -> None:
    codes = {name: set(vocabulary.codes()) for name, vocabulary in VOCABULARIES.items()}
    copies = {
        f"{path.relative_to(REGISTRY)}: {name}"
        for path, literals in _lists()
        if len(literals) >= COPY
        for name, vocabulary in VOCABULARIES.items()
        if len(literals & codes[name]) >= COPY and vocabulary.__module__ not in _module(path)
    }
    assert copies == set()


def _module(path: Path) -> str:
    return ".".join(path.relative_to(CHECKOUT).with_suffix("").parts)


def _lists() -> Iterator[tuple[Path, set[str]]]:
    """The literal strings of each tuple, list, set, keys of a dict and comparison, of modules and of templates."""
    for path in sorted(REGISTRY.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield path, {each.value for each in _elements(node) if isinstance(each, ast.Constant)} - {None}
    for path in sorted(REGISTRY.rglob("*.html")):
        for expression in JINJA.findall(path.read_text(encoding="utf-8")):
            for match in JINJA_LIST.findall(expression[1:-1]):
                yield path, set(re.findall(r"[\"'](\w+)[\"']", match))


def _elements(node: ast.AST) -> list[ast.expr | None]:
    match node:
        case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
            return [*elements]
        case ast.Dict(keys=keys):
            return keys
        case ast.Match(cases=cases):
            return [
                pattern.value
                for case in cases
                for pattern in ast.walk(case.pattern)
                if isinstance(pattern, ast.MatchValue)
            ]
    return []
