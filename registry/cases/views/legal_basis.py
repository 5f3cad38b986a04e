"""The legal basis that a proposal begins with: in a language of the agency, which reads it as it was written."""

from __future__ import annotations

from registry.accounts.actors import Actor
from registry.audits.views.findings import standing
from registry.cases.covered_flags import flags_of_cases
from registry.core.languages import Language
from registry.web.current_user import page_locale
from registry.web.translations import gettext


def basis_language() -> Language:
    """Kazakh for who works in Kazakh, else Russian; never the English of somebody's screen."""
    return "kk" if page_locale() == "kk" else "ru"


def legal_basis(actor: Actor, case_id: int) -> str:
    """The clauses of what stands on the case."""
    flags = standing(flags_of_cases(actor, [case_id], basis_language())[case_id])
    return "; ".join(dict.fromkeys(flag["clause"] for flag in flags))


def basis_hint() -> str:
    """What is asked, and in which language it stands there already."""
    if basis_language() == "kk":
        return gettext("The clause on which the decision is based, in Kazakh. The agency sees exactly this text.")
    return gettext("The clause on which the decision is based, in Russian. The agency sees exactly this text.")
