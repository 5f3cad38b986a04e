"""The page of tokens: its pages, the newest tokens first."""

from __future__ import annotations

import re
from datetime import timedelta

from registry.accounts.roles import Role
from registry.accounts.tokens import issue
from tests.factories import ADMINISTRATOR
from tests.fixtures.web import SignedIn


def test_tokens_are_listed_by_pages_the_newest_first(signed_in: SignedIn) -> None:
    key_ids = [
        issue(ADMINISTRATOR, f"program {number}", Role.AUDITOR, None, timedelta(days=1)).key_id for number in range(26)
    ]
    administrator = signed_in(Role.ADMINISTRATOR)
    for address in ("/tokens", "/tokens?show=ending"):
        first = administrator.get(address).text
        assert [key_id in first for key_id in key_ids] == [False, *[True] * 25]
        following = re.search(r'href="(/tokens\?[^"]*cursor=[^"]+)"', first)
        assert following is not None
        second = administrator.get(following[1].replace("&amp;", "&")).text
        assert [key_id in second for key_id in key_ids] == [True, *[False] * 25]
    assert administrator.client.get("/tokens?cursor=none").status_code == 400
