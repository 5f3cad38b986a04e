"""Which slices act on which event, in what order. Rows are locked in this order: projects, flags, cases, audits."""

from __future__ import annotations

from registry.agencies.events import agency_changed
from registry.audits.restricted_counts import move_in_last_audit
from registry.cases.change_times import mark_cases_of_agency, mark_cases_of_project
from registry.flags.change_times import mark_flags_of_agency, mark_flags_of_project
from registry.projects.change_times import mark_projects_of_agency
from registry.projects.events import project_restricted

agency_changed.connect(mark_projects_of_agency)
agency_changed.connect(mark_flags_of_agency)
agency_changed.connect(mark_cases_of_agency)

project_restricted.connect(mark_flags_of_project)
project_restricted.connect(mark_cases_of_project)
project_restricted.connect(move_in_last_audit)
