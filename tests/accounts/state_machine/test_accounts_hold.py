"""Accounts hold against people who use every way in that they know of.

Each person has a password, tokens and an identity at the provider, and uses whatever else they learn: the passwords
that they set, the tokens that they issue, the invitations that reach them. Whoever confirms an account looks at its
holder's address and at whether the holder has another account; both who see a half of a password hand it over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from random import Random

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from registry.accounts.oidc_configuration import ClaimPaths, SignInConfiguration, set_sign_in_configuration
from tests.accounts.state_machine.cast import gather
from tests.accounts.state_machine.invariants.identity import IdentityInvariants
from tests.accounts.state_machine.invariants.rights import RightsInvariants
from tests.accounts.state_machine.invariants.work import WorkInvariants
from tests.accounts.state_machine.rules.edits import EditRules
from tests.accounts.state_machine.rules.identities import IdentityRules
from tests.accounts.state_machine.rules.tokens import TokenRules
from tests.accounts.state_machine.world import START
from tests.faults.processes import ALL
from tests.present import Present

# Three on every day, ten at night, all of them with scripts/test --faults.
STORIES = 20 if ALL else settings.default.max_examples // 10
STEPS = 40
# How often people do what.
WEIGHTS = {
    "people_sign_in": 3,
    "somebody_changes_the_own_password": 1,
    "somebody_gets_an_app": 1,
    "somebody_verifies_a_second_factor": 2,
    "somebody_ends_the_other_sessions": 1,
    "time_passes": 2,
    "an_account_is_added_for_somebody": 3,
    "an_account_is_changed": 5,
    "the_command_line_changes_accounts": 1,
    "an_account_is_confirmed": 4,
    "the_first_half_of_a_password_is_displayed": 2,
    "an_account_is_renamed": 3,
    "somebody_with_a_new_name_confirms": 1,
    "somebody_manages_after_a_break": 1,
    "an_address_is_changed": 3,
    "somebody_is_invited": 2,
    "somebody_is_invited_again": 1,
    "somebody_uses_an_invitation": 2,
    "somebody_signs_in_at_the_provider": 4,
    "somebody_issues_an_own_token": 3,
    "somebody_issues_a_token_of_a_program": 3,
    "a_token_is_confirmed": 3,
    "a_token_is_revoked": 1,
    "a_program_gets_another_owner": 2,
    "an_absence_is_recorded": 4,
    "an_absence_is_ended": 1,
    "work_is_handed_over": 3,
    "people_work_on_a_case": 6,
    "somebody_prepares_a_registration": 3,
}


class Machine(EditRules, IdentityRules, TokenRules, IdentityInvariants, RightsInvariants, WorkInvariants):
    """Everything that people do, and everything that must hold after each step."""

    @rule(random=st.randoms(use_true_random=False))
    def something_happens(self, random: Random) -> None:
        """Not a rule for each, because hypothesis leaves out half of the rules in every story."""
        self.random = random
        names = [name for name, weight in WEIGHTS.items() for _ in range(weight)]
        getattr(self, self.choice(names))()

    @invariant()
    def everything_holds(self) -> None:
        if self.is_checked:
            return
        self.is_checked = True
        # Nobody acts as two.
        self.only_its_holder_uses_an_oversight_account()
        self.nobody_holds_two_oversight_accounts()
        self.decisions_have_two_accounts()
        self.names_are_of_one_account()
        self.an_account_has_one_identity()
        self.deputies_have_no_deputies()
        # Nobody widens the own rights.
        self.a_way_in_gives_no_more_than_its_account()
        self.a_session_has_its_second_factor()
        self.roles_are_those_that_somebody_gave()
        self.deputies_could_do_the_work_themselves()
        self.an_administrator_is_left()
        # No work is orphaned.
        self.programs_have_an_owner_or_are_listed()
        self.open_cases_can_go_on()
        self.deputies_have_the_cases_of_the_absent()
        self.drafts_and_uploads_are_of_people()


@pytest.fixture
def ways_in(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Invitations by e-mail, second factors for whoever has one, and identities that an address links."""
    monkeypatch.setitem(app.config, "INVITATIONS_BY_EMAIL", True)
    monkeypatch.setitem(app.config, "SECOND_FACTOR_ROLES", frozenset())
    set_sign_in_configuration(SignInConfiguration(ClaimPaths(match="email")))
    yield
    set_sign_in_configuration(SignInConfiguration())


# Rules are the same on both databases; what each step does is tried on both.
@pytest.mark.sqlite_only
def test_nobody_acts_as_two_widens_their_rights_or_leaves_work_behind(
    each_example: Callable[[], AbstractContextManager[None]], ways_in: None, present: Present
) -> None:
    present.set(START)
    cast = gather()

    class Story(Machine):
        def __init__(self) -> None:
            super().__init__(cast, each_example, present)

    run_state_machine_as_test(
        Story,
        settings=settings(
            max_examples=STORIES,
            stateful_step_count=STEPS,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
