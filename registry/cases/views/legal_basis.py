"""Initial legal basis of a proposal, in Kazakh and in Russian because the agency receives these texts."""

from __future__ import annotations

from registry.accounts.actors import Actor
from registry.audits.pages import active_only
from registry.cases.covered_flags import flags_of_cases
from registry.core.languages import OFFICIAL_LANGUAGES, Language
from registry.web.current_user import page_locale
from registry.web.formats import gettext


def basis_language() -> Language:
    """Return Kazakh when the page is in Kazakh, else Russian; never English."""
    return "kk" if page_locale() == "kk" else "ru"


def legal_bases(actor: Actor, case_id: int) -> dict[Language, str]:
    """Return the clauses of the case's active flags in each official language."""
    bases = {}
    for language in OFFICIAL_LANGUAGES:
        flags = active_only(flags_of_cases(actor, [case_id], language)[case_id])
        bases[language] = "; ".join(dict.fromkeys(flag["clause"] for flag in flags))
    return bases


def basis_hint() -> str:
    """Return the hint of the field."""
    return gettext("The clause on which the decision is based. The agency sees exactly this text.")
