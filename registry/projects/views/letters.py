"""The letters that a form adds to a case or an exemption: files with one kind, description and pair of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from registry.core.errors import Invalid, Problem
from registry.http.request_bodies import SentFile, read_files
from registry.projects.documents import LetterFields

LETTER: Final = LetterFields()
FILE: Final = "file"


def chosen_letters(texts: Mapping[str, str]) -> tuple[list[SentFile], Mapping[str, Any]]:
    """The chosen files of the request, and what is said of all of them. Raises Invalid, also without a file."""
    values, problems = LETTER.load_texts({name: texts.get(name, "") for name in LETTER.fields})
    files = read_files(FILE)
    if not files:
        problems = (Problem("/file", "page-choose-file"), *problems)
    if problems:
        raise Invalid(problems)
    return files, values
