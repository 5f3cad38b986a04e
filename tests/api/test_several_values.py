"""A filter that takes several values takes 500 of them, and names its limit for more."""

from __future__ import annotations

import json
from itertools import cycle, islice
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient

from registry.settings import CHECKOUT
from tests.api.access_matrix.roles import AGENCY
from tests.api.access_matrix.routes import TRIES, path_of
from tests.api.access_matrix.world_making import a_world
from tests.api.breaking_changes import resolved
from tests.api.callers import caller, codes
from tests.api.routes import declared_routes
from tests.api.test_filter_pairs import SAME_PAGES
from tests.factories import a_bin, an_agency

SPECIFICATION: dict[str, Any] = json.loads((CHECKOUT / "docs" / "openapi.json").read_text(encoding="utf-8"))


def several() -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """Operation → its parameters that take several values, with the schema of one."""
    parameters: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for methods in SPECIFICATION["paths"].values():
        for name, operation in methods.items():
            for each in operation.get("parameters", ()) if name != "parameters" else ():
                parameter = resolved(SPECIFICATION, each)
                if parameter.get("schema", {}).get("type") == "array":
                    assert parameter["schema"]["maxItems"] == 500, (operation["operationId"], parameter["name"])
                    item = resolved(SPECIFICATION, parameter["schema"]["items"])
                    parameters.setdefault(operation["operationId"], []).append((parameter["name"], dict(item)))
    return parameters


def values(item: dict[str, Any], count: int) -> list[str]:
    """So many values, each right."""
    if "enum" in item:
        return list(islice(cycle(map(str, item["enum"])), count))
    return [a_bin() if item.get("format") == "bin" else f"QT-2026-{number:07}-5" for number in range(count)]


def test_500_values_work_and_501_are_refused_wherever_a_filter_takes_several(
    client: FlaskClient, nightly: bool
) -> None:
    home = an_agency()
    world, tried = a_world(home), several()
    assert len(tried) > 20
    wrong = []
    for operation in declared_routes(client.application):
        role = TRIES[operation.name].sender
        who = caller(client, role, home if role in AGENCY else None) if operation.name in tried else None
        for place, (name, item) in enumerate(tried.get(operation.name, ())):
            # They take each value once; and only the owner of a webhook sees its deliveries.
            if who is None or name in ("not", "expand") or operation.name == "list_webhook_deliveries":
                continue
            path = path_of(operation.name, world).partition("?")[0]
            # By day without the exports that read the pages of their lists.
            if path in SAME_PAGES and not nightly:
                continue
            needed = {"after": "0"} if operation.name == "follow_changes" else {}
            # Every list takes 500 values of its first filter; at night of each.
            for count, status in ((500, 200), (501, 400)) if nightly or not place else ((501, 400),):
                sent = map(str, range(1, count + 1)) if name == "id" else values(item, count)
                query = urlencode({**needed, name: ",".join(sent)})
                with who.get(f"{path}?{query}") as answer:
                    if answer.status_code != status:
                        wrong.append((operation.name, name, count, answer.status_code, answer.data[:150]))
                    elif count == 501 and codes(answer) != {(name, "too-many-values")}:
                        wrong.append((operation.name, name, codes(answer)))
    assert not wrong, "\n".join(map(str, wrong))


def test_limit_is_named_with_the_number_that_was_sent(editor: Any) -> None:
    answer = editor.get(f"/flags?project={','.join(values({}, 501))}")
    assert answer.get_json()["errors"][0]["message"] == "Give at most 500 values; 501 were sent."
    repeated = "&".join(f"project={each}" for each in values({}, 500))
    assert editor.get(f"/flags?{repeated}").status_code == 200


@pytest.mark.parametrize("length", [1000, 1001])
def test_each_value_has_a_length(editor: Any, length: int) -> None:
    answer = editor.get(f"/projects?external_id=A-1,{'x' * length}")
    assert answer.status_code == (200 if length == 1000 else 400)
