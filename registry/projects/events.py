"""Events of projects, published inside the transaction of the change."""

from __future__ import annotations

from typing import Final

from registry.core.transactions import Event
from registry.projects.models import Project

# The project, as it is now: few may see it, or all again.
project_restricted: Final[Event[[Project]]] = Event("project_restricted")
# The id of a project that is about to be restricted, or open again: published before it is locked.
project_restricting: Final[Event[[int]]] = Event("project_restricting")
# The project, which was registered in error.
project_withdrawn: Final[Event[[Project]]] = Event("project_withdrawn")
