"""A held audit for the tour: the demo's nights change too little for the change threshold."""

from __future__ import annotations

from registry.accounts.roles import SCHEDULE
from registry.agencies.service import agency_by_bin
from registry.audits.execution import new_run
from registry.core.clock import now, today
from registry.core.database import transaction
from registry.flags.models import AuditChange, AuditRun
from registry.freeze.policy import policy_in_force
from registry.projects.models import Project

RULE = "platform.unverified"


def add_held_audit(agency: str) -> int:
    """Add an audit that is held as if an inventory had lost 120 placements. Return its id."""
    with transaction() as session:
        run: AuditRun = new_run(SCHEDULE, today(), "schedule", policy_in_force(), dry_run=False)
        run.status, run.finished_at = "held", now()
        run.held_because = {"newly_flagged": 120, "newly_clear": 3, "judged_by_last_audit": 410}
        counts = {
            "causes": {"confirmation_lost": [117, 0], "record_changed": [2, 3], "time_passed": [1, 0]},
            "rules": {RULE: [120, 0], "freeze.legacy": [0, 3]},
            "agencies": {agency_by_bin(agency).bin: [120, 3]},
        }
        run.held_causes = {"all": counts, "restricted": {"causes": {}, "rules": {}, "agencies": {}}}
        session.add(run)
        session.flush()
        for project in session.query(Project).filter(~Project.is_restricted).order_by(Project.id).limit(3):
            change = AuditChange(audit_id=run.id, project_id=project.id, rule=RULE, severity="medium", change="opened")
            session.add(change)
        return run.id
