"""Help pages: which documents they are, and how Markdown becomes HTML with the classes of the pages."""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape

from registry.accounts.roles import AGENCY_ROLES, Role
from registry.core.files import shipped
from registry.core.translations import DEFAULT_LANGUAGE, LANGUAGES, Language, lazy_text

# Documents that are help pages: their names in addresses, their files and translations.

DOCS: Final = shipped("docs")


@dataclass(frozen=True, slots=True)
class Document:
    """A document by its file below ``docs/``. ``summary`` says what it answers, on the list of documents."""

    name: str
    file: PurePosixPath
    title: str
    summary: str

    @property
    def files(self) -> dict[Language, PurePosixPath]:
        """The file of each language, below ``docs/``: ``agency.md``, ``agency.ru.md``; it may not exist."""
        return {
            language: self.file.with_suffix(".md" if language == DEFAULT_LANGUAGE else f".{language}.md")
            for language in LANGUAGES
        }

    def path(self, language: Language) -> Path:
        """Return the path of the file in a language, which may not exist."""
        return DOCS / self.files[language]


def _document(name: str, folder: str, title: str, summary: str) -> Document:
    return Document(name, PurePosixPath(folder, f"{name}.md"), title, summary)


GUIDES: Final = (
    _document(
        "agency",
        "how-to",
        lazy_text("Guide for agencies"),
        lazy_text("Register and import projects, understand a flag, answer, carry out an order, appeal."),
    ),
    _document(
        "reviewer",
        "how-to",
        lazy_text("Guide for reviewers and supervisors"),
        lazy_text("Work through cases, decide, approve, confirm facts and accounts."),
    ),
    _document(
        "administrator",
        "how-to",
        lazy_text("Guide for administrators"),
        lazy_text("Agencies, people, second factors, single sign-on, tokens."),
    ),
    _document(
        "operator",
        "how-to",
        lazy_text("Guide for operators"),
        lazy_text("Audits, the platform inventory, the policy, backups."),
    ),
    _document(
        "integrator",
        "how-to",
        lazy_text("Guide for integrators"),
        lazy_text("Connect another information system to the register."),
    ),
)
REFERENCES: Final = (
    _document(
        "rules", "reference", lazy_text("Freeze rules and audits"), lazy_text("What is flagged, when and how severely.")
    ),
    _document(
        "fields",
        "reference",
        lazy_text("Terms, records and values"),
        lazy_text("Every field of agencies and projects, and the values that it takes."),
    ),
    _document(
        "workflow",
        "reference",
        lazy_text("Cases and notifications"),
        lazy_text("Statuses, actions, deadlines, and who gets which e-mail."),
    ),
    _document(
        "requests",
        "reference",
        lazy_text("Requests"),
        lazy_text("Successions, transfers, withdrawals and confirmations: who asks, who decides, what follows."),
    ),
    _document("api", "reference", lazy_text("API reference"), lazy_text("Endpoints, roles, scopes, errors.")),
    _document("errors", "reference", lazy_text("Error codes"), lazy_text("Every error of the API by its code.")),
    _document("cli", "reference", lazy_text("Command line"), lazy_text("Every command and exit code.")),
    _document(
        "settings", "reference", lazy_text("Settings"), lazy_text("Environment variables, policy file, calendar.")
    ),
    _document(
        "operations",
        "",
        lazy_text("Operations"),
        lazy_text("Install, upgrade, watch, back up and restore the service."),
    ),
)
DOCUMENTS: Final = {document.name: document for document in (*GUIDES, *REFERENCES)}

_GUIDE_OF_ROLE: Final = {
    **dict.fromkeys(AGENCY_ROLES, "agency"),
    Role.REVIEWER: "reviewer",
    Role.SUPERVISOR: "reviewer",
    Role.OPERATOR: "operator",
    Role.ADMINISTRATOR: "administrator",
}
# Agency administrators also manage people.
_FURTHER_OF_ROLE: Final = {Role.AGENCY_ADMINISTRATOR: "administrator"}


def guides_of(role: Role) -> list[Document]:
    """Return the guides for people of a role; none for auditors, who only read."""
    names = (_GUIDE_OF_ROLE.get(role), _FURTHER_OF_ROLE.get(role))
    return [DOCUMENTS[name] for name in names if name is not None]


# Renders the documents from Markdown to HTML with the classes of the pages.
#
# docs/explanation/architecture.md: why the guides are the help pages, and why the sections of a translation have
# English anchors.

# Raw HTML is displayed as text, and the parser makes no links of schemes such as javascript:.
PARSER: Final = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
CLASSES: Final[Mapping[str, str]] = {
    "h2": "govuk-heading-m",
    "h3": "govuk-heading-s",
    "p": "govuk-body",
    "ul": "govuk-list govuk-list--bullet",
    "ol": "govuk-list govuk-list--number",
    "table": "govuk-table stacked",
    "thead": "govuk-table__head",
    "tbody": "govuk-table__body",
    "tr": "govuk-table__row",
    "th": "govuk-table__header",
    "td": "govuk-table__cell",
    "code": "code",
    "a": "govuk-link",
}
# Files below docs/ that the service has elsewhere.
SERVED_ELSEWHERE: Final[Mapping[str, str]] = {
    name: f"/api/v1/{name}" for name in ("openapi.json", "openapi-integrator.json")
}
EXTERNAL: Final = ("http://", "https://", "mailto:")


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a document: the id of its heading, and its text."""

    anchor: str
    title: str


@dataclass(frozen=True, slots=True)
class RenderedDocument:
    """A document in one language. ``language`` is English where there is no translation into the one asked for."""

    title: str
    language: Language
    body: Markup
    sections: tuple[Section, ...]


@cache
def render_document(document: Document, language: Language) -> RenderedDocument:
    """Render a document, in English where it is not translated. The files do not change while the service runs."""
    if not document.path(language).is_file():
        language = DEFAULT_LANGUAGE
    tokens = _without_language_links(_tokens(document, language), document)
    title, sections = "", []
    for (opening, text), anchor in zip(_headings(tokens), _anchors(document, language).values(), strict=True):
        opening.attrs["id"] = anchor
        if opening.tag == "h1":
            title = text
        elif opening.tag == "h2":
            sections.append(Section(anchor, text))
    body = _render(_decorated(_without_title(tokens), document.files[language]))
    return RenderedDocument(title, language, Markup(body), tuple(sections))  # noqa: S704 - the renderer escapes


def _tokens(document: Document, language: Language) -> list[Token]:
    return PARSER.parse(document.path(language).read_text(encoding="utf-8"))


def _headings(tokens: Sequence[Token]) -> Iterator[tuple[Token, str]]:
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            yield opening, "".join(each.content for each in inline.children or ())


def _anchors(document: Document, language: Language) -> dict[str, str]:
    """Return the anchors that code hosts give the headings of a file, and those of the English headings in the same
    places.

    A translation with more or fewer headings keeps its own anchors.
    """
    own, english = _own_anchors(document, language), _own_anchors(document, DEFAULT_LANGUAGE)
    return dict(zip(own, english if len(own) == len(english) else own, strict=True))


# Each link to a section needs those of its document.
@cache
def _own_anchors(document: Document, language: Language) -> tuple[str, ...]:
    texts = [text for _, text in _headings(_tokens(document, language))]
    return tuple(re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-") for text in texts)


def _without_title(tokens: list[Token]) -> list[Token]:
    """Return the tokens without the first heading, which the page displays itself."""
    return tokens[3:] if tokens and tokens[0].type == "heading_open" and tokens[0].tag == "h1" else tokens


def _without_language_links(tokens: list[Token], document: Document) -> list[Token]:
    """Return the tokens without the paragraph that leads to the translations: the page has its own language switch."""
    names = {file.name for file in document.files.values()}
    left: list[Token] = []
    place = 0
    while place < len(tokens):
        inline = tokens[place + 1] if tokens[place].type == "paragraph_open" else None
        links = {each.attrGet("href") for each in (inline and inline.children) or () if each.type == "link_open"}
        if links and links <= names:
            place += 3
        else:
            left.append(tokens[place])
            place += 1
    return left


def _decorated(tokens: list[Token], file: PurePosixPath) -> list[Token]:
    """Return the tokens with classes, labels of tables, and links that lead to pages of the service."""
    heading, tables = "", 0
    columns: list[str] = []
    cells = iter(columns)
    for before, token in pairwise([Token("start", "", 0), *tokens]):
        if token.nesting == 1 and token.tag in CLASSES:
            token.attrJoin("class", CLASSES[token.tag])
        if token.type == "inline":
            token.children = list(_inline(token.children or [], file))
            text = "".join(child.content for child in token.children)
            if before.type == "heading_open":
                heading, tables = text, 0
            elif before.type == "th_open":
                columns.append(text)
                # An empty cell is no heading.
                before.tag = "th" if text else "td"
                if text:
                    before.attrs["scope"] = "col"
        elif token.type == "table_open":
            tables += 1
            token.meta["label"] = heading if tables == 1 else f"{heading} ({tables})"
            columns = []
        elif token.type == "tr_open":
            cells = iter(columns)
        elif token.type == "th_close":
            token.tag = "th" if columns[-1] else "td"
        elif token.type == "td_open":
            # On a narrow screen a row becomes a card, which the first cell heads.
            if before.type == "tr_open":
                token.attrJoin("class", "stacked__main")
            column = next(cells, "")
            if column:
                token.attrs["data-label"] = column
    if tokens and tokens[0].type == "paragraph_open":
        tokens[0].attrs["class"] = "govuk-body-l"
    return tokens


def _inline(children: Sequence[Token], file: PurePosixPath) -> Iterator[Token]:
    leads_nowhere = False
    for child in children:
        if child.type == "link_open":
            address = page_address(str(child.attrGet("href") or ""), file)
            leads_nowhere = address is None
            if address is not None:
                child.attrs["href"] = address
                child.attrJoin("class", CLASSES["a"])
        elif child.type == "code_inline":
            child.attrJoin("class", CLASSES["code"])
        if not (leads_nowhere and child.type in ("link_open", "link_close")):
            yield child


def page_address(link: str, file: PurePosixPath) -> str | None:
    """Return the address on this service of a link in a file; None when it leads to a file that is no help page."""
    if link.startswith(EXTERNAL):
        return link
    path, _, anchor = link.partition("#")
    target = posixpath.normpath(file.parent / unquote(path)) if path else str(file)
    if target in SERVED_ELSEWHERE:
        return SERVED_ELSEWHERE[target]
    for document in DOCUMENTS.values():
        for language, variant in document.files.items():
            if str(variant) == target:
                return _address(document, language, unquote(anchor), same_page=not path)
    return None


def _address(document: Document, language: Language, anchor: str, *, same_page: bool) -> str:
    anchor = _anchors(document, language).get(anchor, anchor) if anchor else ""
    return ("" if same_page else f"/help/{document.name}") + (f"#{anchor}" if anchor else "")


class _Renderer(RendererHTML):
    """HTML of the tokens; what may be wider than the screen scrolls in a box that the keyboard reaches."""

    def table_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """Return a table opens its box."""
        label = escape(tokens[idx].meta["label"])
        box = f'<div class="scroll" role="region" tabindex="0" aria-label="{label}">'
        return box + self.renderToken(tokens, idx, options, env)

    def table_close(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """And closes it."""
        return self.renderToken(tokens, idx, options, env) + "</div>\n"

    def code_block(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:
        """Return a block of code."""
        return f'<pre class="guide__code" tabindex="0"><code>{escape(tokens[idx].content)}</code></pre>\n'

    def fence(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:
        """Return the same, fenced."""
        return self.code_block(tokens, idx)


def _render(tokens: list[Token]) -> str:
    return str(_Renderer(PARSER.renderer).render(tokens, PARSER.options, {}))
