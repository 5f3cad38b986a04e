"""The values of a project as the texts that its forms have."""

from __future__ import annotations

from registry.projects.fields import FIELDS
from registry.projects.models import Project
from registry.web.forms import present_text, project_field


def current_texts(project: Project) -> dict[str, str]:
    """The texts of all fields."""
    return {name: present_text(project_field(name), getattr(project, name)) for name in FIELDS}
