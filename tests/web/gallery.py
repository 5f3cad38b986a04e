"""What ``scripts/gallery`` runs: every stop of the tour as a picture, ``<page>.<language>.<width>.png``."""

from __future__ import annotations

import logging
import sys
import tempfile
from pathlib import Path

from click.testing import CliRunner

from registry.app import create_app
from registry.cli.demo import load
from registry.language.languages import LANGUAGES
from registry.settings import read_settings
from registry.store.schema import upgrade_schema
from tests.web.browser import chromium, served, sessions, visit
from tests.web.tour import prepare, stops

WIDTHS = (1280, 390)


def main(folder: Path, only: str = "") -> None:
    """Make the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        environment = {"REGISTRY_DATA_DIR": data, "REGISTRY_AUDIT_AT": "off"}
        app = create_app(read_settings(environment))
        logging.getLogger("registry").setLevel(logging.WARNING)
        with app.app_context():
            upgrade_schema()
        loaded = CliRunner().invoke(load, env=environment)
        if loaded.exit_code:
            raise SystemExit(loaded.output)
        known = prepare(app)
        with served(app) as address, chromium() as browser:
            for language in LANGUAGES:
                for width in WIDTHS:
                    for role, page in sessions(browser, address, language, width):
                        for stop in stops(known):
                            if stop.role == role and only in stop.name:
                                visit(page, stop)
                                page.screenshot(path=folder / f"{stop.name}.{language}.{width}.png", full_page=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
