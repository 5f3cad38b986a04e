"""Pages of policy versions: list, one version, drafts, comparison, impact, activation."""

import re
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, Final

from flask import Response, render_template, request, url_for

from registry.accounts.roles import Actor, Permission
from registry.agencies.pages import agency_names
from registry.audits.pages import rule_titles
from registry.audits.policy_activation import (
    activate_policy,
    impact_of,
    impact_report,
    may_activate,
    withdraw_activation,
)
from registry.core.clock import today
from registry.core.database import transaction
from registry.core.errors import Conflict
from registry.core.fields import AnyDay, BaseSchema, Choice, InputField, Text, WholeNumber
from registry.core.translations import Language, lazy_text
from registry.freeze.dates import format_date
from registry.freeze.facts import CONFIRMABLE
from registry.freeze.policy import NOT_JUDGED, SIGNED, Policy
from registry.freeze.policy_file import policy_document
from registry.freeze.rules import RULES
from registry.freeze.vocabulary import Severity, in_language
from registry.policies.api import ACTIVATION
from registry.policies.models import MAX_VERSION_LENGTH
from registry.policies.queries import compare, find_policy, list_policies
from registry.policies.schemas import VersionName
from registry.policies.service import change_draft, delete_draft, draft_policy, draft_to_change, find_draft
from registry.policies.settings import as_json, run_cases
from registry.projects.queries import projects_numbered
from registry.web.blueprint import Answer, flash_message, pages, redirect_to
from registry.web.current_user import page_locale
from registry.web.errors import error_message, flash_outcome
from registry.web.formats import day, gettext as _, money, number
from registry.web.forms import Field, FormPage, answer_form, as_typed, form_field
from registry.web.labels import choice_label, field_label

# Settings of a policy as pages name and display them.

LABELS: Final[Mapping[str, str]] = {
    "cutoff": lazy_text("First day of the moratorium"),
    "start_clock": lazy_text("A project starts on the earliest of"),
    "scope": lazy_text("Agencies that it binds"),
    "migration_deadline": lazy_text("Migration deadline"),
    "pilot_limit_months": lazy_text("Limit of a pilot, months"),
    "modification_limit_percent": lazy_text("Limit of a modification, percent of the original cost"),
    "verification_grace_days": lazy_text("Time to confirm a placement, days"),
    "onboarding_limit_months": lazy_text("Limit of an onboarding, months"),
    "attestation_months": lazy_text("A record is confirmed every, months"),
    "work_before_contract_days": lazy_text("Work may precede its contract by, days"),
    "split_contract_kzt": lazy_text("Contracts below this sum are counted together, tenge"),
    "split_contract_days": lazy_text("Days between contracts that are counted together"),
    "idle_days": lazy_text("Time without a deployment on QazTech, days"),
    "edit_severity": lazy_text("An edit that ends a serious finding leaves severity"),
    "case_from_severity": lazy_text("A case opens from severity"),
    "change_threshold_percent": lazy_text("Change threshold of an audit, percent"),
    "change_threshold_minimum": lazy_text("Change threshold of an audit, projects"),
    "appeal_suspends": lazy_text("An appeal suspends the order"),
    "signatures.orders": lazy_text("Orders need an electronic signature"),
    "signatures.approvals": lazy_text("Approvals need an electronic signature"),
    "signatures.reports": lazy_text("Reports to the Government need an electronic signature"),
    "confirmed_facts.framework_contract_months": lazy_text("Work later than its contract by months needs the contract"),
    "confirmed_facts.taken_over_before": lazy_text("Values unchanged since before this day count"),
    "document_quota_mib": lazy_text("Documents of a project, MiB"),
    "deadlines.answer": lazy_text("Time to answer a question, working days"),
    "deadlines.review": lazy_text("Time to review a case, working days"),
    "deadlines.appeal": lazy_text("Time to appeal, working days"),
}
RULE_LABELS: Final[Mapping[str, str]] = {
    "enabled": lazy_text("in use"),
    "severity": lazy_text("severity"),
    "kk_reviewed": lazy_text("Kazakh texts checked"),
    "title": lazy_text("title"),
    "remedy": lazy_text("what to do"),
    "act": lazy_text("legal act"),
    "text": lazy_text("wording"),
    "in_force_from": lazy_text("in force from"),
    "in_force_to": lazy_text("in force to"),
}
# As registry/freeze/policy_file.py writes a path.
OF_RULE: Final = re.compile(r'rules\."([^"]+)"\.(.+)')
# A setting of a rule, or of one of its clauses; texts have a language.
PART: Final = re.compile(r"(?:clauses\[(\d+)\]\.)?(\w+?)(?:_(kk|ru|en))?")
DATES: Final = ("cutoff", "migration_deadline", "confirmed_facts.taken_over_before")
TARGET: Final = "targets."
CONFIRMED_FACTS: Final = "confirmed_facts."
TRUSTED_SOURCES: Final = "trusted_sources."
SIGNATURES: Final = "signatures."


def setting_label(setting: str) -> str:
    """Return the name of a setting; of a rule, its title and which of its settings; else the path in the policy
    file.
    """
    if setting.startswith(TARGET):
        return _("Share on QazTech on %(day)s, percent") % {"day": day(setting.removeprefix(TARGET))}
    if (fact := setting.removeprefix(CONFIRMED_FACTS)) in CONFIRMABLE and fact != setting:
        return _("%(field)s: counts only when confirmed") % {"field": field_label(fact)}
    if setting.startswith(TRUSTED_SOURCES):
        return _("Facts that %(source)s confirms without a person") % {"source": setting.removeprefix(TRUSTED_SOURCES)}
    of_rule = OF_RULE.fullmatch(setting)
    if of_rule is not None:
        return f"{rule_titles().get(of_rule[1], of_rule[1])}: {_part(of_rule[2])}"
    return _(LABELS[setting]) if setting in LABELS else setting


def _part(name: str) -> str:
    part = PART.fullmatch(name)
    if part is None or part[2] not in RULE_LABELS:
        return name
    clause = [] if part[1] is None else [_("clause %(number)s") % {"number": part[1]}]
    language = [] if part[3] is None else [choice_label("language", part[3])]
    return ", ".join([*clause, _(RULE_LABELS[part[2]]), *language])


def setting_value(setting: str, value: Any) -> str:
    """Return the value of a setting as text; empty for None."""
    if setting == "appeal_suspends":
        # Left out of a policy where it is true.
        value = value is not False
    if setting.startswith(SIGNATURES):
        value = value is True
    if value is None:
        return ""
    if isinstance(value, bool):
        return choice_label(setting, value)
    if (fact := setting.removeprefix(CONFIRMED_FACTS)) in CONFIRMABLE and fact != setting:
        return _("from a budget of %(sum)s; below it, as entered") % {"sum": money(value)} if value else _("always")
    if setting == "split_contract_kzt":
        return number(value)
    if setting in DATES or setting.endswith((".in_force_from", ".in_force_to")):
        return str(day(value))
    if setting == "scope":
        return ", ".join(choice_label("kind", code) for code in value)
    if setting == "start_clock" or setting.startswith(TRUSTED_SOURCES):
        return ", ".join(field_label(name) for name in value)
    if setting == "edit_severity" and value == NOT_JUDGED:
        return _("Off")
    if setting in ("edit_severity", "case_from_severity") or setting.endswith(".severity"):
        return choice_label("severity", value)
    return str(value)


def thresholds(policy: Policy, only: Collection[str] = LABELS) -> list[tuple[str, str]]:
    """Return the thresholds of a policy with their labels, in the order of the file; by default every one."""
    document = as_json(policy_document(policy))
    deadlines = {f"deadlines.{name}": number for name, number in document["deadlines"].items()}
    yes_or_no = {"appeal_suspends": policy.appeal_suspends}
    yes_or_no |= {f"{SIGNATURES}{name}": name in policy.signed for name in SIGNED}
    values = {**yes_or_no, **document, **deadlines}
    targets = [(setting_label(f"{TARGET}{on.isoformat()}"), str(share)) for on, share in policy.targets]
    facts = {f"{CONFIRMED_FACTS}{name}": value for name, value in document.get("confirmed_facts", {}).items()}
    of_facts = [
        (setting_label(name), setting_value(name, value)) for name, value in facts.items() if name not in LABELS
    ]
    values |= dict.fromkeys((name for name in LABELS if name.startswith(CONFIRMED_FACTS)), None) | facts
    labelled = ((_(label), setting_value(name, values[name])) for name, label in LABELS.items() if name in only)
    sources = {f"{TRUSTED_SOURCES}{code}": facts for code, facts in policy.trusted_sources}
    of_facts += [(setting_label(name), setting_value(name, each)) for name, each in sources.items()]
    return [*labelled, *(of_facts if only is LABELS else ()), *targets]


# What an agency may have to keep; the others are of audits and reviews.
LIMITS: Final = (
    *("cutoff", "start_clock", "scope", "migration_deadline", "pilot_limit_months", "modification_limit_percent"),
    *("verification_grace_days", "onboarding_limit_months", "attestation_months", "appeal_suspends"),
    *("deadlines.answer", "deadlines.appeal"),
)


def rules_shown(policy: Policy, language: Language, on: date | None = None) -> list[dict[str, Any]]:
    """Return every rule with its texts and all wordings of its clause, or that of one day, in one language."""
    return [
        {
            "name": name,
            "enabled": rule.enabled,
            "severity": rule.severity,
            "title": in_language(rule.title, language),
            "remedy": in_language(rule.remedy, language),
            "wordings": [
                {
                    "act": in_language(wording.act, language),
                    "clause": in_language(wording.text, language),
                    "since": wording.in_force_from,
                    "to": wording.in_force_to,
                }
                for wording in (rule.clauses if on is None else [rule.wording_on(on)])
            ],
        }
        for name, rule in policy.rules.items()
    ]


# Forms of drafts: a new one, and its thresholds and rules.

OFF: Final = "off"
# Form name → rule. A full stop in the name of a marshmallow field would mean a nested value.
RULE_FIELDS: Final = {f"rule-{name.replace('.', '-')}": name for name in RULES}
DEADLINE_PREFIX: Final = "deadline-"
APPEALS: Final = "appeal_suspends"
YES: Final = "yes"
NO: Final = "no"
DAYS: Final = ("cutoff", "migration_deadline")
SEVERITIES: Final = ("edit_severity", "case_from_severity")
# Name → smallest and largest, as registry/freeze/policy_file.py has them.
NUMBERS: Final = {
    "pilot_limit_months": (1, 600),
    "modification_limit_percent": (0, 100),
    "verification_grace_days": (0, 3650),
    "onboarding_limit_months": (1, 600),
    "attestation_months": (0, 600),
    "work_before_contract_days": (0, 3650),
    "split_contract_kzt": (0, 10**15),
    "split_contract_days": (0, 3650),
    "idle_days": (1, 3650),
    "change_threshold_percent": (0, 100),
    "change_threshold_minimum": (0, 1_000_000_000),
    "document_quota_mib": (1, 1_000_000),
    f"{DEADLINE_PREFIX}answer": (1, 3650),
    f"{DEADLINE_PREFIX}review": (1, 3650),
    f"{DEADLINE_PREFIX}appeal": (1, 3650),
}


class NewDraft(BaseSchema):
    """A draft to begin on its page."""

    version = VersionName(MAX_VERSION_LENGTH, required=True)
    based_on = Text(required=True)


def _fields() -> dict[str, InputField]:
    days: dict[str, InputField] = {name: AnyDay(required=True) for name in DAYS}
    numbers = {name: WholeNumber(*limits, required=True) for name, limits in NUMBERS.items()}
    rules = {name: Choice((OFF, *Severity.codes()), required=True) for name in RULE_FIELDS}
    choices = {
        "edit_severity": Choice((NOT_JUDGED, *Severity.LOW.and_above()), required=True),
        "case_from_severity": Choice(Severity.LOW.and_above(), required=True),
        APPEALS: Choice((YES, NO), required=True),
    }
    return {**days, **choices, **numbers, **rules}


NEW_DRAFT: Final = NewDraft()
SETTINGS: Final = type("DraftSettings", (BaseSchema,), {"__doc__": "Settings of a draft on its page.", **_fields()})()


@pages.page("/policies/new", needs=Permission.POLICIES_WRITE, methods=("GET", "POST"))
def new_policy(actor: Actor) -> Answer:
    """Begin a draft from another version."""
    versions = [(each.version, each.version) for each in list_policies(actor)]
    page = FormPage(
        _("Draft a policy"),
        _("Create the draft"),
        url_for("web.policies"),
        [
            form_field("version", "text", label=_("Version"), hint=_("Such as 2026.2. It cannot be changed later.")),
            form_field("based_on", "select", label=_("Based on"), choices=versions),
        ],
        NEW_DRAFT,
        intro=_("A draft begins with every setting of another version. Nothing changes until it is activated."),
    )

    def act(values: dict[str, Any]) -> Answer:
        draft_policy(actor, values)
        flash_message(_("The draft is created."))
        return redirect_to("edit_policy", version=values["version"])

    in_force = next((each.version for each in list_policies(actor) if each.state == "in_force"), "")
    return answer_form(page, act, {"based_on": in_force})


@pages.page("/policies/<version>/edit", needs=Permission.POLICIES_WRITE, methods=("GET", "POST"))
def edit_policy(actor: Actor, version: str) -> Answer:
    """Change the thresholds of a draft, and which rules are on with which severity."""
    record = find_draft(actor, version)
    policy = record.policy
    page = FormPage(
        _("Change the draft"),
        _("Save the draft"),
        url_for("web.policy", version=version),
        _form_fields(),
        SETTINGS,
        intro=_("Texts, clauses, scope and expected verdicts are changed through the API."),
        subject=_("Version %(version)s") % {"version": version},
        edits=True,
        revision=None if record.stored is None else record.stored.revision,
        headings={DAYS[0]: _("Thresholds and dates"), next(iter(RULE_FIELDS)): _("Severity of the rules")},
    )

    def act(values: dict[str, Any]) -> None:
        with transaction():
            change_draft(actor, draft_to_change(actor, version), _settings(values))

    return answer_form(page, act, _present(policy), done=_("The draft is saved."))


def _form_fields() -> list[Field]:
    titles = rule_titles()
    severities = [(severity.value, choice_label("severity", severity)) for severity in Severity.worst_first()]
    of_rules = [*severities, (Severity.PLAN.value, choice_label("severity", Severity.PLAN)), (OFF, _("Off"))]
    return [
        *(form_field(name, "day", label=setting_label(name)) for name in DAYS),
        form_field(
            "edit_severity",
            "select",
            label=setting_label("edit_severity"),
            choices=[*severities, (NOT_JUDGED, _("Off"))],
        ),
        form_field("case_from_severity", "select", label=setting_label("case_from_severity"), choices=severities),
        form_field(APPEALS, "select", label=setting_label(APPEALS), choices=[(YES, _("Yes")), (NO, _("No"))]),
        *(
            form_field(name, "digits", label=setting_label(name.replace(DEADLINE_PREFIX, "deadlines.")))
            for name in NUMBERS
        ),
        *(
            form_field(field, "select", label=titles.get(name, name), choices=of_rules)
            for field, name in RULE_FIELDS.items()
        ),
    ]


def _present(policy: Policy) -> dict[str, str]:
    document = policy_document(policy)
    deadlines = {f"{DEADLINE_PREFIX}{name}": number for name, number in document["deadlines"].items()}
    plain = {name: as_typed({**document, **deadlines}[name]) for name in (*DAYS, *SEVERITIES, *NUMBERS)}
    in_form = {field: policy.rules[name] for field, name in RULE_FIELDS.items()}
    rules = {field: rule.severity if rule.enabled else OFF for field, rule in in_form.items()}
    return {**plain, APPEALS: as_typed(policy.appeal_suspends), **rules}


def _settings(values: dict[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = {"deadlines": {}, "rules": {}}
    for name, value in values.items():
        if name in RULE_FIELDS:
            rule = {"enabled": False} if value == OFF else {"enabled": True, "severity": value}
            settings["rules"][RULE_FIELDS[name]] = rule
        elif name.startswith(DEADLINE_PREFIX):
            settings["deadlines"][name.removeprefix(DEADLINE_PREFIX)] = value
        elif name == APPEALS:
            settings[name] = value == YES
        else:
            settings[name] = value
    return settings


# Pages of policy versions: list, one version, comparison, impact, activation, deletion.

MAX_LISTED: Final = 20
CHANGE_LISTS: Final = ("newly_flagged", "cleared", "changed_severity", "changed_rules")


@pages.page("/policies", needs=Permission.POLICIES_READ)
def policies(actor: Actor) -> Answer:
    """List all versions, newest first."""
    return render_template("policies/list.html", actor=actor, items=list_policies(actor))


@pages.page("/policies/<version>", needs=Permission.POLICIES_READ)
def policy(actor: Actor, version: str) -> Answer:
    """Display one version: thresholds, rules with the wording of today, expected verdicts."""
    record = find_policy(actor, version)
    stored = record.stored
    return render_template(
        "policies/detail.html",
        actor=actor,
        policy=record,
        thresholds=thresholds(record.policy),
        rules=rules_shown(record.policy, page_locale()),
        titles=rule_titles(),
        cases=run_cases(record.verdict_cases, record.policy),
        may_activate=stored is not None and may_activate(actor, stored),
    )


@pages.page("/policies/<version>/comparison", needs=Permission.POLICIES_READ)
def policy_comparison(actor: Actor, version: str) -> Answer:
    """Compare a version with another one, by default with its base."""
    comparison = compare(actor, version, request.args.get("with") or None)
    rows = [
        {
            "label": setting_label(each.setting),
            "setting": each.setting,
            "before": setting_value(each.setting, each.before),
            "after": setting_value(each.setting, each.after),
        }
        for each in comparison.differences
    ]
    return render_template("policies/comparison.html", comparison=comparison, rows=rows, others=list_policies(actor))


@pages.page("/policies/<version>/impact", needs=Permission.POLICIES_WRITE)
def policy_impact(actor: Actor, version: str) -> Answer:
    """Calculate and display what an audit of today by a version would change. Writes nothing."""
    record = find_policy(actor, version)
    report = impact_report(impact_of(actor, version))
    listed = {kind: report[kind][:MAX_LISTED] for kind in CHANGE_LISTS}
    numbers = (each["project"] for changes in listed.values() for each in changes)
    return render_template(
        "policies/impact.html",
        policy=record,
        report=report,
        listed=listed,
        by_agency=report["by_agency"][:MAX_LISTED],
        other_agencies=len(report["by_agency"][MAX_LISTED:]),
        by_region=report["by_region"],
        agencies=agency_names(each["agency"] for each in report["by_agency"][:MAX_LISTED]),
        rules=rule_titles(),
        projects=projects_numbered(actor, numbers),
        may_activate=record.stored is not None and record.in_force_from is None and may_activate(actor, record.stored),
    )


@pages.page("/policies/<version>/file", needs=Permission.POLICIES_READ)
def policy_file(actor: Actor, version: str) -> Answer:
    """Download a version as a policy file."""
    response = Response(find_policy(actor, version).text, content_type="application/toml; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="freeze_policy.toml"'
    return response


@pages.page("/policies/<version>/activation", needs=Permission.POLICIES_ACTIVATE, methods=("GET", "POST"))
def policy_activation(actor: Actor, version: str) -> Answer:
    """Put a draft in force from a day, with the impact that was shown."""
    find_policy(actor, version)
    page = FormPage(
        _("Activate the policy"),
        _("Activate the policy"),
        url_for("web.policy_impact", version=version),
        [
            form_field("on", "day", label=_("In force from"), hint=_("Today or later.")),
            form_field(
                "impact_digest",
                "text",
                label=_("Digest of the impact"),
                hint=_("It stands on the page of the impact that you read today."),
            ),
        ],
        ACTIVATION,
        intro=_(
            "From this day audits use the version, and it never changes again. The first audit by it says whether it "
            "changed what the impact showed."
        ),
        subject=_("Version %(version)s") % {"version": version},
    )

    def act(values: dict[str, Any]) -> Answer:
        activate_policy(actor, version, values["impact_digest"], values["on"])
        day = format_date(values["on"], page_locale())
        flash_message(_("The policy is in force from %(day)s.") % {"day": day})
        return redirect_to("policy", version=version)

    present = {"on": as_typed(today()), "impact_digest": request.args.get("digest", "")[:64]}
    return answer_form(page, act, present)


@pages.page("/policies/<version>/activation/withdrawal", needs=Permission.POLICIES_ACTIVATE, methods=("POST",))
def withdraw_policy_activation(actor: Actor, version: str) -> Answer:
    """Take back an activation before its day."""
    with flash_outcome(_("The activation is taken back: the version is a draft again.")):
        withdraw_activation(actor, version)
    return redirect_to("policy", version=version)


@pages.page("/policies/<version>/deletion", needs=Permission.POLICIES_WRITE, methods=("POST",))
def delete_policy_draft(actor: Actor, version: str) -> Answer:
    """Delete a draft."""
    try:
        with transaction():
            delete_draft(actor, draft_to_change(actor, version))
    except Conflict as error:
        flash_message(error_message(error), "error")
        return redirect_to("policy", version=version)
    flash_message(_("The draft is deleted."))
    return redirect_to("policies")
