"""Documents that are help pages: their names in addresses, their files and translations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from registry.accounts.roles import AGENCY_ROLES, Role
from registry.core.languages import DEFAULT_LANGUAGE, LANGUAGES, Language
from registry.core.shipped_files import shipped
from registry.core.translations import lazy_text

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
        """The path of the file in a language, which may not exist."""
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
    """The guides for people of a role; none for auditors, who only read."""
    names = (_GUIDE_OF_ROLE.get(role), _FURTHER_OF_ROLE.get(role))
    return [DOCUMENTS[name] for name in names if name is not None]
