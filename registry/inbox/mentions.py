"""Mentions: the accounts that a comment names as ``@name``."""

from __future__ import annotations

import re
from itertools import islice
from typing import Final

from registry.accounts.account_names import ALLOWED_CHARACTERS, MAX_NAME_LENGTH, skeleton

# Not within a word: what stands before the @ of an e-mail address is one.
MENTION: Final = re.compile(
    rf"(?<![\w.@+-])@(?=({ALLOWED_CHARACTERS.pattern.removesuffix('+')}{{1,{MAX_NAME_LENGTH}}}))"
)
# More than anybody names in one comment; each costs a look into the table of accounts.
MAX_MENTIONS: Final = 20
MAX_WORDS: Final = 5
# A name may end with some of them, a sentence does more often.
PUNCTUATION: Final = "'’._()+&/,#-"


def mentioned_skeletons(comment: str | None) -> list[list[str]]:
    """For each mention the skeletons of the names that it may be, the longest first.

    Names have spaces, so that the text after the @ may be a name of up to five words, with or without the punctuation
    at its end.
    """
    if not comment:
        return []
    return [_possible(match[1]) for match in islice(MENTION.finditer(comment), MAX_MENTIONS)]


def _possible(text: str) -> list[str]:
    words = text.split(" @")[0].split()[:MAX_WORDS]
    names = [" ".join(words[:count]) for count in range(len(words), 0, -1)]
    both = [form for name in names for form in (name, name.rstrip(PUNCTUATION)) if form]
    return list(dict.fromkeys(skeleton(form) for form in both))
