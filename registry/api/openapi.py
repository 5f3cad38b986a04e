"""Writes the specification: ``python -m registry.api.openapi > docs/openapi.json``."""

from __future__ import annotations

import json
import sys
from functools import cache

from registry.api.specification import make_specification


@cache
def specification_text() -> str:
    """The specification as it is served and committed. Made when it is first asked for, once in a process."""
    return json.dumps(make_specification(), ensure_ascii=False, indent=1) + "\n"


def main() -> None:
    """Write it to stdout; needs neither settings nor database."""
    sys.stdout.write(specification_text())


if __name__ == "__main__":
    main()
