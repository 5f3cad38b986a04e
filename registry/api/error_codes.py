"""Every error code that a client may get, from the types of errors and the catalogue of messages.

Written as a page of the reference: ``python -m registry.api.error_codes > docs/reference/errors.md``
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from typing import Final

from registry.core.errors import RegistryError
from registry.core.messages import MESSAGES, MESSAGES_OF
from registry.http.error_handlers import TYPE

# Of commands alone; no request gets them.
OF_COMMANDS: Final = (".cli.", ".commands")
TITLE: Final = "title-"
PAGE: Final = """# Error codes

Every error of the [HTTP API](api.md#errors) by its code. Made from the types of errors; a test compares.

## How to use them

An error code is the end of `type`, after `{type}`.
Releases may add codes: treat one that you do not know by its status. `errors[].code` names what is wrong with a field,
a parameter or a row of a file. Texts are those in English; names in braces are filled in.

## Codes of errors

| code | status | `detail` |
|---|---|---|
{errors}

## Codes of fields

| code | `message` |
|---|---|
{fields}
"""


def error_codes() -> dict[str, int]:
    """Code → status of every error that a request may get, sorted."""
    # Whoever makes the specification without the application has not met the errors of all slices.
    importlib.import_module("registry.app")
    kinds = (kind for kind in _kinds(RegistryError) if kind.__module__.startswith("registry."))
    known = {kind.code: kind.status for kind in kinds if not any(part in kind.__module__ for part in OF_COMMANDS)}
    return dict(sorted(known.items()))


def field_codes() -> list[str]:
    """Return the other codes of the catalogue: those of fields, parameters and rows."""
    errors = error_codes()
    others = {code for subject in ("cli", "doctor", "notifications") for code in MESSAGES_OF[subject]}
    return sorted(code for code in {*MESSAGES} - others - {*errors} if not code.startswith(TITLE))


def page() -> str:
    """Return the page of the reference, in Markdown."""
    errors = "\n".join(f"| `{code}` | {status} | {_text(code)} |" for code, status in error_codes().items())
    fields = "\n".join(f"| `{code}` | {_text(code)} |" for code in field_codes())
    return PAGE.format(type=TYPE, errors=errors, fields=fields)


def _kinds(kind: type[RegistryError]) -> Iterator[type[RegistryError]]:
    for below in kind.__subclasses__():
        yield below
        yield from _kinds(below)


def _text(code: str) -> str:
    return str(MESSAGES[code]).replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    sys.stdout.write(page())
