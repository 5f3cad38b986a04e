"""Static files: styles, scripts and fonts, from this host alone. An address with the digest may be cached for a year.

docs/adr/0005-own-code-and-libraries.md: why not WhiteNoise.
"""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from flask import Response, request, url_for
from werkzeug.http import quote_etag

from registry.http.http_errors import RouteNotFound
from registry.http.responses import not_modified
from registry.web.blueprint import Answer, Public, pages

FOLDER: Final = Path(__file__).with_name("assets")
TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
FOR_A_YEAR: Final = "max-age=31536000, immutable"
FOR_A_DAY: Final = "max-age=86400"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is served."""

    content: bytes
    content_type: str
    digest: str


# Read once: 0.6 ms, for each address of an asset on a page.
@cache
def load_assets() -> dict[str, Asset]:
    """Return every file of the folder by its path in it, read once."""
    assets = {}
    for path in sorted(FOLDER.rglob("*")):
        kind = TYPES.get(path.suffix) or mimetypes.types_map.get(path.suffix)
        if path.is_file() and kind is not None:
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()[:16]
            assets[path.relative_to(FOLDER).as_posix()] = Asset(content, kind, digest)
    return assets


def asset_url(name: str) -> str:
    """Return the address of a file, which changes with its content."""
    return url_for("web.asset", name=name, v=load_assets()[name].digest)


@pages.page("/assets/<path:name>", needs=Public("styles and scripts are no secret, and the sign-in page needs them"))
def asset(name: str) -> Answer:
    """One file."""
    entry = load_assets().get(name)
    if entry is None:
        raise RouteNotFound
    unchanged = not_modified(entry.digest)
    if unchanged is not None:
        return unchanged
    response = Response(entry.content, content_type=entry.content_type)
    response.headers["ETag"] = quote_etag(entry.digest)
    response.headers["Cache-Control"] = FOR_A_YEAR if request.args.get("v") == entry.digest else FOR_A_DAY
    return response
