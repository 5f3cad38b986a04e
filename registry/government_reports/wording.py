"""Names of tables and figures, and how a report writes numbers, amounts, names and orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from registry.agencies.vocabulary import Region
from registry.cases.vocabulary import DecisionKind
from registry.core.languages import Language
from registry.core.translations import lazy_text, translator
from registry.flags.vocabulary import FlagStatus
from registry.freeze.texts import Translate

NO_BREAK: Final = "\u00a0"
NOTHING: Final = "–"
DAY_FORMAT: Final = "%d.%m.%Y"
ALL: Final = lazy_text("All")
BY_REGION: Final = lazy_text("By region")
BY_AGENCY: Final = lazy_text("By agency")
BY_SEVERITY: Final = lazy_text("Flagged projects by severity")
BY_RULE: Final = lazy_text("Flags by rule")
LISTED: Final = lazy_text("Projects of high severity and the orders in force")
ORDERS: Final = lazy_text("Orders in force")
SEVERITY: Final = lazy_text("Severity")
OTHER: Final = lazy_text("Not given")
UNTIL: Final = lazy_text("{decision} (until {day})")
COUNT_COLUMNS: Final[Mapping[str, str]] = {
    "projects": lazy_text("Projects"),
    "clear": lazy_text("Clear"),
    "flagged": lazy_text("Flagged"),
    "flagged_high": lazy_text("High"),
    "flagged_medium": lazy_text("Medium"),
    "flagged_low": lazy_text("Low"),
    "clear_percent": lazy_text("Clear, per cent"),
    "budget_kzt": lazy_text("Budget, million ₸"),
    "budget_flagged_kzt": lazy_text("Of it flagged, million ₸"),
}
FLAG_COLUMNS: Final[Mapping[str, str]] = {
    FlagStatus.OPEN.value: lazy_text("Open"),
    FlagStatus.EXEMPT.value: lazy_text("Exempt"),
    FlagStatus.ACCEPTED.value: lazy_text("Accepted"),
}


def number(value: int) -> str:
    """A whole number in groups of three digits, as in Kazakh and Russian."""
    return f"{value:,}".replace(",", NO_BREAK)


def millions(value: int, language: Language) -> str:
    """An amount of tenge in millions with one decimal."""
    whole, tenth = divmod(round(value / 100_000), 10)
    return f"{number(whole)}{_point(language)}{tenth}"


def decimal(value: float, language: Language) -> str:
    """A number with one decimal."""
    return f"{value:.1f}".replace(".", _point(language))


def measure(name: str, value: Any, language: Language) -> str:
    """A count, a percentage or an amount, by the name of the figure."""
    if value is None:
        return NOTHING
    if name == "clear_percent":
        return decimal(value, language)
    return millions(value, language) if name.endswith("_kzt") else number(value)


def region_name(key: str | None, _: Translate) -> str:
    """The name of a region; projects may have none."""
    return _(Region(key).label) if key else _(OTHER)


def name_in(row: Mapping[str, Any], language: Language) -> str:
    """The name of an agency or project in the language, in the other official one, or its key."""
    return str(row.get(f"name_{language}") or row.get("name_ru") or row.get("name_kk") or row["key"])


def rule_title(row: Mapping[str, Any], language: Language) -> str:
    """The title of a rule in the language, in Russian, or its code."""
    return str(row.get(f"title_{language}") or row.get("title_ru") or row["key"])


def orders_text(orders: Sequence[Mapping[str, Any]], language: Language) -> str:
    """The orders in force on a project, each with its day."""
    return "; ".join(_order(order, translator(language)) for order in orders) or NOTHING


def _order(order: Mapping[str, Any], _: Translate) -> str:
    decision = _(DecisionKind(order["decision"]).label)
    if order["due_on"] is None:
        return decision
    day = date.fromisoformat(order["due_on"]).strftime(DAY_FORMAT)
    return _(UNTIL).format(decision=decision, day=day)


def _point(language: Language) -> str:
    return "." if language == "en" else ","
