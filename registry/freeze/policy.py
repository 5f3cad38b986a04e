"""The policy of the freeze: scope, dates, limits, and each rule's severity, texts and legal basis."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

# The ``edit_severity`` of a policy that does not judge edits.
NOT_JUDGED = "none"


@dataclass(frozen=True, slots=True)
class Wording:
    """One wording of a rule's legal basis; ``act`` and ``text`` are keyed by language.

    In force from ``in_force_from`` to ``in_force_to`` inclusive; None means still in force.
    """

    act: Mapping[str, str]
    text: Mapping[str, str]
    in_force_from: date
    in_force_to: date | None = None


@dataclass(frozen=True, slots=True)
class RulePolicy:
    """The settings of one rule. ``title`` and ``remedy`` are keyed by language.

    ``clauses`` are ordered by date and never overlap. ``kk_reviewed`` is True when a native lawyer has reviewed the
    Kazakh texts.
    """

    enabled: bool
    severity: str
    title: Mapping[str, str]
    remedy: Mapping[str, str]
    clauses: tuple[Wording, ...]
    kk_reviewed: bool

    def wording_on(self, on: date) -> Wording:
        """Return the latest wording that began on or before the day; the first wording for an earlier day."""
        effective = [wording for wording in self.clauses if wording.in_force_from <= on]
        return effective[-1] if effective else self.clauses[0]


@dataclass(frozen=True, slots=True)
class DeadlineDays:
    """DeadlineDays of a case in working days of the national calendar."""

    answer: int
    review: int
    appeal: int


@dataclass(frozen=True, slots=True)
class ConfirmedFacts:
    """Which facts count only when confirmed.

    ``from_kzt``: each fact with the budget from which on it needs a confirmation; 0 for every project. A contract from
    before the cutoff is a framework contract when the work began more than ``framework_contract_months`` calendar
    months after it. Values that have stood unchanged since before ``taken_over_before`` are taken over: they count.
    """

    from_kzt: tuple[tuple[str, int], ...]
    framework_contract_months: int
    taken_over_before: date | None = None


# What a policy can require to be signed electronically: proposals and approvals of orders, approvals of what another
# person proposed, decisions of the Commission among them, and approvals of reports to the Government.
SIGNED: Final = ("orders", "approvals", "reports")


@dataclass(frozen=True)
class Policy:
    """One version of the policy (docs/reference/settings.md). ``rules`` has every rule, in the order of the table.

    Percentages are whole numbers from 0 to 100, months are calendar months, ``verification_grace_days`` are calendar
    days. ``attestation_months`` is 0 when records need no attestation. ``change_threshold_*``: above it an audit is
    held. ``appeal_suspends``: an appealed order does not bind until a new decision; else it binds until another
    decision replaces it (Administrative Procedural Code, Art. 91). ``edit_severity``: of the finding that an edit
    leaves which ends a serious one; NOT_JUDGED for none. ``digest`` is the SHA-256 (hex) of the policy file, ``text``
    its content. ``targets``: the share of projects in scope that should be on the platform on a date, in percent,
    ordered by date; the overview compares with them, no rule does. ``work_before_contract_days``: by how many calendar
    days work may precede its contract. ``split_contract_kzt``: contracts below it of at most ``split_contract_days``
    calendar days between them, with one supplier on one object, may be one that was split. ``idle_days``: for
    how many calendar days nothing may be deployed of an object on the platform. ``confirmed_facts``: None
    lets every fact count as entered, and edits are judged on their own day alone. ``trusted_sources``: the state
    systems whose signed confirmations count without a person, by code, each with the facts that do.
    ``signed``: what is signed electronically, of ``SIGNED``.
    """

    version: str
    in_force_from: date
    cutoff: date
    start_clock: tuple[str, ...]
    scope: frozenset[str]
    migration_deadline: date
    pilot_limit_months: int
    modification_limit_percent: int
    verification_grace_days: int
    onboarding_limit_months: int
    attestation_months: int
    case_from_severity: str
    change_threshold_percent: int
    change_threshold_minimum: int
    document_quota_mib: int
    deadlines: DeadlineDays
    rules: Mapping[str, RulePolicy]
    digest: str
    targets: tuple[tuple[date, int], ...] = ()
    appeal_suspends: bool = True
    edit_severity: str = NOT_JUDGED
    work_before_contract_days: int = 30
    split_contract_kzt: int = 100_000_000
    split_contract_days: int = 30
    idle_days: int = 90
    confirmed_facts: ConfirmedFacts | None = None
    trusted_sources: tuple[tuple[str, tuple[str, ...]], ...] = ()
    signed: tuple[str, ...] = ()
    text: str = field(default="", repr=False, compare=False)

    def __hash__(self) -> int:
        # The generated hash would hash every field on every look-up, and cannot hash the mapping of rules.
        return hash(self.digest)

    @property
    def named_dates(self) -> tuple[date, ...]:
        """The dates on which an audit legitimately changes many flags; the change threshold is off across them."""
        return (self.cutoff, self.migration_deadline)


# The policy in force: the file that the process loaded at startup, or a later version that was activated.

# The activated version in force on a day, of today for None; None while the file is in force.
LaterVersion = Callable[[date | None], Policy | None]
_current: list[Policy] = []
_later: list[LaterVersion] = []


class PolicyNotSet(RuntimeError):
    """The policy was requested before the application was created: a programming error."""


def set_policy(policy: Policy) -> None:
    """Set the policy of the process: the first version, which is in force until another one is activated."""
    _current[:] = [policy]


def connect_later_versions(find: LaterVersion) -> None:
    """Say where activated versions are found."""
    _later[:] = [find]


def first_policy() -> Policy:
    """Return the policy of the file. Raises PolicyNotSet before set_policy."""
    if not _current:
        raise PolicyNotSet
    return _current[0]


def policy_in_force(on: date | None = None) -> Policy:
    """Return the policy in force on a day, by default today. Raises PolicyNotSet before set_policy."""
    first = first_policy()
    for find in _later:
        later = find(on)
        if later is not None:
            return later
    return first
