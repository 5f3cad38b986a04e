"""Implementation of ``scripts/gallery``: a screenshot of every stop, ``<page>.<language>.<width>.png``.

``--readme`` creates the picture of README.md.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner
from flask import Flask
from playwright.sync_api import Browser

from registry.app import create_app
from registry.core.schema import upgrade_schema
from registry.core.translations import LANGUAGES
from registry.demo.commands import load
from registry.settings import CHECKOUT, read_settings
from tests.web.browser import chromium, context, served, sessions, sign_in, visit
from tests.web.tour import prepare, stops
from tests.web.tour_stop import person_name

WIDTHS = (1280, 390)
README_PICTURE = CHECKOUT / "docs" / "images" / "case.png"
README_STOP = "case-approval"
README_HEIGHT = 1180


def make_gallery(folder: Path, only: str = "") -> None:
    """Create the screenshots of the pages whose name contains ``only``."""
    folder.mkdir(parents=True, exist_ok=True)
    with demo() as (_app, address, known, browser):
        for language in LANGUAGES:
            for width in WIDTHS:
                for role, page in sessions(browser, address, language, width):
                    for stop in stops(known):
                        if stop.role == role and only in stop.name:
                            visit(page, stop.in_language(language))
                            page.screenshot(path=folder / f"{stop.name}.{language}.{width}.png", full_page=True)


def make_readme_picture() -> None:
    """Create the picture of the README: the top of a case that waits for a supervisor."""
    README_PICTURE.parent.mkdir(exist_ok=True)
    with demo() as (_app, address, known, browser):
        (stop,) = (stop for stop in stops(known) if stop.name == README_STOP)
        page = context(browser, address, width=WIDTHS[0]).new_page()
        assert stop.role is not None
        sign_in(page, person_name(stop.role))
        visit(page, stop)
        page.set_viewport_size({"width": WIDTHS[0], "height": README_HEIGHT})
        page.screenshot(path=README_PICTURE)


@contextmanager
def demo() -> Iterator[tuple[Flask, str, dict[str, object], Browser]]:
    """Serve the demo. Return it, its URL, the parameters of the tour's paths, and a browser."""
    with tempfile.TemporaryDirectory() as data:
        environment = {"REGISTRY_DATA_DIR": data, "REGISTRY_AUDIT_AT": "off", "REGISTRY_SECOND_FACTOR": "off"}
        app = create_app(read_settings(environment))
        for name in ("registry", "werkzeug"):
            logging.getLogger(name).setLevel(logging.WARNING)
        with app.app_context():
            upgrade_schema()
        loaded = CliRunner().invoke(load, env=environment)
        if loaded.exit_code:
            raise SystemExit(loaded.output)
        known = prepare(app)
        with served(app) as address, chromium() as browser:
            yield app, address, known, browser


if __name__ == "__main__":
    if sys.argv[1] == "--readme":
        make_readme_picture()
    else:
        make_gallery(Path(sys.argv[1]), *sys.argv[2:])
