"""The handlers of events are connected in every process that can publish one, in the order of locks."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SHOW = """
import json, {module}
from registry.agencies.service import agency_changed
from registry.journal.service import entries_appended
from registry.projects.models import project_restricted, project_withdrawn
print(json.dumps([[f"{{each.__module__}}.{{each.__name__}}" for each in event.handlers]
                  for event in (agency_changed, project_restricted, project_withdrawn, entries_appended)]))
"""

pytestmark = pytest.mark.sqlite_only


@pytest.mark.parametrize(
    "module",
    [
        pytest.param("registry.app", id="web application"),
        pytest.param("registry.cli.app_context", id="command line"),
        pytest.param("registry.cli.serve", id="scheduler"),
    ],
)
def test_handlers_are_connected_in_process(module: str) -> None:
    code = SHOW.format(module=module)
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(shown) == [
        [
            "registry.flags.freeze_status.update_freeze_status_of_agency",
        ],
        [
            "registry.audits.queries.move_in_last_audit",
            "registry.open_data.service.withhold_restricted",
        ],
        ["registry.open_data.service.withhold"],
        ["registry.notifications.immediate.enqueue_entries"],
    ]
