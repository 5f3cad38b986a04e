"""Drafts: their numbers."""

from __future__ import annotations

import pytest
from flask import Flask

from registry.accounts.roles import Role
from registry.projects.drafts import DraftNotFound, discard_draft, find_draft, start_draft
from tests.factories import an_actor, an_agency, with_account


def test_number_of_deleted_draft_is_never_used_again(app: Flask) -> None:
    actor = with_account(an_actor(Role.AGENCY_EDITOR, an_agency()))
    first = start_draft(actor).id
    last = start_draft(actor).id
    discard_draft(actor, last)

    following = start_draft(actor).id

    assert following > last > first
    with pytest.raises(DraftNotFound):
        find_draft(actor, last)
