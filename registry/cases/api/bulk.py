"""The endpoints of actions on several cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from marshmallow import Schema

from registry.accounts.roles import Permission
from registry.api.blueprint import ApiBlueprint, current_actor
from registry.cases.bulk import act_on_cases, open_cases
from registry.cases.schemas import (
    MANY_ASSIGNED,
    MANY_CASES,
    MANY_CONFIRMED,
    MANY_DONE,
    MANY_OPENED,
    MANY_OPENED_DONE,
)
from registry.cases.vocabulary import ActionName
from registry.cases.workflow import ACTIONS
from registry.core.errors import Problem
from registry.core.messages import message
from registry.http.locale import request_locale

blp = ApiBlueprint("cases-bulk", __name__, description="One action on up to 500 cases.")
# Of each action: what it does, its body, its answer and an example of that.
ENDPOINTS: Final[Mapping[str, tuple[str, Schema, Schema, Mapping[str, Any]]]] = {
    ActionName.CLAIM: ("Take several cases", MANY_CASES, MANY_DONE, {"done": [12], "refused": []}),
    ActionName.ASSIGN: ("Give several cases to a reviewer", MANY_ASSIGNED, MANY_DONE, {"done": [12], "refused": []}),
    ActionName.ASK: ("Ask the agencies of several cases", MANY_CASES, MANY_DONE, {"done": [12], "refused": []}),
    ActionName.CONFIRM: (
        "Confirm several cleared cases",
        MANY_CASES,
        MANY_CONFIRMED,
        {"done": [12], "confirmed": [12], "refused": []},
    ),
}
OF_CASES: Final = ("case",)
# Both names are in the answer: clients of earlier versions read ``id``.
OF_CONFIRMED: Final = ("case", "id")


def _add_action(name: str, summary: str, schema: Schema, answer: Schema, example: Mapping[str, Any]) -> None:
    operation = f"{name}_many_cases"

    @blp.route(f"/cases/{name}", methods=["POST"], endpoint=operation)
    @blp.requires(ACTIONS[name].needs)
    @blp.doc(operationId=operation, summary=summary)
    @blp.arguments(schema, example={"cases": [12, 15], **({"assignee": "aigerim"} if name == "assign" else {})})
    @blp.idempotent(commits_itself=True)
    @blp.response(200, answer, example=example)
    def act_on_many_cases(values: Mapping[str, Any]) -> Any:
        """Act on several cases.

        Each is independent, with the checks of the single action. With `atomic`, nothing is done unless all can be.
        """
        atomic = values.get("atomic") is True
        result = act_on_cases(current_actor(), name, values["cases"], values, atomic=atomic)
        if name != ActionName.CONFIRM:
            return {"done": result.done, "refused": _refused(OF_CASES, result.refused)}
        refused = _refused(OF_CONFIRMED, result.refused)
        return {"done": result.done, "confirmed": result.done, "refused": refused}


for _name, _parts in ENDPOINTS.items():
    _add_action(_name, *_parts)


@blp.route("/cases/open", methods=["POST"], endpoint="open_many_cases")
@blp.requires(Permission.CASES_REVIEW)
@blp.doc(operationId="open_many_cases", summary="Open cases for several projects on the watch list")
@blp.arguments(MANY_OPENED, example={"projects": ["QT-2026-0000001-1"]})
@blp.idempotent(commits_itself=True)
@blp.response(200, MANY_OPENED_DONE, example={"done": [12], "refused": []})
def open_many_cases(values: Mapping[str, Any]) -> Any:
    """Open cases. Each is independent; with `atomic`, nothing is done unless all can be."""
    result = open_cases(current_actor(), values["projects"], atomic=values.get("atomic") is True)
    return {"done": result.done, "refused": _refused(("project",), result.refused)}


def _refused(names: Sequence[str], refused: Sequence[tuple[Any, Problem]]) -> list[dict[str, Any]]:
    language = request_locale()
    return [
        {**dict.fromkeys(names, subject), "code": each.code, "message": message(each.code, language, each.params)}
        for subject, each in refused
    ]
