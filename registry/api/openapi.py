"""The specification as it is served and committed, and the documentation page that shows it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from flask import Blueprint, Flask, Response, redirect, request, send_from_directory
from werkzeug.wrappers import Response as AnyResponse

from registry.api.blueprint import API_PREFIX
from registry.api.specification import errors_page, make_specification, of_integrators
from registry.http.responses import make_tag, not_modified

# The whole, and what integrators need of it.
DOCUMENTS: Final = ("openapi.json", "openapi-integrator.json")


@cache
def specification_texts() -> Mapping[str, str]:
    """Return the documents as they are served and committed. Made when first asked for, once in a process."""
    whole = make_specification()
    made = zip(DOCUMENTS, (whole, of_integrators(whole)), strict=True)
    return {name: json.dumps(document, ensure_ascii=False, indent=1) + "\n" for name, document in made}


def main(folder: str) -> None:
    """Write them and the reference of error codes: ``python -m registry.api.openapi docs``. Needs no database."""
    for name, text in {**specification_texts(), "reference/errors.md": errors_page()}.items():
        Path(folder, name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])


# Both below ``/api/v1`` and the documentation page that shows them, from files of this repository alone.

FOLDER: Final = Path(__file__).with_name("swagger_ui")
ASSETS: Final = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png", "start.js", "LICENSE", "NOTICE")
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def attach_docs(app: Flask) -> None:
    """Register the routes."""
    docs = Blueprint("docs", __name__)
    html = (FOLDER / "page.html").read_text(encoding="utf-8")

    @docs.get(f"{API_PREFIX}/<any({', '.join(map(repr, DOCUMENTS))}):name>")
    def openapi(name: str) -> Response:
        specification = specification_texts()[name]
        tag = make_tag(specification)
        unchanged = not_modified(tag)
        if unchanged is not None:
            return unchanged
        response = Response(specification, content_type="application/json")
        response.set_etag(tag)
        return response

    @docs.get("/docs")
    def leading() -> AnyResponse:
        return redirect(f"{API_PREFIX}/docs", code=302)

    @docs.get(f"{API_PREFIX}/docs")
    def page() -> Response:
        response = Response(html, content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = POLICY
        return response

    @docs.get(f"{API_PREFIX}/docs/<any({', '.join(map(repr, ASSETS))}):name>")
    def asset(name: str) -> Response:
        return send_from_directory(FOLDER, name, conditional=request.method == "GET")

    app.register_blueprint(docs)
