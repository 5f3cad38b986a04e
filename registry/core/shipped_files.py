"""Where the files lie that ship beside the code: ``config/``, ``docs/``, ``migrations/`` and ``wsgi.py``.

In a checkout they are at its top. A wheel has them inside the package, where ``setup.py`` puts them.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(str(files("registry")))


def shipped(name: str) -> Path:
    """The path of a file or folder, in the installed package or in the checkout."""
    installed = PACKAGE / name
    return installed if installed.exists() else PACKAGE.parent / name


CONFIG: Final = shipped("config")
MIGRATIONS: Final = shipped("migrations")
