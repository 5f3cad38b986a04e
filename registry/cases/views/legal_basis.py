"""Initial legal basis of a proposal, in Kazakh or Russian because the agency receives this text."""

from __future__ import annotations

from registry.accounts.actors import Actor
from registry.audits.views.findings import active_only
from registry.cases.covered_flags import flags_of_cases
from registry.core.languages import Language
from registry.web.current_user import page_locale
from registry.web.translations import gettext


def basis_language() -> Language:
    """Return Kazakh when the page is in Kazakh, else Russian; never English."""
    return "kk" if page_locale() == "kk" else "ru"


def legal_basis(actor: Actor, case_id: int) -> str:
    """Return the clauses of the case's active flags."""
    flags = active_only(flags_of_cases(actor, [case_id], basis_language())[case_id])
    return "; ".join(dict.fromkeys(flag["clause"] for flag in flags))


def basis_hint() -> str:
    """Return the hint of the field, which names the language of the initial text."""
    if basis_language() == "kk":
        return gettext("The clause on which the decision is based, in Kazakh. The agency sees exactly this text.")
    return gettext("The clause on which the decision is based, in Russian. The agency sees exactly this text.")
