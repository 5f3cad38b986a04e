"""Strange but valid texts: every route stores and returns them unchanged."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from flask.testing import FlaskClient

from registry.accounts.roles import Role
from registry.imports.service import import_now
from tests.api.access_matrix.routes import TRIES
from tests.api.callers import caller
from tests.factories import an_actor, an_agency, project_values
from tests.hostile.aims import Aim, kind_of
from tests.hostile.corpus import as_kept, cases, text_of
from tests.hostile.test_values import REFERENCES

STRANGE = [case for case in cases("values") if "text" in case and not case.get("missing") and case["accepted_by"]]
LIMITS = {"text200": 200, "text500": 500, "text5000": 5000}
# Names of accounts have letters, digits and some punctuation only (registry/accounts/account_names.py).
OWN_RULES = ("name", "owner", "to", "responsible")
# Of requests and approvals.
DECISIONS = ("confirm_", "refuse_", "cancel_", "approve_proposal", "reject_proposal")
# Fields that do not fit the others of the valid body, and texts in which braces are placeholders.
NOT_BESIDE = {
    "ask_confirmation": ("consent_number",),
    # A key that the inventory does not list needs a document.
    "confirm_placement": ("platform_key",),
    "create_case_template": ("text",),
    "patch_case_template": ("text",),
}
Undone = Callable[[], AbstractContextManager[None]]


def packed(kind: str) -> list[str]:
    """Return the texts that the type accepts, joined by a character that is not trimmed, in packs of maximum length."""
    packs: list[str] = []
    for case in STRANGE:
        if kind in case["accepted_by"]:
            text = f"{text_of(case)}\N{MIDDLE DOT}"
            if len(text) > LIMITS[kind]:
                text = text[:-1]
            if packs and len(packs[-1]) + len(text) <= LIMITS[kind]:
                packs[-1] += text
            else:
                packs.append(text)
    return packs


def bodies(aim: Aim) -> Iterator[dict[str, str]]:
    """Return bodies with every pack in every text field."""
    packs = {name: packed(kind_of(field)) for name, field in aim.fields.items() if kind_of(field) in LIMITS}
    for name in REFERENCES + OWN_RULES + NOT_BESIDE.get(aim.operation.name, ()):
        packs.pop(name, None)
    for turn in range(max(map(len, packs.values()), default=0)):
        yield {name: of[turn % len(of)] for name, of in packs.items()}


def test_strange_but_valid_text_is_stored_unchanged(at: dict[str, Aim], each_example: Undone) -> None:
    for operation in (name for name, tried in TRIES.items() if tried.body is not None):
        aim = at[operation]
        for texts in bodies(aim):
            with each_example():
                answer = aim.send(json.dumps({**aim.body, **texts}).encode())
                shown = answer.get_json()
                # What a case's status does not allow is rejected for that reason, not for its text.
                assert answer.status_code in (aim.good, 409), (operation, shown)
                if answer.status_code < 300:
                    if operation.startswith(DECISIONS) and "decision_reason" in shown:
                        # ``reason`` is why it was asked.
                        shown["reason"] = shown["decision_reason"]
                    kept = {name: as_kept(text) for name, text in texts.items() if name in shown}
                    assert {name: shown[name] for name in kept} == kept, operation


def test_strange_text_survives_history_and_exports(at: dict[str, Aim], client: FlaskClient) -> None:
    agency = an_agency()
    admin, administrator = caller(client, Role.ADMINISTRATOR), an_actor(Role.ADMINISTRATOR)
    sent = list(bodies(at["patch_project"]))
    for texts in sent:
        made = admin.post("/projects", {"agency": agency.bin, **project_values()})
        path = f"/projects/{made.get_json()['number']}"
        changed = admin.patch(path, texts, If_Match=made.headers["ETag"])
        shown = admin.get(path).get_json()
        last_changes = admin.get(f"{path}/history").get_json()["items"][-1]["changes"]

        expected = {name: as_kept(text) for name, text in texts.items()}
        assert changed.status_code == 200, changed.get_json()
        assert {name: shown[name] for name in texts} == expected
        assert {change["field"]: change["new"] for change in last_changes} == expected

    for format_ in ("csv", "xlsx"):
        with admin.get(f"/exports/projects.{format_}?agency={agency.bin}") as export:
            run = import_now(administrator, "projects", False, f"again.{format_}", export.data)
        # A text that is returned changed would count as an update.
        assert (run.state, run.unchanged, run.total) == ("done", len(sent), len(sent)), format_
