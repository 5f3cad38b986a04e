"""Public pages and files of the open data."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from flask import Response, current_app, json, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from registry.agencies.pages import agency_names
from registry.core.errors import RegistryError, RouteNotFound, Unavailable
from registry.core.spreadsheets.writer import CSV_BOM, csv_lines, escape_formula
from registry.core.translations import lazy_text
from registry.http.error_handlers import problem_response
from registry.http.responses import CSV, PIECE, make_tag, not_modified
from registry.http.security import Public, own_address
from registry.open_data import queries
from registry.open_data.catalogue import TABLES, Table, catalogue, data_package
from registry.open_data.models import PUBLICATION, Publication
from registry.open_data.queries import AGENCY_PREFIX
from registry.open_data.service import StoredSet, stored_file, stored_set
from registry.web.blueprint import CACHEABLE, Answer, cacheable_page, pages
from registry.web.labels import name_in_page_language
from registry.web.lists import render_list, requested_filters, requested_page

# The files of the open data at their fixed addresses: for programs of everybody, also in browsers of other sites.

OPEN: Final = Public("open data are for everybody, where the operator publishes them")
JSON: Final = "application/json"
JSON_LD: Final = "application/ld+json"
GZIP: Final = "gzip"
FOR_OTHER_SITES: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag, Last-Modified",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


class OpenDataNotReady(Unavailable):
    """The files of the open data are being written: there are none yet, or a project in them became private."""

    # The worker looks once a minute.
    retry_after = 60


def publication() -> Publication:
    """Return what this installation publishes. Raises RouteNotFound where the open data are off."""
    licence = current_app.config.get(PUBLICATION)
    if licence is None:
        raise RouteNotFound
    return Publication(own_address("web.open_data"), licence)


@pages.page("/open-data/projects.csv", needs=OPEN, without_session=True)
def open_data_csv() -> Answer:
    """All public projects."""
    return _file(lambda stored, _publication: stored.sha256, _csv)


@pages.page("/open-data/datapackage.json", needs=OPEN, without_session=True)
def open_data_package() -> Answer:
    """The set as a Data Package."""
    return _file(_tag, lambda stored, published: _json(data_package(stored, published), JSON))


@pages.page("/open-data/catalog.jsonld", needs=OPEN, without_session=True)
def open_data_catalogue() -> Answer:
    """The set for data portals, in DCAT-AP."""
    return _file(_tag, lambda stored, published: _json(catalogue(stored, published), JSON_LD))


@pages.page(
    "/open-data/<any(coverage, checkpoints, confirmed):name>.<any(csv, json):ending>", needs=OPEN, without_session=True
)
def open_data_figures(name: str, ending: str) -> Answer:
    """A small table of figures, as they are now."""
    try:
        published = publication()
    except RegistryError as error:
        return problem_response(error)
    table = TABLES[name]
    rows = [*table.rows(published)]
    tag = make_tag(request.path, rows)
    response = not_modified(tag)
    if response is None:
        response = _table_file(name, ending, table, rows)
        response.set_etag(tag)
    return _for_everybody(response)


def _table_file(name: str, ending: str, table: Table, rows: list[Sequence[Any]]) -> Response:
    if ending == "json":
        return _json([dict(zip(table.columns, row, strict=True)) for row in rows], JSON)
    cells = [[escape_formula(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    response = Response(CSV_BOM + csv_lines([table.columns, *cells]), content_type=f"{CSV}; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _for_everybody(response: AnyResponse) -> AnyResponse:
    response.headers["Cache-Control"] = CACHEABLE
    response.headers.extend(FOR_OTHER_SITES)
    return response


def _file(
    tag_of: Callable[[StoredSet, Publication], str], made: Callable[[StoredSet, Publication], Response]
) -> AnyResponse:
    try:
        published = publication()
        stored = stored_set()
        if stored is None:
            raise OpenDataNotReady
        tag = tag_of(stored, published)
        response = not_modified(tag)
        if response is None:
            response = made(stored, published)
            encoding: str | None = response.content_encoding
            if _is_known_by_time(stored):
                # A cache finds by the tag which of its responses still holds.
                encoding = encoding or _later_encoding(response)
                response = Response(status=304)
                response.headers.remove("Content-Type")
            response.set_etag(f"{tag}:{encoding}" if encoding else tag)
    except RegistryError as error:
        # Programs read these addresses, with any Accept header.
        return problem_response(error)
    response.last_modified = stored.made_at
    return _for_everybody(response)


def _is_known_by_time(stored: StoredSet) -> bool:
    """Return True when a program that keeps times, not tags, has it already (RFC 9110, 13.1.3)."""
    since = None if "If-None-Match" in request.headers else request.if_modified_since
    return since is not None and stored.made_at.replace(microsecond=0) <= since


def _later_encoding(response: Response) -> str | None:
    """Return the encoding that Flask-Compress would choose for a response; None when it would not compress it."""
    accepted = request.accept_encodings
    best = max(current_app.config["COMPRESS_ALGORITHM"], key=lambda each: accepted[each])
    is_compressed = response.mimetype in current_app.config["COMPRESS_MIMETYPES"] and accepted[best] > 0
    return str(best) if is_compressed else None


def _csv(stored: StoredSet, _publication: Publication) -> Response:
    compressed = stored_file(stored.sha256)
    if compressed is None:
        raise OpenDataNotReady
    if request.accept_encodings[GZIP] > 0:
        response = Response(compressed, content_type=f"{CSV}; charset=utf-8")
        response.content_encoding = GZIP
    else:
        response = Response(_unpacked(compressed), content_type=f"{CSV}; charset=utf-8")
        response.content_length = stored.size
    response.vary.add("Accept-Encoding")
    response.headers["Content-Disposition"] = 'attachment; filename="projects.csv"'
    return response


def _unpacked(compressed: bytes) -> Iterator[bytes]:
    unpacking = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    for start in range(0, len(compressed), PIECE):
        yield unpacking.decompress(compressed[start : start + PIECE])
    yield unpacking.flush()


def _json(contents: object, content_type: str) -> Response:
    return Response(json.dumps(contents, ensure_ascii=False, indent=2), content_type=content_type)


def _tag(stored: StoredSet, published: Publication) -> str:
    return make_tag(request.path, stored, published.home, published.licence.name, published.licence.url)


# The public page: search, downloads, and a page for each project with its public fields.

AGENCY: Final = "agency"
CHOICES: Final[dict[str, queries.PublicField]] = {
    field.name: field for field in queries.PUBLIC_FIELDS if field.name in queries.FILTERS
}
# What has a line of its own on the page of a project: the rest is its heading and its agency.
SHOWN: Final = tuple(
    field
    for field in queries.PUBLIC_FIELDS
    if field.name != AGENCY and not field.name.startswith(("name_", AGENCY_PREFIX)) and field.name != "freeze_status"
)
OFFERED: Final = (
    ("open_data_csv", lazy_text("CSV: all public projects")),
    ("open_data_package", lazy_text("Data Package: the columns explained in three languages")),
    ("open_data_catalogue", lazy_text("DCAT-AP: for data portals")),
)


@pages.page("/open-data", needs=OPEN, without_session=True)
def open_data() -> Answer:
    """Search the public projects."""
    published = publication()
    filters, agency = requested_filters(queries.FILTERS), request.args.get(AGENCY, "").strip()
    listing = queries.list_public_projects(filters, agency, requested_page())
    page = render_list(
        "open_data/list.html",
        listing,
        agencies=agency_names(item[AGENCY] for item in listing.items),
        filters=filters,
        agency=agency,
        choices=CHOICES,
        count=queries.count_public_projects(filters, agency),
        most=queries.MAX_COUNT,
        offered=OFFERED,
        tables=TABLES,
        stored=stored_set(),
        licence=published.licence,
    )
    return cacheable_page(page)


@pages.page("/open-data/projects/<number>", needs=OPEN, without_session=True)
def open_data_project(number: str) -> Answer:
    """The public fields of one project."""
    publication()
    project = queries.read_public_project(number)
    agency = {name.removeprefix(AGENCY_PREFIX): value for name, value in project.items() if AGENCY_PREFIX in name}
    page = render_template(
        "open_data/project.html", project=project, agency_name=name_in_page_language(agency), fields=SHOWN
    )
    return cacheable_page(page)
