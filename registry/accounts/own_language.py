"""The language of one's own account: of pages, where the browser has no other, and of notices."""

from __future__ import annotations

from registry.accounts.actors import Actor
from registry.accounts.models import AccountsNeedAPerson, own_person
from registry.core.languages import Language
from registry.core.transactions import transaction
from registry.journal import service as journal


def change_own_language(actor: Actor, language: Language) -> None:
    """Change the language of the actor's account. Raises AccountsNeedAPerson."""
    with transaction():
        person = own_person(actor, lock=True)
        if person is None:
            raise AccountsNeedAPerson
        if person.language != language:
            change = {"field": "language", "old": person.language, "new": language}
            person.language = language
            journal.record(actor, "account.language-changed", f"account:{actor.principal}", {"changes": [change]})
