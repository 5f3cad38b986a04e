"""List pages with filters in the query string: requested filters, and links to other pages of the list."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any, Final
from urllib.parse import urlencode

from flask import Response, render_template, request

from registry.core.lists import MAX_COUNTED, ListDeclaration, Listing, ListTotals, Page, every_page
from registry.core.spreadsheets.writer import Cell, Rows, table_as_csv, table_as_xlsx
from registry.http.responses import csv_download, xlsx_download
from registry.journal.read_replica import use_read_replica
from registry.web.blueprint import parent_page
from registry.web.formats import NOTHING, gettext, money_in_short, number, short_day
from registry.web.labels import choice_label, field_label, filter_text, name_in_page_language, options, tag_colour

SHOWN: Final = 25
MAX_FILTER_LENGTH: Final = 1000


def requested_filters(names: Iterable[str]) -> dict[str, str]:
    """Return the non-empty filters. Browsers send empty fields too, and repeat fields with several values."""
    filters = {}
    for name in names:
        value = ",".join(part.strip() for part in request.args.getlist(name) if part.strip())[:MAX_FILTER_LENGTH]
        if value:
            filters[name] = value
    return filters


def requested_page(limit: int = SHOWN) -> Page:
    """Return the requested page of the list. A list in groups is in the order of ``group``."""
    sort = request.args.get("group") or request.args.get("sort")
    return Page(limit, request.args.get("cursor") or None, sort or None)


def with_sort(filters: Mapping[str, str]) -> dict[str, str]:
    """Return the filters with the requested order, if there is one."""
    sort = requested_page().sort
    return {**filters, **({"sort": sort} if sort else {})}


def next_address(cursor: str | None) -> str | None:
    """Return the URL of the next page, None on the last."""
    return None if cursor is None else list_address(cursor=cursor)


def first_address() -> str | None:
    """Return the URL of the first page, None on the first."""
    return list_address() if "cursor" in request.args else None


def render_list(template: str, listing: Listing, **context: Any) -> str:
    """Render the page of a list: its ``items``, and the links to the first and the next page."""
    links = {"next_address": next_address(listing.next), "first_address": first_address()}
    return render_template(template, items=listing.items, **links, **context)


def list_address(**changed: str) -> str:
    """Return the URL of the first page of this list, with some parameters changed; an empty one is left out."""
    left_out = {"cursor", *changed, *(("group",) if "sort" in changed else ())}
    kept = [(name, value) for name, value in request.args.items(multi=True) if name not in left_out]
    parameters = [(name, value) for name, value in (*kept, *changed.items()) if value]
    # When a list page is displayed again for an invalid form, its links use the list's own URL.
    return f"{parent_page(request.path)}?{urlencode(parameters)}"


# Columns of lists: what files and pages have in common.


@dataclass(frozen=True, slots=True)
class ListCell:
    """A cell of a page: a text, with a link if it has an ``address``, and on a second line what is ``below`` it.

    ``tag``: the label and the colour of a tag before the text. ``button``: its label and its address. ``row``: of
    which row a link or button is, for those who hear it alone.
    ``is_late``: what is below is a warning.
    """

    text: str = ""
    below: str = ""
    address: str | None = None
    tag: tuple[str, str] | None = None
    button: tuple[str, str] | None = None
    row: str = ""
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a list: its heading, its value in files, and its cell on the page; one of both may be missing.

    ``kind``, which is its width: ``main``, ``text``, ``state``, ``day``, ``short``, ``number`` or ``person``. ``sort``:
    its name, after ``-`` where the largest value is the first of interest.
    """

    heading: str
    value: Callable[[Any], Cell] | None = None
    cell: Callable[[Any], ListCell] | None = None
    kind: str = "text"
    sort: str = ""


def tag_of(of_field: str, code: str) -> tuple[str, str]:
    """Return the tag of a field's choice."""
    return choice_label(of_field, code), tag_colour(of_field, code)


def record_cell(record: Any, address: str, *below: str) -> ListCell:
    """Return the cell of a record: its name in the page's language as a link, below it what else identifies it."""
    return ListCell(name_in_page_language(record), " · ".join(filter(None, below)), address)


def plain_column(heading: str, value: Callable[[Any], Cell], kind: str = "text", sort: str = "") -> TableColumn:
    """Return a column whose cell is the text of its value."""
    return TableColumn(heading, value, lambda row: ListCell(_text(value(row))), kind, sort)


def choice_column(heading: str, value: Callable[[Any], str | None], of_field: str, kind: str = "text") -> TableColumn:
    """Return a column of a choice, by its label; a tag if it is a ``state``."""
    column = plain_column(heading, lambda row: (code := value(row)) and choice_label(of_field, code), kind)
    if kind != "state":
        return column
    return replace(column, cell=lambda row: ListCell(tag=tag_of(of_field, value(row) or "")))


def _text(value: Cell) -> str:
    if value is None or value == "":
        return NOTHING
    return short_day(value) if isinstance(value, date) else str(value)


# Pages of lists: all that ``list.html`` displays besides the rows.

FilterField = tuple[str, str, Sequence[tuple[str, str]]]


def filter_fields(*names: str) -> list[FilterField]:
    """Return the selects of fields of a record in the form of a list."""
    return [(name, field_label(name), options(name)) for name in names]


@dataclass(frozen=True, slots=True)
class Tab:
    """A work list on the page. ``here`` is true for the current one."""

    text: str
    address: str
    here: bool
    count: int | None
    in_line: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """The page of a list: its title, the endpoint that its filters are sent to, its columns, and its form of filters.

    ``caption``: the second half of the title. ``about``: what the list holds. ``words``: the label of the search.
    ``fields``, ``dates``, ``ticks``: the selects, pairs of dates and checkboxes of the form; ``defaults``: of selects
    that always have a value. ``implied``: filters that the current tab says. ``records``: what is counted, added up and
    put in groups; ``groups``: of its sorts that do so the label, and the title of a group from its value and its first
    row. ``row_id``, ``row_name``, ``amount``: of the rows that can be chosen, with ``actions``, labels by their
    addresses. ``has_preview``: the pages of its records have a short form, with ``preview`` in the query. ``buttons``,
    ``links``, ``files``: texts with addresses. ``help``: the guide, section and text of a link to it. ``tabs``,
    ``saved``: its work lists and saved views.
    """

    title: str
    endpoint: str
    columns: Sequence[TableColumn]
    caption: str = ""
    empty: str = ""
    about: str = ""
    words: str = ""
    fields: Sequence[FilterField] = ()
    dates: Sequence[str] = ()
    ticks: Sequence[tuple[str, str, str]] = ()
    sorts: Mapping[str, str] = field(default_factory=dict)
    implied: Sequence[str] = ()
    defaults: Mapping[str, str] = field(default_factory=dict)
    records: ListDeclaration[Any] | None = None
    groups: Mapping[str, tuple[str, Callable[[Any, Any], str]]] = field(default_factory=dict)
    actions: Mapping[str, str] = field(default_factory=dict)
    row_id: Callable[[Any], int | str] | None = None
    row_name: str = "case"
    amount: Callable[[Any], int | None] | None = None
    buttons: Sequence[tuple[str, str]] = ()
    links: Sequence[tuple[str, str]] = ()
    files: Sequence[tuple[str, str]] = ()
    help: tuple[str, str, str] | None = None
    tabs: Sequence[Any] = ()
    saved: Any = None
    has_tables: bool = True
    has_preview: bool = False
    with_below: bool = False
    none_chosen: bool = False

    @property
    def in_form(self) -> set[str]:
        """The filters that have a field in the form."""
        dates = (f"{name}_{end}" for name in self.dates for end in ("from", "to"))
        words = ("q",) if self.words else ()
        return {*words, "agency", "below", *dates, *(name for name, *_ in (*self.fields, *self.ticks))}

    def chips(self, filters: Mapping[str, str], agency: str) -> list[tuple[str, str]]:
        """Return the texts of the active filters, each with the address of the list without it.

        ``agency``: the name of the one of the filter.
        """
        labels = {name: label for name, label, _choices in self.fields}
        choices = {name: dict(options) for name, _label, options in self.fields}
        chips = []
        for name, value in filters.items():
            if name == "agency" and agency:
                text = f"{field_label(name)}: {agency}"
            elif set(value.split(",")) <= {*choices.get(name, ())}:
                text = f"{labels[name]}: {'; '.join(choices[name][each] for each in value.split(','))}"
            else:
                text = filter_text(name, value, choices.get("rule", {}))
            if name not in ("q", *self.implied):
                chips.append((text, list_address(**{name: ""})))
        return chips


# A sum costs more than a count.
MAX_SUMMED: Final = 2_000
Section = tuple[str | None, Sequence[Any]]


def render_list_page(
    page: ListPage,
    listing: Listing,
    filters: Mapping[str, str],
    actor: Any,
    agency: Any = None,
    sections: Sequence[Section] | None = None,
) -> str:
    """Render the page of a list. ``agency``: its AgencyFilter. ``sections``: groups of its rows with their headings."""
    kept = {name: value for name, value in filters.items() if name not in page.in_form}
    requested, records = requested_page(), page.records
    sort = requested.sort or (records.default_sort if records else "")
    totals = records.totals(actor, filters, requested) if records and listing.items else ListTotals(None, None, None)
    sorts = {name: gettext(text) for name, text in page.sorts.items()}
    # By a heading of the table a list is also in orders that its form does not offer.
    headings = {each.sort.removeprefix("-"): each.heading for each in page.columns if each.cell}
    if sort not in sorts and headings.get(sort.removeprefix("-")):
        sorts[sort] = f"{headings[sort.removeprefix('-')]} {'↓' if sort.startswith('-') else '↑'}"
    if sections is None and sort.removeprefix("-") in page.groups:
        sections = _grouped(page, listing, filters, actor, sort.removeprefix("-"))
    return render_list(
        "list.html",
        listing,
        page=page,
        actor=actor,
        filters=filters,
        agency=agency,
        sections=sections or [(None, listing.items)],
        totals=_totals_text(records, totals, filters, actor, len(listing.items)) if records else "",
        previous_address=None if totals.previous is None else list_address(cursor=totals.previous),
        kept=kept,
        chips=page.chips(filters, agency.name if agency is not None and agency.is_known else ""),
        sort=sort,
        sorts=sorts,
        table_filters={**filters, **({"sort": sort} if sort else {})},
    )


def _grouped(page: ListPage, listing: Listing, filters: Mapping[str, str], actor: Any, group: str) -> list[Section]:
    """Return the rows of the page by the values of a sort, each group with what the whole list has of it."""
    sections: list[Section] = []
    totals = page.records.group_totals(actor, filters, group) if page.records and listing.items else {}
    title = page.groups[group][1]
    for key, members in groupby(zip(listing.keys, listing.items, strict=True), itemgetter(0)):
        rows = [row for _key, row in members]
        count, amount = totals.get(key, (len(rows), 0))
        sections.append((f"{title(key, rows[0])}: {number(count)} · {money_in_short(amount)}", rows))
    return sections


def _totals_text(
    records: ListDeclaration[Any], totals: ListTotals, filters: Mapping[str, str], actor: Any, shown: int
) -> str:
    most = {"count": number(MAX_COUNTED)}
    if totals.before is None:
        return gettext("More than %(count)s") % most
    edges = {"first": number(totals.before + 1), "last": number(totals.before + shown)}
    if totals.total is None:
        return gettext("%(first)s–%(last)s of more than %(count)s") % (edges | most)
    text = gettext("%(first)s–%(last)s of %(count)s") % {**edges, "count": number(totals.total)}
    if records.amount is None or totals.total > MAX_SUMMED:
        return text
    return f"{text} · {money_in_short(records.group_totals(actor, filters)[None][1])}"


# List downloads: all rows of a list page as CSV or XLSX, in the same order.

ENDINGS: Final = "any(csv, xlsx)"


def download_list(
    ending: str, name: str, columns: Sequence[TableColumn], page_of: Callable[[Page], Listing]
) -> Response:
    """Stream the requested list as CSV or XLSX: each column with its heading and its value of an item.

    Errors of the first page are raised before the response starts. ``page_of`` reads a page of the list.
    """
    use_read_replica(for_export=True)
    header = [each.heading for each in columns if each.value is not None]
    values = [each.value for each in columns if each.value is not None]
    pages: Iterator[Rows] = every_page(
        page_of, lambda items: [[value(item) for value in values] for item in items], request.args.get("sort") or None
    )
    return download_table(ending, name, header, pages)


def download_table(
    ending: str, name: str, header: Sequence[str], pages: Iterable[Rows], sheet: str | None = None
) -> Response:
    """Stream a table as CSV or XLSX. ``sheet``: the name of the sheet, by default that of the file."""
    if ending == "csv":
        return csv_download(name, table_as_csv(header, pages))
    return xlsx_download(name, lambda path: table_as_xlsx(path, sheet or name, header, pages))
