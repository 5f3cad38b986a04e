"""Documents of a project: content with kind, description, size, content type and SHA-256.

The hash is verified on every read. The total size of a project's documents is limited by the policy's quota.
"""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ForeignKey, LargeBinary, Select, String, Text, func, select
from sqlalchemy.orm import Mapped, deferred, mapped_column

from registry.accounts.roles import Actor, Permission
from registry.core.clock import now
from registry.core.database import Instant, Model, db, transaction
from registry.core.errors import Conflict, NotFound, Problem, invalid
from registry.core.fields import BaseSchema, Choice, Text as TextField
from registry.core.lists import Listing, Page, read_page
from registry.core.translations import lazy_text
from registry.freeze.policy import policy_in_force
from registry.journal import service as journal
from registry.projects.models import Project
from registry.projects.visibility import require_not_withdrawn
from registry.projects.vocabulary import DocumentKind

# Blocked document types: programs, scripts, and pages that a browser would execute.
#
# Detected from the content first, then from the file name; the declared content type is ignored. Documents are
# always served as downloads (``projects/api.py``); this check protects the computers of people who
# download them. Archives are not unpacked.

# Files that a double click executes or installs, or that servers or browsers execute.
EXTENSIONS: Final = (
    "exe com scr pif dll sys drv ocx cpl msi msp msix msixbundle appx appxbundle xll",
    "bat cmd ps1 psm1 psd1 vb vbs vbe js jse mjs cjs ws wsf wsh wsc sct hta lnk url scf reg inf gadget application",
    "settingcontent-ms chm msc",
    "sh bash zsh csh ksh fish command run bin elf so dylib app dmg pkg deb rpm appimage desktop",
    "jar war ear class jnlp apk aab xapk ipa dex wasm",
    "py pyw pyc pyz pl pm rb php phtml php5 phar asp aspx ashx jsp jspx cgi",
    "iso img vhd vhdx one iqy slk library-ms search-ms appref-ms",
    "html htm xhtml xht shtml mht mhtml svg svgz xsl xslt swf",
)
BLOCKED_EXTENSIONS: Final = frozenset(extension for line in EXTENSIONS for extension in line.split())
BLOCKED_SIGNATURES: Final = (
    b"MZ",  # Windows and DOS programs, libraries and drivers
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",  # Mach-O, 32 and 64 bits, both byte orders
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",  # universal Mach-O, and Java classes
    b"dex\n",  # Android
    b"\x00asm",  # WebAssembly
    b"!<arch>\n",  # Debian packages and static libraries
    b"\xed\xab\xee\xdb",  # RPM packages
    b"L\x00\x00\x00\x01\x14\x02\x00",  # Windows shortcuts
    b"ITSF",  # compiled HTML help
)
ZIP: Final = b"PK\x03\x04"
# Archive entries that mark a program for Java, Android or Windows.
PROGRAM_ENTRIES: Final = (b"META-INF/MANIFEST.MF", b"AndroidManifest.xml", b"AppxManifest.xml")
COMPOUND_FILE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# The root class id of a Windows Installer file, {000C1084-0000-0000-C000-000000000046}; .doc and .xls have others.
INSTALLER_CLASS: Final = bytes.fromhex("84100c0000000000c000000000000046")
# More than the bytes in which browsers look for markup (WHATWG MIME Sniffing), with room for leading comments.
SNIFFED_BYTES: Final = 4096
# The tags by which browsers recognise HTML, and the SVG root element.
MARKUP: Final = re.compile(
    r"<(?:!doctype\s+(?:html|svg)|html|head|body|script|iframe|style|title|meta|link|base|object|embed|form|img|svg"
    r"|h1|div|font|table|a|br|b|p)(?:[\s/>]|$)",
    re.IGNORECASE,
)
PROLOG: Final = re.compile(r"\s*(?:<\?.*?\?>|<!--.*?-->)", re.DOTALL)
NAMESPACES: Final = ("http://www.w3.org/1999/xhtml", "http://www.w3.org/2000/svg")
BYTE_ORDER_MARKS: Final = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


# What scanners and offices make of a signed paper: PDF, PNG, JPEG, TIFF (both byte orders).
SCAN_SIGNATURES: Final = (b"%PDF-", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*")


def is_scan(content: bytes) -> bool:
    """True for a PDF or an image, by its content."""
    return content.startswith(SCAN_SIGNATURES)


def _has_blocked_extension(name: str) -> bool:
    # Windows ignores trailing dots and spaces in a name, and everything after a colon.
    # People read full-width letters as an extension too.
    plain = unicodedata.normalize("NFKC", name).partition(":")[0].rstrip(". ").lower()
    return plain.rpartition(".")[2].strip() in BLOCKED_EXTENSIONS if "." in plain else False


def _is_program(content: bytes) -> bool:
    if content.startswith(BLOCKED_SIGNATURES):
        return True
    if content.startswith(ZIP):
        return any(entry in content for entry in PROGRAM_ENTRIES)
    return content.startswith(COMPOUND_FILE) and INSTALLER_CLASS in content


def _is_script_or_page(content: bytes) -> bool:
    text = _beginning(content)
    if text.startswith("#!"):
        return True
    while prolog := PROLOG.match(text):
        if any(namespace in text for namespace in NAMESPACES):
            return True
        text = text[prolog.end() :]
    text = text.lstrip()
    return MARKUP.match(text) is not None or (text.startswith("<") and any(name in text for name in NAMESPACES))


def _beginning(content: bytes) -> str:
    start = content[:SNIFFED_BYTES]
    for mark, encoding in BYTE_ORDER_MARKS:
        if start.startswith(mark):
            return start[len(mark) :].decode(encoding, errors="replace")
    return start.decode("latin-1")


MIB: Final = 1024 * 1024
CASE: Final = "case"
EXEMPTION: Final = "exemption"
SHOWN: Final = ("id", "kind", "description", "name", "content_type", "size", "sha256", "added_at", "added_by")
NUMBERS: Final = ("outgoing_number", "incoming_number")


class DocumentFields(BaseSchema):
    """What is said of a document beside its file. A multipart form has no null: an absent field stands for it."""

    kind = Choice(DocumentKind.codes(), nullable=False, description="What it is.", default="other")
    description = TextField(500, nullable=False, description="What it is about.")


class LetterFields(DocumentFields):
    """What is said of a document of a case or of an exemption, which may be a letter with numbers."""

    outgoing_number = TextField(
        100,
        nullable=False,
        description="Number under which its sender registered it.",
        label=lazy_text("Outgoing number"),
        hint=lazy_text("The number under which its sender registered the letter."),
    )
    incoming_number = TextField(
        100,
        nullable=False,
        description="Number under which its receiver registered it.",
        label=lazy_text("Incoming number"),
        hint=lazy_text("The number under which its receiver registered the letter."),
    )


class DocumentQuotaExceeded(Conflict):
    """The document would exceed the project's quota."""


class DocumentNotFound(NotFound):
    """The project has no document with that id."""


class DocumentDamaged(RuntimeError):
    """The stored content does not match its SHA-256: restore it from a backup."""


class Document(Model):
    """An uploaded file. ``content_type`` is the declared one; documents are always served as downloads.

    ``belongs_to``: CASE or EXEMPTION for one that shows there alone, to whoever may see its entry; None for a document
    of the project itself. All count towards the project's quota.
    """

    __tablename__ = "documents"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20), server_default="other")
    description: Mapped[str | None] = mapped_column(String(500))
    belongs_to: Mapped[str | None] = mapped_column(String(10))
    outgoing_number: Mapped[str | None] = mapped_column(String(100))
    incoming_number: Mapped[str | None] = mapped_column(String(100))
    name: Mapped[str] = mapped_column(String(200))
    content_type: Mapped[str] = mapped_column(String(200))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    added_at: Mapped[datetime] = mapped_column(Instant)
    added_by: Mapped[str] = mapped_column(Text)
    content: Mapped[bytes] = deferred(mapped_column(LargeBinary))


def read_document_of(project_id: int, document_id: int) -> tuple[Document, bytes]:
    """Return a document of the project, whatever it belongs to, for a caller who may see that.

    Raises DocumentNotFound and DocumentDamaged.
    """
    of_project = select(*columns_of_documents(*SHOWN)).where(Document.project_id == project_id)
    return document_of_query(of_project, document_id)


def scan_problems(project_id: int, ids: Sequence[int]) -> list[Problem]:
    """Return the problems of documents that are to show a fact: none, of another project, or neither a PDF nor an
    image.
    """
    if not ids:
        return [Problem("/documents", "scan-required")]
    own = (Document.project_id == project_id, Document.id.in_(ids))
    beginning = func.substr(Document.content, 1, 16).label("beginning")
    rows = db.session.execute(select(Document.id, Document.name, beginning).where(*own)).all()
    documents = {row.id: row for row in rows}
    problems = []
    for place, document_id in enumerate(ids):
        if document_id not in documents:
            problems.append(Problem(f"/documents/{place}", "document-not-of-project", {"id": document_id}))
        elif not is_scan(bytes(documents[document_id].beginning)):
            params = {"id": document_id, "name": documents[document_id].name}
            problems.append(Problem(f"/documents/{place}", "document-no-scan", params))
    return problems


def names_of_documents(ids: Sequence[int]) -> list[tuple[int, str]]:
    """Return the ids and names of those of these documents that exist, by id; for whoever may see their project."""
    documents = select(Document.id, Document.name).where(Document.id.in_(ids)).order_by(Document.id)
    return [(row.id, row.name) for row in db.session.execute(documents)] if ids else []


def digests_of_documents(ids: Sequence[int]) -> dict[str, str]:
    """Return the SHA-256 (hex) of these documents by their ids."""
    rows = db.session.execute(select(Document.id, Document.sha256).where(Document.id.in_(ids))) if ids else ()
    return {str(row.id): row.sha256 for row in rows}


def add_document(
    actor: Actor,
    project: Project,
    name: str,
    content_type: str,
    content: bytes,
    kind: str | None = None,
    description: str | None = None,
    *,
    belongs_to: str | None = None,
    outgoing_number: str | None = None,
    incoming_number: str | None = None,
) -> Document:
    """Add a document to the project; ``kind`` (default ``other``) and the texts must be validated values.

    ``belongs_to``: as in Document; the caller writes to what it belongs.

    Raises RoleNotAllowed, Invalid (an empty or blocked file), ProjectWithdrawn and DocumentQuotaExceeded.
    """
    actor.require(Permission.DOCUMENTS_WRITE)
    if not content:
        raise invalid("/file", "document-empty")
    if _is_program(content) or _is_script_or_page(content) or _has_blocked_extension(name):
        raise invalid("/file", "document-type-refused")
    project_id, number = project.id, project.number
    with transaction() as session:
        _require_room(project_id, len(content))
        document = Document(
            project_id=project_id,
            kind=kind or "other",
            description=description,
            belongs_to=belongs_to,
            outgoing_number=outgoing_number,
            incoming_number=incoming_number,
            name=name,
            content_type=content_type,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            added_at=now(),
            added_by=actor.principal,
            content=content,
        )
        session.add(document)
        session.flush()
        numbers = {"outgoing_number": outgoing_number, "incoming_number": incoming_number}
        details = {
            **{name: value for name, value in numbers.items() if value is not None},
            "document": document.id,
            "name": name,
            "size": document.size,
            "sha256": document.sha256,
            "kind": document.kind,
            "description": description,
        }
        journal.record(actor, "document.added", f"project:{number}", details)
    return document


def _require_room(project_id: int, size: int) -> None:
    """Lock the project, so that concurrent uploads cannot exceed the quota and nobody withdraws it meanwhile.

    Raises ProjectWithdrawn and DocumentQuotaExceeded.
    """
    locked = select(Project).where(Project.id == project_id).with_for_update(key_share=True)
    require_not_withdrawn(db.session.scalars(locked.execution_options(populate_existing=True)).one())
    used = db.session.scalar(select(func.sum(Document.size)).where(Document.project_id == project_id)) or 0
    quota = policy_in_force().document_quota_mib
    if used + size > quota * MIB:
        raise DocumentQuotaExceeded(limit=quota, free=max(quota * MIB - used, 0) // 1024)


def documents_of(project: Project) -> list[dict[str, Any]]:
    """Return the metadata of a project's documents, oldest first."""
    return [dict(row) for row in db.session.execute(_documents(project)).mappings()]


def documents_page(project: Project, page: Page) -> Listing:
    """Return a page of the documents of a project itself, oldest first. Raises Malformed for an invalid cursor."""
    return page_of_documents(_documents(project), page)


def page_of_documents(statement: Select[Any], page: Page) -> Listing:
    """Return a page of a query of ``columns_of_documents``, oldest first. Raises Malformed for an invalid cursor."""
    return read_page(statement, page, Document.id)


def _documents(project: Project) -> Select[Any]:
    own = (Document.project_id == project.id, Document.belongs_to.is_(None))
    return select(*columns_of_documents(*SHOWN)).where(*own).order_by(Document.id)


def columns_of_documents(*names: str) -> list[Any]:
    """These columns, for a query of documents."""
    return [getattr(Document, name) for name in names]


def read_document(project: Project, document_id: int) -> tuple[Document, bytes]:
    """Return a document of the project itself and its content. Raises DocumentNotFound and DocumentDamaged."""
    return document_of_query(_documents(project), document_id)


def document_of_query(statement: Select[Any], document_id: int) -> tuple[Document, bytes]:
    """Return a document among those of a query, and its content. Raises DocumentNotFound and DocumentDamaged."""
    document = db.session.scalar(statement.with_only_columns(Document).where(Document.id == document_id))
    if document is None:
        raise DocumentNotFound(id=document_id)
    content = document.content
    if len(content) != document.size or hashlib.sha256(content).hexdigest() != document.sha256:
        raise DocumentDamaged(f"document {document.id} of project {document.project_id}")
    return document, content
