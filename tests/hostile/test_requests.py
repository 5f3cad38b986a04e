"""Hostile bodies, headers, queries and paths at every declared route."""

from __future__ import annotations

import pytest

from tests.api.access_matrix.routes import TRIES
from tests.hostile.aims import WRITING, Aim, faults, state
from tests.hostile.corpus import Share, body_of, headers_of, named

STATUSES = {"malformed": (400,), "too-large": (413,), "invalid": (422,), "content-type": (415,)}
# How much larger than others a body may be.
LARGER = {"create_many_projects": 8}
WITH_BODY = sorted(name for name, tried in TRIES.items() if tried.body is not None)


# None of these requests reaches the database.
@pytest.mark.sqlite_only
def test_invalid_body_is_rejected_and_writes_nothing(at: dict[str, Aim], share: Share) -> None:
    before = state()
    wrong = []
    for operation in WITH_BODY:
        aim = at[operation]
        assert aim.json_body is not None
        for case in share("bodies", operation):
            headers = {name.replace("-", "_"): value for name, value in headers_of(case).items()}
            raw = body_of(case, aim.body or {"comment": "a"})
            raw *= LARGER.get(operation, 1) if case["expected"] == "too-large" else 1
            if not aim.json_body.required and not raw:
                continue
            problems = faults(aim.send(raw, **headers), STATUSES[case["expected"]])
            wrong += [(operation, named(case), *problems)] if problems else []

    assert wrong == []
    assert state() == before


@pytest.mark.sqlite_only
def test_hostile_header_is_rejected_or_ignored(at: dict[str, Aim], share: Share) -> None:
    before = state()
    wrong = []
    for operation, aim in at.items():
        for case in share("headers", operation):
            expected = case["expected"]
            applies = case["on"] in ("any", aim.operation.method) and (
                case["on"] != "PATCH" or aim.operation.needs_if_match
            )
            if not applies or (expected == "good" and aim.operation.method in WRITING):
                continue
            with aim.send(**{name.replace("-", "_"): value for name, value in headers_of(case).items()}) as answer:
                if expected == "good":
                    problems = [] if answer.status_code == aim.good else [f"{answer.status_code}"]
                else:
                    problems = faults(answer, (expected,))
            wrong += [(operation, named(case), *problems)] if problems else []

    assert wrong == []
    assert state() == before


@pytest.mark.sqlite_only
def test_hostile_query_is_rejected_before_any_action(at: dict[str, Aim], share: Share) -> None:
    before = state()
    wrong = []
    for operation, aim in at.items():
        for case in share("queries", operation):
            if case["on"] == ("write" if aim.operation.method in WRITING else "list"):
                answer = aim.send(path=f"{aim.path}{'&' if '?' in aim.path else '?'}{case['query']}")
                problems = faults(answer, (400,))
                wrong += [(operation, named(case), *problems)] if problems else []

    assert wrong == []
    assert state() == before


def test_hostile_path_is_not_found(at: dict[str, Aim], share: Share) -> None:
    before = state()
    wrong = []
    for operation, aim in at.items():
        asked, own = TRIES[operation].path.split("/"), aim.path.split("/")
        for case in share("paths", operation) if "{" in TRIES[operation].path else ():
            path = "/".join(case["segment"] if "{" in part else kept for part, kept in zip(asked, own, strict=True))
            with aim.send(path=path) as answer:
                problems = faults(answer, (404, 405))
            wrong += [(operation, named(case), *problems)] if problems else []

    assert wrong == []
    assert state() == before


def test_every_body_is_covered(at: dict[str, Aim]) -> None:
    json_bodies = {name for name, aim in at.items() if aim.json_body is not None}
    forms = {name for name, aim in at.items() if aim.takes_form}

    assert json_bodies == set(WITH_BODY)
    assert forms == {name for name, tried in TRIES.items() if tried.form is not None}
