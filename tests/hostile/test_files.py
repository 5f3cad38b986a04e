"""Hostile forms, file names and tables at every route that accepts a file."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.access_matrix.routes import TRIES
from tests.hostile.aims import Aim, faults, part, state
from tests.hostile.corpus import Case, Share, headers_of, named, tables

FORMS = sorted(name for name, tried in TRIES.items() if tried.form is not None)
TABLES = ("create_import", "create_platform_inventory")


def form_of(case: Case, aim: Aim) -> bytes:
    if "body" in case or "hex" in case:
        return bytes.fromhex(case.get("hex", ""))
    more = [part(case["extra"], "x" * case.get("times", 1))] if "extra" in case else []
    more += [part(f"field{number}", "x") for number in range(case.get("extras", 0))]
    if "repeat" in case:
        more.append(part('file"; filename="other.csv', b"x", "text/csv", closed=False))
    options: dict[str, Any] = {"name": case["rename"]} if "rename" in case else {}
    if "filename" in case:
        options["filename"] = case["filename"] * case.get("times", 1)
    if case.get("drop_filename"):
        options["filename"] = None
    if "type" in case:
        options["kind"] = case["type"].replace("LONG", "a/" + "b" * 5_000)
    raw = aim.form(*more, **options)
    return raw[: -case["cut"]] if "cut" in case else raw


# Strange texts are stored on both databases by test_kept_texts.py.
@pytest.mark.sqlite_only
# Werkzeug leaves a form's temporary files open when it stops reading it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("operation", FORMS)
def test_invalid_form_is_rejected_and_strange_file_name_is_harmless(
    at: dict[str, Aim], share: Share, operation: str
) -> None:
    aim = at[operation]
    wrong = []
    for case in share("files", operation):
        before = state()
        headers = {name.replace("-", "_"): value for name, value in headers_of(case).items()}
        headers.setdefault("Content_Type", "multipart/form-data; boundary=limit")
        answer = aim.send(form_of(case, aim), **headers)
        if case["expected"] == "accepted":
            problems = [] if answer.status_code == aim.good else [answer.get_json()]
        else:
            problems = [*faults(answer, (400, 413, 415, 422)), *([] if state() == before else ["wrote something"])]
        wrong += [(named(case), *problems)] if problems else []

    assert wrong == []


# What is no table is refused before anything is written.
@pytest.mark.sqlite_only
@pytest.mark.parametrize("operation", TABLES)
def test_file_that_is_no_table_is_rejected_immediately(at: dict[str, Aim], operation: str) -> None:
    aim = at[operation]
    before = state()
    wrong = []
    for case, content in tables():
        hostile = Aim(aim.operation, aim.path, aim.actor, aim.good, aim.body, ("list.csv", content))
        problems = faults(hostile.send(), (422,))
        wrong += [(named(case), *problems)] if problems else []

    assert wrong == []
    assert state() == before
