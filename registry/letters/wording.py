"""What a letter says, in one language: title, facts, sections. The words are frozen with the letter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

from babel import Locale
from babel.dates import format_date

from registry.cases.decisions import order_steps
from registry.cases.vocabulary import DecisionKind
from registry.core.pdf import make_pdf
from registry.core.translations import LOCALES, OFFICIAL_LANGUAGES, Language, lazy_text, translate, translator
from registry.freeze.texts import Translate
from registry.letters.models import LetterKind

# Day and month, then the year as the language writes it in full dates.
DATES: Final[Mapping[Language, str]] = {"kk": "{year} жылғы {day}", "ru": "{day} {year} года"}
ASKED: Final = lazy_text("Explain the flags of the project.")
REFERRED: Final = lazy_text("The case is referred to the Commission for its decision.")
CLEARED: Final = lazy_text("An audit found that the flags are cleared. The case is closed as corrected.")
APPEALED: Final = lazy_text(
    "The agency may appeal this decision until %(day)s: open the case in the register and choose “Appeal”."
)
ONLY_IN: Final[Mapping[Language, str]] = {
    "kk": lazy_text("The text is in Kazakh:"),
    "ru": lazy_text("The text is in Russian:"),
}


def full_date(value: date, language: Language) -> str:
    """Return a date in full, as official letters of the language write it."""
    day = format_date(value, "d MMMM", locale=Locale.parse(LOCALES[language]))
    return DATES[language].format(day=day, year=value.year)


def letter_text(facts: Mapping[str, Any], language: Language) -> dict[str, Any]:
    """Return ``title``, ``facts`` (label and value), ``sections`` (heading, paragraphs, whether they are steps) and
    ``check`` of a letter in a language, from what ``service.py`` knows of it.
    """
    _ = translator(language)
    kind = LetterKind(facts["kind"])
    return {
        "title": _(kind.label),
        "facts": [[label, value] for label, value in _facts(facts, language, _) if value],
        "sections": [
            {"heading": heading, "paragraphs": paragraphs, "steps": steps}
            for heading, paragraphs, steps in _sections(facts, language, _)
            if paragraphs
        ],
        "check": _check(facts["check_address"], grouped(facts["code"]), _),
    }


def grouped(code: str) -> str:
    """Return a check code in groups of four characters, as people read it."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def _check(address: str, code: str, _: Translate) -> str:
    """Return the full address of the check; without the service's public address its page and the code."""
    if address.startswith("/"):
        return _("Check this letter: open %(address)s and enter the code %(code)s.") % {
            "address": address,
            "code": code,
        }
    return _("Check this letter: %(address)s") % {"address": f"{address}/{code}"}


def _facts(facts: Mapping[str, Any], language: Language, _: Translate) -> list[tuple[str, str]]:
    project, decision, bin_label = facts["project"], facts["decision"], _("BIN")
    decision_label = _(DecisionKind(decision).label) if decision else ""
    return [
        (_("Number"), facts["number"]),
        (_("Date"), _day(facts["date"], language)),
        (_("Agency"), f"{_name(facts['agency'], language)}, {bin_label} {facts['agency']['bin']}"),
        (_("Project"), f"{_name(project, language)}, {project['number']}"),
        (_("Case"), str(facts["case"])),
        (_("Decision"), decision_label),
        (_("Carry out by"), _day(facts["due_on"], language)),
        (_("Answer by"), _day(facts["answer_by"], language)),
        (_("Proposed by"), facts["proposed_by"] or ""),
        (_("Approved by"), facts["approved_by"] or ""),
        (_("Signed by"), facts["issued_by"] if facts["approved_by"] is None else ""),
    ]


def _sections(facts: Mapping[str, Any], language: Language, _: Translate) -> list[tuple[str, Sequence[str], bool]]:
    kind, decision = facts["kind"], facts["decision"]
    usual = {LetterKind.QUESTION: ASKED, LetterKind.REFERRAL: REFERRED, LetterKind.CLOSING: CLEARED}
    return [
        (_("Flags"), facts["flags"][language], False),
        (_("Reason"), _text(facts, "reason", language, _), False),
        (_("Legal basis"), _text(facts, "legal_basis", language, _), False),
        (
            _("Contents"),
            [] if decision else _text(facts, "text", language, _) or [_(usual[LetterKind(kind)])],
            False,
        ),
        (
            _("How to carry out the order"),
            order_steps(decision, _day(facts["due_on"], language), _) if kind == LetterKind.ORDER else [],
            True,
        ),
        (
            _("How to answer"),
            [_("Open the case in the register and choose “Answer”. Add the documents that your answer rests on.")]
            if kind == LetterKind.QUESTION
            else [],
            False,
        ),
        (
            _("How to appeal"),
            [_(APPEALED) % {"day": _day(facts["appeal_until"], language)}] if facts["appeal_until"] else [],
            False,
        ),
    ]


def _text(facts: Mapping[str, Any], name: str, language: Language, _: Translate) -> list[str]:
    """Return the text in the language; in the other one after a note that says so."""
    own = facts[f"{name}_{language}"]
    if own:
        return [own]
    other = next(each for each in OFFICIAL_LANGUAGES if each != language)
    text = facts[f"{name}_{other}"]
    return [_(ONLY_IN[other]), text] if text else []


def _name(named: Mapping[str, Any], language: Language) -> str:
    order = (language, *reversed(OFFICIAL_LANGUAGES), "en")
    return next((str(name) for each in order if (name := named.get(f"name_{each}"))), "")


def _day(value: str | None, language: Language) -> str:
    return full_date(date.fromisoformat(value), language) if value else ""


# Letters as PDF/A-2u, in Kazakh and Russian in one document.

LAYOUT: Final = Path(__file__).parent / "data" / "letter.typ"
ISSUER: Final = lazy_text("QazTech project register")


def letter_pdf(data: Mapping[str, Any]) -> bytes:
    """Return the letter in Kazakh and Russian. Raises DocumentNotMade."""
    parts = [
        {"language": each, "issuer": translate(ISSUER, each), **data["texts"][each]} for each in OFFICIAL_LANGUAGES
    ]
    document = {"number": data["number"], "date": data["date"], "issuer": ISSUER, "parts": parts}
    return make_pdf(LAYOUT, data["number"], document)
