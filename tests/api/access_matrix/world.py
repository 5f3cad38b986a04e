"""An agency, a project of it, and what hangs on that."""

from __future__ import annotations

from dataclasses import dataclass

from registry.agencies.models import Agency
from registry.projects.models import Project


@dataclass
class World:
    """What a request is made about: an agency, a project of it, and what hangs on that."""

    agency: Agency
    project: Project
    document_id: int
    exemption_id: int
    audit_id: int
    import_id: int
    reviewed: Project
    case_id: int
    account_id: int
    service_id: int
    key_id: str
    requests: dict[str, int]
    link_id: int
    letter: str
    template_id: int
    reports: dict[str, str]
