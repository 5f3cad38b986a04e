"""Passwords that a confirmation divided."""

from __future__ import annotations

from registry.accounts.passwords import show_first_half
from registry.accounts.roles import Actor, Role
from tests.factories import an_actor

ANOTHER = an_actor(Role.ADMINISTRATOR, name="who shows first halves")


def whole_password(second_half: str | None, account_id: int, administrator: Actor = ANOTHER) -> str:
    """The password of a confirmed person: the half that another administrator is shown, then the confirmation's."""
    assert second_half is not None
    return show_first_half(administrator, account_id) + second_half
