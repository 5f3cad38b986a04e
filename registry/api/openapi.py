"""Writes the specification: ``python -m registry.api.openapi > docs/openapi.json``."""

from __future__ import annotations

import json
import sys
from typing import Any

from flask import Flask

from registry.api.specification import attach_api


def specification_text(specification: Any) -> str:
    """The specification as it is served and committed."""
    return json.dumps(specification.to_dict(), ensure_ascii=False, indent=1) + "\n"


def main() -> None:
    """Write it to stdout; needs neither settings nor database."""
    sys.stdout.write(specification_text(attach_api(Flask("openapi")).spec))


if __name__ == "__main__":
    main()
