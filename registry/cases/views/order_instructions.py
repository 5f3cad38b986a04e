"""Order instructions: the steps in this register by which an agency carries out an order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry.cases.vocabulary import DecisionKind
from registry.freeze.vocabulary import Placement, Stage
from registry.web.formats import day
from registry.web.formats import gettext as _
from registry.web.labels import choice_label

STAGES: Mapping[str, Stage] = {DecisionKind.STOP: Stage.TERMINATED, DecisionKind.WRITE_OFF: Stage.WRITTEN_OFF}


def order_instructions(decision: Mapping[str, Any]) -> list[str]:
    """Return the steps; empty when the decision is no order or no longer in effect."""
    if decision["ended_because"]:
        return []
    if decision["decision"] == DecisionKind.MIGRATE_BY:
        return [
            _("Move the object to QazTech by %(day)s.") % {"day": day(decision["due_on"])},
            _("Then change the facts here: the hosting to “%(placement)s”, and the key on QazTech.")
            % {"placement": choice_label("placement", Placement.ON_PLATFORM)},
            _(
                "Add a comment below and ask for the placement to be confirmed. The order counts as carried out when "
                "it is confirmed."
            ),
        ]
    stage = STAGES.get(decision["decision"])
    if stage is None:
        return []
    return [
        _("Stop the work by %(day)s.") % {"day": day(decision["due_on"])}
        if decision["due_on"]
        else _("Take the object out of use and write it off."),
        _("Then change the facts here: the stage to “%(stage)s”, and the date on which it ended.")
        % {"stage": choice_label("stage", stage)},
        _("Add the act to the documents of the project."),
        _(
            "Add a comment below and ask for the ending to be confirmed. The order counts as carried out when it is "
            "confirmed."
        ),
    ]
