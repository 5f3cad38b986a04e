"""The list of what the service is made of is the one of the locked versions."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version

from registry.settings import CHECKOUT

LIST = CHECKOUT / "docs" / "bill-of-materials.cdx.json"


def test_the_committed_list_is_what_is_locked() -> None:
    checked = subprocess.run([sys.executable, "scripts/bill_of_materials", "--check"], cwd=CHECKOUT, check=False)
    assert checked.returncode == 0, "run scripts/bill_of_materials"


def test_the_list_names_what_runs_here_with_its_version_and_hashes() -> None:
    components = {component["name"]: component for component in json.loads(LIST.read_text("utf-8"))["components"]}

    for name in ("flask", "sqlalchemy", "marshmallow", "waitress", "argon2-cffi"):
        assert components[name]["version"] == version(name)
        assert components[name]["externalReferences"][0]["hashes"]
    # The web server of production too.
    assert {"granian", "htmx.org", "govuk-frontend", "swagger-ui-dist"} <= set(components)


def test_the_list_names_packages_and_no_place_to_load_them_from() -> None:
    text = LIST.read_text("utf-8")

    assert all(
        files["url"] == component["purl"]
        for component in json.loads(text)["components"]
        for files in component["externalReferences"]
    )
    assert text.count("://") == 1, "the schema's own address alone"
