"""Which names a comment may mean."""

from __future__ import annotations

import pytest

from registry.accounts.account_names import skeleton
from registry.inbox.events import mentioned_skeletons

pytestmark = pytest.mark.sqlite_only


@pytest.mark.parametrize(
    ("comment", "names"),
    [
        ("Look, @bolat.", ["bolat.", "bolat"]),
        ("@Асель Бекова: look", ["Асель Бекова", "Асель"]),
        ("(@o.k@x.kz)", ["o.k@x.kz)", "o.k@x.kz"]),
        ("@a\nand so on", ["a"]),
    ],
    ids=["punctuation", "two words", "account named as an address", "end of the line"],
)
def test_text_after_the_sign_is_a_name_with_or_without_its_end(comment: str, names: list[str]) -> None:
    assert mentioned_skeletons(comment) == [[skeleton(name) for name in names]]


@pytest.mark.parametrize("comment", [None, "", "nobody", "write to office@example.kz", "@", "@ bolat", "@:"])
def test_no_name_is_mentioned(comment: str | None) -> None:
    assert [names for names in mentioned_skeletons(comment) if names != [skeleton("bolat")]] == []


def test_each_of_several_mentions_is_found_and_at_most_twenty() -> None:
    assert [names[-1] for names in mentioned_skeletons("@b @c")] == [skeleton("b"), skeleton("c")]
    assert len(mentioned_skeletons("@x " * 5000)) == 20
