"""Tokens: displayed once, expiry, revocation, limits, and what they may do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, strategies as st
from sqlalchemy import select, update

from registry.accounts.account_changes import (
    TokenNotPending,
    change_role,
    confirm_token,
    disable_account,
    enable_account,
)
from registry.accounts.account_management import RightsChanged
from registry.accounts.models import Account, Person, account_named
from registry.accounts.queries import all_tokens, own_tokens
from registry.accounts.roles import Actor, Permission, Role, Scope, StepUpRequired
from registry.accounts.service import NewPerson, add_person, set_password
from registry.accounts.sessions import SessionEnded, end_own_session, list_sessions
from registry.accounts.tokens import (
    LETTERS,
    TOKEN_PATTERN,
    IssuedToken,
    Token,
    TokenForDisabledAccount,
    TokenNotAccepted,
    add_service_account,
    authenticate_token,
    checksum,
    issue,
    issue_own_token,
    issue_service_token,
    revoke,
    revoke_own_token,
)
from registry.agencies.models import Agency
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.core.errors import Invalid
from registry.journal.service import JournalEntry
from tests.api.callers import Caller, caller, code
from tests.factories import ADMINISTRATOR, PASSWORD, a_service_token, a_token, an_actor, an_agency, bearer, in_session
from tests.present import Present

DAY = timedelta(days=1)


def accepted(text: str) -> Actor:
    return authenticate_token(text, "10.0.0.1", "request-1")


def issued(name: str = "Robot", role: Role | None = Role.OPERATOR, lifetime: timedelta | None = DAY) -> IssuedToken:
    return issue(ADMINISTRATOR, name, role, None, lifetime)


def test_token_acts_for_its_principal_with_its_role_and_agency(app: Flask) -> None:
    agency = an_agency()
    text = a_token(Role.AGENCY_EDITOR, agency, name="Айгүл")
    account = account_named("Айгүл")
    assert accepted(text) == Actor(
        "Айгүл",
        Role.AGENCY_EDITOR,
        agency.id,
        "10.0.0.1",
        "request-1",
        account_id=account.id,
        is_person=True,
        credential=f"token:{text.split('_')[1]}",
        scopes=frozenset(
            {Scope.READ, Scope.PROJECTS_WRITE, Scope.CASES_WRITE, Scope.IMPORTS_RUN, Scope.ACCOUNTS_WRITE}
        ),
    )


def test_token_of_an_account_has_its_role_or_a_narrower_one(app: Flask) -> None:
    issued("Robot", Role.SUPERVISOR)
    assert accepted(issued("Robot", None).text).role is Role.SUPERVISOR
    assert accepted(issued("Robot", Role.AUDITOR).text).role is Role.AUDITOR


def test_token_wider_than_its_account_is_rejected(app: Flask) -> None:
    issued("Robot", Role.REVIEWER)
    for wider in (Role.SUPERVISOR, Role.AUDITOR, Role.OPERATOR, Role.ADMINISTRATOR):
        with pytest.raises(Invalid) as refused:
            issued("Robot", wider)
        assert problems(refused) == [("/role", "token-wider-than-account")], wider


def test_token_of_another_agency_than_its_account_is_rejected(app: Flask) -> None:
    own, other = an_agency(), an_agency()
    issue(ADMINISTRATOR, "Editor", Role.AGENCY_EDITOR, own.id, DAY)
    with pytest.raises(Invalid):
        issue(ADMINISTRATOR, "Editor", Role.AGENCY_VIEWER, other.id, DAY)
    narrower = issue(ADMINISTRATOR, "Editor", Role.AGENCY_VIEWER, None, DAY)
    assert accepted(narrower.text).agency_id == own.id


def test_token_wider_than_its_account_is_now_is_not_accepted(app: Flask) -> None:
    token = issued("Robot", Role.SUPERVISOR)
    with transaction() as session:
        # As if the change of role had not revoked it.
        session.execute(update(Account).values(role="reviewer"))
    with pytest.raises(TokenNotAccepted):
        accepted(token.text)


def test_token_is_never_stored_or_journalled(app: Flask) -> None:
    text = issued().text
    secret = TOKEN_PATTERN.fullmatch(text)[2]
    (token,) = db.session.scalars(select(Token))
    kept = " ".join(str(getattr(token, column.key)) for column in Token.__mapper__.column_attrs)
    journalled = " ".join(entry.subject + entry.details for entry in db.session.scalars(select(JournalEntry)))
    assert secret not in kept + journalled


@pytest.mark.parametrize(
    ("lifetime", "end"),
    [(timedelta(hours=1), datetime(2026, 3, 1, 10, tzinfo=UTC)), (None, datetime(2026, 5, 30, 9, tzinfo=UTC))],
)
def test_token_expires_to_the_second(app: Flask, present: Present, lifetime: timedelta | None, end: datetime) -> None:
    present.set(datetime(2026, 3, 1, 9, tzinfo=UTC))
    token = issued(lifetime=lifetime)
    present.set(end - timedelta(seconds=1))
    assert accepted(token.text).role is Role.OPERATOR
    present.set(end)
    with pytest.raises(TokenNotAccepted):
        accepted(token.text)


def test_token_of_an_earlier_version_has_every_scope_and_does_not_expire(app: Flask, present: Present) -> None:
    present.set(datetime(2026, 3, 1, 9, tzinfo=UTC))
    token = issued(role=Role.SUPERVISOR)
    with transaction() as session:
        session.execute(update(Token).values(expires_at=None, scopes=None))
    present.set(datetime(2036, 3, 1, 9, tzinfo=UTC))
    actor = accepted(token.text)
    assert actor.scopes is None and actor.may(Permission.CASES_APPROVE)


def test_token_is_revoked_once_and_others_of_the_account_go_on(app: Flask) -> None:
    token, sister = issued(), issued()
    accepted(token.text)
    for _ in range(2):
        revoke(ADMINISTRATOR, token.key_id)
        with pytest.raises(TokenNotAccepted):
            accepted(token.text)
    assert accepted(sister.text).principal == "Robot"
    actions = db.session.scalars(select(JournalEntry.action).order_by(JournalEntry.seq)).all()
    assert actions == ["account.added", "token.issued", "token.issued", "token.revoked"]


@pytest.mark.parametrize("out", ["disabled_at", "pending_since"])
def test_tokens_of_disabled_or_pending_accounts_are_rejected(app: Flask, present: Present, out: str) -> None:
    start = present.set(datetime(2026, 3, 1, 9, tzinfo=UTC))
    tokens = [issued(), issued()]
    with transaction() as session:
        session.execute(update(Account).values({out: start}))
    for token in tokens:
        with pytest.raises(TokenNotAccepted):
            accepted(token.text)


@given(at=st.integers(0, 10_000), letter=st.sampled_from(LETTERS))
def test_mistyped_token_is_rejected_without_a_query(at: int, letter: str) -> None:
    # No app is there: a question to the database would fail with another error.
    text = f"qtr_{'a' * 10}_{'b' * 40}{checksum('a' * 10, 'b' * 40)}"
    place = at % len(text)
    if text[place] != letter:
        with pytest.raises(TokenNotAccepted):
            accepted(text[:place] + letter + text[place + 1 :])
    with pytest.raises(TokenNotAccepted):
        accepted(text[:place])


def test_well_formed_token_with_an_unknown_key_or_another_secret_is_rejected(app: Flask) -> None:
    for key_id in ("a" * 10, issued().key_id):
        with pytest.raises(TokenNotAccepted):
            accepted(f"qtr_{key_id}_{'b' * 40}{checksum(key_id, 'b' * 40)}")


def test_malformed_token_is_rejected(app: Flask) -> None:
    for text in ("", "qtr_", "Bearer x", "qtr_１_x", "q" * 100_000, "qtr_\x00", "\ud800"):
        with pytest.raises(TokenNotAccepted):
            accepted(text)


def test_last_used_at_is_not_written_on_every_request(app: Flask, present: Present) -> None:
    start = present.set(datetime(2026, 3, 1, 9, tzinfo=UTC))
    token = issued()
    uses = []
    for minutes in (0, 4, 6):
        present.set(start + timedelta(minutes=minutes))
        accepted(token.text)
        db.session.expire_all()
        uses.append(db.session.scalars(select(Token)).one().last_used_at)
    assert uses == [start, start, start + timedelta(minutes=6)]


def test_invalid_token_request_is_rejected(app: Flask) -> None:
    agency_id = an_agency().id
    for name, role, of_agency, lifetime, pointers in (
        ("  ", Role.OPERATOR, None, DAY, ["/name"]),
        ("Robot", Role.AGENCY_EDITOR, None, DAY, ["/agency"]),
        ("Robot", Role.SUPERVISOR, agency_id, DAY, ["/agency"]),
        ("Robot", Role.OPERATOR, None, timedelta(), ["/expires_in"]),
        ("Robot", Role.OPERATOR, None, timedelta(days=366, seconds=1), ["/expires_in"]),
        ("", Role.AGENCY_VIEWER, None, -DAY, ["/name", "/agency", "/expires_in"]),
    ):
        with pytest.raises(Invalid) as refused:
            issue(ADMINISTRATOR, name, role, of_agency, lifetime)
        assert [problem.pointer for problem in refused.value.problems] == pointers
    assert db.session.scalars(select(Token)).all() == []


@pytest.fixture
def token(client: FlaskClient, agency: Agency) -> str:
    """A token of an agency administrator that may create others."""
    return a_token(Role.AGENCY_ADMINISTRATOR, agency, "aidana")


def program(text: str) -> Actor:
    return authenticate_token(text, "10.0.0.1", "r")


def create(text: str) -> IssuedToken:
    return issue_own_token(program(text))


def works(text: str) -> bool:
    try:
        program(text)
    except TokenNotAccepted:
        return False
    return True


@pytest.mark.parametrize("by_owner", [True, False])
def test_tokens_that_a_token_created_are_revoked_with_it(token: str, *, by_owner: bool) -> None:
    first = create(token)
    second, sibling = create(first.text), create(token)
    if by_owner:
        revoke_own_token(program(token), first.key_id)
    else:
        revoke(ADMINISTRATOR, first.key_id)
    assert [works(each) for each in (token, first.text, second.text, sibling.text)] == [True, False, False, True]
    entries = db.session.execute(
        select(JournalEntry.subject, JournalEntry.details)
        .where(JournalEntry.action == "token.revoked")
        .order_by(JournalEntry.seq)
    ).all()
    assert [(entry.subject, json.loads(entry.details)) for entry in entries] == [
        (f"token:{first.key_id}", {"account": "aidana", "issued_by": token.split("_")[1]}),
        (f"token:{second.key_id}", {"account": "aidana", "issued_by": first.key_id}),
    ]


def test_token_of_a_service_goes_on_and_names_the_token_that_created_it(
    client: FlaskClient, token: str, agency: Agency
) -> None:
    robot = add_service_account(program(token), "robot", Role.AGENCY_EDITOR, agency.id)
    issued = issue_service_token(program(token), robot.id, scopes=[Scope.READ])
    revoke(ADMINISTRATOR, token.split("_")[1])
    assert works(issued.text)
    listed = caller(client, Role.AUDITOR).get("/tokens?kind=service").get_json()["items"]
    assert [(item["key_id"], item["issued_by"]) for item in listed] == [(issued.key_id, token.split("_")[1])]


START = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def person(app: Flask) -> Person:
    return add_person(ADMINISTRATOR, NewPerson("saule", Role.SUPERVISOR), PASSWORD)


@pytest.fixture
def saule(person: Person) -> Actor:
    return in_session(replace(an_actor(Role.SUPERVISOR, name="saule"), account_id=person.account_id))


def come_in(text: str, address: str = "10.1.0.7") -> Actor:
    return authenticate_token(text, address, "r")


def problems(error: pytest.ExceptionInfo[Invalid]) -> list[tuple[str, str]]:
    return [(problem.pointer, problem.code) for problem in error.value.problems]


def test_token_is_accepted_from_its_addresses_only_and_keeps_the_last(app: Flask) -> None:
    ranges = ["10.1.0.0/16", "192.0.2.1", "2001:db8::/32"]
    token = issue(ADMINISTRATOR, "robot", Role.OPERATOR, None, DAY, addresses=ranges)
    for address in ("10.2.0.1", "192.0.2.2", "2001:db9::5", "", "unknown"):
        with pytest.raises(TokenNotAccepted):
            come_in(token.text, address)
    assert db.session.scalars(select(Token.last_used_at)).one() is None
    for address in ("10.1.0.7", "::ffff:10.1.0.7", "192.0.2.1", "2001:db8::5"):
        assert come_in(token.text, address).principal == "robot"
    assert db.session.scalars(select(Token.last_used_from)).one() == "10.1.0.7"


def test_range_of_mapped_addresses_is_the_one_of_ipv4(app: Flask) -> None:
    for text in ("::ffff:10.1.0.0/112", "::ffff:10.1.0.7", "::ffff:a01:0/112"):
        token = issue(ADMINISTRATOR, "robot", Role.OPERATOR, None, DAY, addresses=[text])
        for address in ("10.1.0.7", "::ffff:10.1.0.7"):
            assert come_in(token.text, address).principal == "robot"
        with pytest.raises(TokenNotAccepted):
            come_in(token.text, "10.2.0.7")


def test_approving_is_given_to_an_own_token_only(saule: Actor) -> None:
    for name, role in (("robot", Role.SUPERVISOR), ("saule", None)):
        with pytest.raises(Invalid) as refused:
            issue(ADMINISTRATOR, name, role, None, DAY, scopes={Scope.READ, Scope.DECISIONS_APPROVE})
        assert problems(refused) == [("/scopes", "scope-only-for-own-tokens")]
    token = issue_own_token(saule, DAY, scopes={Scope.READ, Scope.DECISIONS_APPROVE})
    assert come_in(token.text).scopes == {Scope.READ, Scope.DECISIONS_APPROVE}


@pytest.mark.parametrize("scope", [Scope.DECISIONS_APPROVE, Scope.EXEMPTIONS_WRITE])
def test_own_token_for_acts_of_consequence_needs_a_step_up(saule: Actor, present: Present, scope: Scope) -> None:
    at = present.set(START)
    session = replace(saule, second_factor_required=True)
    with pytest.raises(StepUpRequired):
        issue_own_token(session, DAY, scopes={scope})
    issue_own_token(replace(session, factor_at=at), DAY, scopes={scope})
    issue_own_token(session, DAY, scopes={Scope.READ, Scope.CASES_WRITE})


@pytest.mark.parametrize(
    ("scopes", "code"), [([], "scope-missing"), ([Scope.READ, Scope.AUDITS_RUN], "scope-not-of-role")]
)
def test_unusable_scopes_are_rejected(app: Flask, scopes: list[Scope], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        issue(ADMINISTRATOR, "robot", Role.REVIEWER, None, DAY, scopes=scopes)
    assert problems(refused) == [("/scopes", code)]


def test_token_creates_no_token_that_is_wider_than_itself(saule: Actor, present: Present) -> None:
    present.set(START)
    made = issue_own_token(
        saule, 10 * DAY, Role.REVIEWER, scopes={Scope.READ, Scope.CASES_WRITE}, addresses=["10.1.0.0/16"]
    )
    actor = come_in(made.text)
    for act, wider in (
        (lambda: issue_own_token(actor, 11 * DAY), ("/expires_in", "token-wider-than-token")),
        (lambda: issue_own_token(actor, scopes={Scope.PROJECTS_WRITE}), ("/scopes", "token-wider-than-token")),
        (lambda: issue_own_token(actor, addresses=["10.0.0.0/8"]), ("/addresses", "token-wider-than-token")),
        (lambda: issue_own_token(actor, addresses=["2001:db8::/32"]), ("/addresses", "token-wider-than-token")),
    ):
        with pytest.raises(Invalid) as refused:
            act()
        assert problems(refused) == [wider]
    with pytest.raises(Invalid) as refused:
        issue_own_token(actor, role=Role.SUPERVISOR)
    assert ("/role", "token-wider-than-account") in problems(refused)

    issue_own_token(actor, addresses=["10.1.2.0/24"])
    child = come_in(issue_own_token(actor).text)
    assert (child.role, child.scopes) == (Role.REVIEWER, {Scope.READ, Scope.CASES_WRITE})
    kept = db.session.scalars(select(Token).order_by(Token.id.desc())).first()
    assert kept is not None and (kept.expires_at, kept.addresses) == (START + 10 * DAY, ["10.1.0.0/16"])


def test_token_never_gives_the_right_to_approve(saule: Actor) -> None:
    actor = come_in(issue_own_token(saule, DAY, scopes=set(Scope) - {Scope.ACCOUNTS_WRITE, Scope.IMPORTS_RUN}).text)
    assert actor.scopes is not None and Scope.DECISIONS_APPROVE in actor.scopes
    with pytest.raises(Invalid) as refused:
        issue_own_token(actor, scopes={Scope.DECISIONS_APPROVE})
    assert problems(refused) == [("/scopes", "scope-only-for-own-tokens")]
    assert Scope.DECISIONS_APPROVE not in (come_in(issue_own_token(actor).text).scopes or set())


def test_inactive_tokens_are_those_that_nobody_used_for_90_days(app: Flask, present: Present) -> None:
    present.set(START)
    unused, used, revoked, _short = (
        issue(ADMINISTRATOR, "robot", Role.OPERATOR, None, days * DAY) for days in (200, 200, 200, 10)
    )
    revoke(ADMINISTRATOR, revoked.key_id)
    present.set(START + DAY)
    come_in(used.text)
    administrator = an_actor(Role.ADMINISTRATOR)
    present.set(START + 90 * DAY - timedelta(seconds=1))
    assert all_tokens(administrator, "inactive") == []
    present.set(START + 90 * DAY)
    assert [token["key_id"] for token in all_tokens(administrator, "inactive")] == [unused.key_id]
    present.set(START + 91 * DAY)
    assert [token["key_id"] for token in all_tokens(administrator, "inactive")] == [unused.key_id, used.key_id]


def test_ending_tokens_are_those_that_end_within_14_days(app: Flask, present: Present) -> None:
    present.set(START)
    token = issue(ADMINISTRATOR, "robot", Role.OPERATOR, None, 20 * DAY)
    administrator = an_actor(Role.ADMINISTRATOR)
    for days, listed in ((0, []), (6, [token.key_id]), (19, [token.key_id]), (20, [])):
        present.set(START + days * DAY)
        assert [each["key_id"] for each in all_tokens(administrator, "ending")] == listed


def test_more_than_20_address_ranges_are_rejected(app: Flask) -> None:
    ranges = [f"10.{number}.0.0/16" for number in range(21)]
    issue(ADMINISTRATOR, "robot", Role.OPERATOR, None, DAY, addresses=ranges[:20])
    with pytest.raises(Invalid) as refused:
        issue(ADMINISTRATOR, "robot", None, None, DAY, addresses=ranges)
    assert problems(refused) == [("/addresses", "too-many-address-ranges")]


PURPOSE = "Ночная передача данных"


def test_api_stores_and_returns_the_purpose(app: Flask) -> None:
    headers = bearer(issue(ADMINISTRATOR, "manager", Role.AUDITOR, None).text)
    person = signed_token()
    client = app.test_client()
    created = client.post("/api/v1/tokens", json={"scopes": ["read"], "purpose": PURPOSE}, headers=person)
    assert created.status_code == 201 and created.json is not None and created.json["purpose"] == PURPOSE
    listed = client.get("/api/v1/tokens", headers=headers).json
    assert listed is not None and listed["items"][0]["purpose"] == PURPOSE
    long = client.post("/api/v1/tokens", json={"scopes": ["read"], "purpose": "x" * 101}, headers=person)
    assert long.status_code == 422


def signed_token() -> dict[str, str]:
    """A person's token that may create tokens."""
    person = add_person(ADMINISTRATOR, NewPerson("zhanna", Role.AUDITOR), PASSWORD, must_change=False)
    actor = Actor("zhanna", Role.AUDITOR, account_id=person.account_id, is_person=True)
    scopes = [Scope.READ, Scope.ACCOUNTS_WRITE]
    return bearer(issue_own_token(in_session(actor), scopes=scopes).text)


def test_disabled_service_account_gets_no_token(administrator: Caller, agency: Agency) -> None:
    robot = add_service_account(ADMINISTRATOR, "robot", Role.AGENCY_EDITOR, agency.id)
    disable_account(ADMINISTRATOR, robot.id)
    answer = administrator.post(f"/accounts/{robot.id}/tokens", {})
    assert (answer.status_code, code(answer)) == (409, "token-for-disabled-account")
    assert all_tokens(ADMINISTRATOR)[0]["account"] != "robot"
    enable_account(ADMINISTRATOR, robot.id)
    assert administrator.post(f"/accounts/{robot.id}/tokens", {}).get_json()["status"] == "valid"


def test_command_line_gives_no_disabled_person_a_token(app: Flask) -> None:
    person = add_person(ADMINISTRATOR, NewPerson("saule", Role.OPERATOR), PASSWORD)
    disable_account(ADMINISTRATOR, person.account_id)
    with pytest.raises(TokenForDisabledAccount):
        issue(ADMINISTRATOR, "saule", None, None)
    assert all_tokens(ADMINISTRATOR) == []


def test_tokens_that_are_not_accepted_are_not_listed_as_valid(administrator: Caller) -> None:
    for name in ("disabled", "pending", "works"):
        a_service_token(Role.OPERATOR, name=name)
    with transaction() as session:
        # As earlier versions left them: with unrevoked tokens.
        for name, column in (("disabled", "disabled_at"), ("pending", "pending_since")):
            session.execute(update(Account).where(Account.name == name).values({column: now()}))
    statuses = {
        item["account"]: item["status"] for item in administrator.get("/tokens?kind=service").get_json()["items"]
    }
    assert statuses == {"disabled": "disabled", "pending": "pending", "works": "valid"}
    for status, name in (("disabled", "disabled"), ("valid", "works")):
        listed = administrator.get(f"/tokens?kind=service&status={status}").get_json()["items"]
        assert [item["account"] for item in listed] == [name]


def test_token_of_a_disabled_account_is_not_confirmed(app: Flask) -> None:
    robot = add_service_account(ADMINISTRATOR, "robot", Role.OPERATOR, None)
    issued = issue_service_token(an_actor(Role.ADMINISTRATOR, name="bota"), robot.id)
    with transaction() as session:
        session.execute(update(Account).where(Account.id == robot.id).values(disabled_at=now()))
    db.session.expire_all()
    with pytest.raises(TokenNotPending):
        confirm_token(an_actor(Role.ADMINISTRATOR, name="saule"), issued.key_id)


@pytest.fixture
def owner(app: Flask) -> Person:
    return add_person(ADMINISTRATOR, NewPerson("saule", Role.AGENCY_EDITOR, an_agency().id), PASSWORD)


@pytest.fixture
def own_session(owner: Person) -> Actor:
    """Saule, whose request has been authenticated."""
    actor = Actor(
        "saule",
        Role.AGENCY_EDITOR,
        owner.agency_id,
        "10.0.0.1",
        "r",
        owner.account_id,
        is_person=True,
    )
    return in_session(actor)


def disabled_and_enabled(person: Person) -> None:
    disable_account(ADMINISTRATOR, person.account_id)
    enable_account(ADMINISTRATOR, person.account_id)


@pytest.mark.parametrize(
    "change",
    [
        lambda person: set_password(ADMINISTRATOR, person.id, "another long password"),
        lambda person: change_role(ADMINISTRATOR, person.account_id, Role.AGENCY_ADMINISTRATOR, person.agency_id),
        lambda person: disable_account(ADMINISTRATOR, person.account_id),
        disabled_and_enabled,
    ],
)
def test_session_that_a_change_of_the_account_ended_issues_no_token(
    owner: Person, own_session: Actor, change: Callable[[Person], None]
) -> None:
    issue_own_token(own_session)
    change(owner)
    with pytest.raises((SessionEnded, RightsChanged)):
        issue_own_token(own_session)
    assert [token["revoked_at"] is None for token in own_tokens(own_session)] == [False]


def test_session_that_its_owner_ended_issues_no_token(own_session: Actor) -> None:
    end_own_session(own_session, list_sessions(own_session)[0].id)
    with pytest.raises(SessionEnded):
        issue_own_token(own_session)


def test_revoked_token_issues_no_token(own_session: Actor) -> None:
    token = issue_own_token(own_session)
    program = authenticate_token(token.text, "10.0.0.1", "r")
    revoke_own_token(own_session, token.key_id)
    with pytest.raises(SessionEnded):
        issue_own_token(program)


def test_session_of_another_person_is_not_enough(own_session: Actor) -> None:
    other = an_actor(Role.REVIEWER)
    stranger = add_person(ADMINISTRATOR, NewPerson(other.principal, Role.REVIEWER), PASSWORD)
    with pytest.raises(SessionEnded):
        issue_own_token(
            Actor(
                other.principal,
                Role.REVIEWER,
                account_id=stranger.account_id,
                is_person=True,
                credential=own_session.credential,
            )
        )
