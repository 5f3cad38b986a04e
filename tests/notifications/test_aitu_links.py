"""Linking one's Aitu account: a one-time code sent to the bot, its limits, the choice of channels, unlinking."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.account_changes import disable_account
from registry.accounts.models import Person
from registry.accounts.roles import Role
from registry.core.clock import now
from registry.core.database import db
from registry.journal.service import JournalEntry
from registry.notifications.aitu import AituLink
from registry.notifications.jobs import read_aitu_updates, read_updates
from tests.factories import ADMINISTRATOR
from tests.fixtures.web import SignedIn, Visit
from tests.notifications.aitu_people import link_aitu
from tests.notifications.aitu_server import AituApi
from tests.notifications.readers import PASSWORD, create_reader, delete_emails, queued_emails
from tests.present import Present

PEER = "c7d01753-8890-4188-a516-adcd2e9a5abe"
CODE = re.compile(r'id="aitu-code">([0-9]{4} [0-9]{4} [0-9]{4})<')
NOT_ACCEPTED = "Код недействителен."


@pytest.fixture(autouse=True)
def _with_bot(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "AITU_BOT_NAME", "qaztech_bot")


@pytest.fixture
def aigerim(app: Flask) -> Visit:
    return visit_of(app, "aigerim")


def visit_of(app: Flask, name: str) -> Visit:
    create_reader("reviewer", name=name)
    visit = Visit(app.test_client())
    assert visit.sign_in(name, PASSWORD).status_code == 200
    return visit


def code_of(visit: Visit) -> str:
    match = CODE.search(visit.send("/account/aitu/code", "/account/aitu").text)
    return match[1]


def linked() -> list[tuple[str, str]]:
    """Return (e-mail address, Aitu account) of everybody who has one."""
    rows = select(Person.email, AituLink.peer_id).join(AituLink, AituLink.person_id == Person.id)
    return sorted((str(email), peer) for email, peer in db.session.execute(rows))


def actions() -> list[tuple[str, str, str]]:
    """Return (principal, action, source) of the journal's entries about Aitu."""
    about = JournalEntry.action.like("account.aitu-%") | (JournalEntry.action == "account.notice-channels-changed")
    entries = db.session.scalars(select(JournalEntry).where(about).order_by(JournalEntry.seq))
    return [(entry.principal, entry.action, entry.source) for entry in entries]


def test_person_links_with_a_code_chooses_channels_and_unlinks(aigerim: Visit, aitu: AituApi) -> None:
    page = aigerim.get("/account").text
    assert "Notices in the Aitu messenger" in page
    assert "Get a code here, and send it to the bot qaztech_bot in Aitu." in aigerim.get("/account/aitu").text
    aitu.writes(PEER, code_of(aigerim))
    assert read_aitu_updates(aitu.bot) == 1
    assert linked() == [("aigerim@readers.kz", PEER)]
    [reply] = aitu.texts_to(PEER)
    assert reply == "This Aitu account is linked. You get notices of the project register here."
    page = aigerim.get("/account/aitu").text
    assert "An Aitu account is linked since" in page
    assert re.search(r'value="both"\s+checked', page)
    page = aigerim.send("/account/aitu", notice_channels="aitu").text
    assert "Changes saved." in page and re.search(r'value="aitu"\s+checked', page)
    page = aigerim.send("/account/aitu/unlinking", "/account/aitu").text
    assert "The Aitu account is unlinked. Notices go by e-mail." in page
    assert linked() == []
    assert actions() == [
        ("aigerim", "account.aitu-code-created", "127.0.0.1"),
        ("aigerim", "account.aitu-linked", "aitu"),
        ("aigerim", "account.notice-channels-changed", "127.0.0.1"),
        ("aigerim", "account.aitu-unlinked", "127.0.0.1"),
    ]


def test_journal_and_code_table_hold_neither_aitu_account_nor_code(aigerim: Visit, aitu: AituApi) -> None:
    code = code_of(aigerim)
    stored = db.session.connection().exec_driver_sql("SELECT code_hash FROM aitu_codes").scalar_one()
    assert code.replace(" ", "") not in stored
    aitu.writes(PEER, code)
    read_updates(aitu.bot)
    details = db.session.scalars(select(JournalEntry.details)).all()
    assert [text for text in map(str, details) if PEER in text or code in text] == []


def test_link_is_reported_to_the_owner_of_the_account_by_email(aigerim: Visit, aitu: AituApi) -> None:
    delete_emails()
    aitu.writes(PEER, code_of(aigerim))
    read_updates(aitu.bot)
    assert [(address, kind) for address, kind, _ in queued_emails()] == [("aigerim@readers.kz", "account-aitu")]


def test_code_works_once(app: Flask, aigerim: Visit, aitu: AituApi) -> None:
    code, other = code_of(aigerim), str(uuid4())
    aitu.writes(PEER, code)
    aitu.writes(other, code)
    read_updates(aitu.bot)
    assert linked() == [("aigerim@readers.kz", PEER)]
    assert [NOT_ACCEPTED in text for text in aitu.texts_to(other)] == [True]


@pytest.mark.parametrize(("waits", "is_linked"), [(timedelta(minutes=9, seconds=59), 1), (timedelta(minutes=10), 0)])
def test_code_is_valid_for_ten_minutes(
    app: Flask, present: Present, aitu: AituApi, waits: timedelta, is_linked: int
) -> None:
    present.set(now())
    aitu.writes(PEER, code_of(visit_of(app, "aigerim")))
    present.move(waits)
    read_updates(aitu.bot)
    assert len(linked()) == is_linked


def test_new_code_replaces_the_earlier_one(aigerim: Visit, aitu: AituApi) -> None:
    earlier, _ = code_of(aigerim), code_of(aigerim)
    aitu.writes(PEER, earlier)
    read_updates(aitu.bot)
    assert linked() == []


def test_sixth_code_in_fifteen_minutes_is_refused(app: Flask, present: Present) -> None:
    present.set(now())
    visit = visit_of(app, "aigerim")
    for _ in range(5):
        code_of(visit)
    assert (
        "You requested too many codes. Try again in 15 minutes."
        in visit.send("/account/aitu/code", "/account/aitu").text
    )


def test_code_in_a_session_that_was_left_open_asks_for_the_password(app: Flask, present: Present) -> None:
    present.set(now())
    visit = visit_of(app, "aigerim")
    present.move(timedelta(minutes=16))
    answer = visit.send("/account/aitu/code", "/account/aitu", follow=False)
    assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/sign-in/second-factor")


def test_sixth_message_of_an_aitu_account_is_not_tried_nor_answered(aigerim: Visit, aitu: AituApi) -> None:
    code = code_of(aigerim)
    for number in range(5):
        aitu.writes(PEER, f"{number:012}")
    aitu.writes(PEER, code)
    read_updates(aitu.bot)
    assert linked() == []
    assert [NOT_ACCEPTED in text for text in aitu.texts_to(PEER)] == [True] * 5


@pytest.mark.parametrize("text", ["hello", "", "1" * 5000, "１２３４５６７８９０１２", "12 34"])
def test_what_is_no_code_is_answered_with_the_way_to_one(app: Flask, aitu: AituApi, text: str) -> None:
    aitu.writes(PEER, text)
    assert read_updates(aitu.bot) == 1
    assert [NOT_ACCEPTED in reply for reply in aitu.texts_to(PEER)] == [True]


def test_code_in_a_group_or_from_no_user_links_nobody(aigerim: Visit, aitu: AituApi) -> None:
    code = code_of(aigerim)
    aitu.writes(PEER, code, dialog="GROUP")
    aitu.writes("not-an-id", code)
    aitu.updates += [{"type": "Message"}, {"type": "KickedFromGroup", "author": {"type": "USER", "id": PEER}}]
    assert read_updates(aitu.bot) == 4
    assert (linked(), aitu.messages) == ([], [])


def test_aitu_account_of_somebody_else_is_refused_and_the_code_stays(aigerim: Visit, aitu: AituApi) -> None:
    taken = link_aitu(create_reader("reviewer", name="bolat"))
    code = code_of(aigerim)
    aitu.writes(taken, code)
    read_updates(aitu.bot)
    assert linked() == [("bolat@readers.kz", taken)]
    assert "привязана к другой учётной записи" in aitu.texts_to(taken)[0]
    aitu.writes(PEER, code)
    read_updates(aitu.bot)
    assert ("aigerim@readers.kz", PEER) in linked()


def test_another_aitu_account_replaces_the_linked_one(aigerim: Visit, aitu: AituApi) -> None:
    other = str(uuid4())
    for peer in (PEER, other):
        aitu.writes(peer, code_of(aigerim))
        read_updates(aitu.bot)
    assert linked() == [("aigerim@readers.kz", other)]


def test_code_of_an_account_disabled_meanwhile_is_refused(aigerim: Visit, aitu: AituApi) -> None:
    aitu.writes(PEER, code_of(aigerim))
    person = db.session.scalars(select(Person).where(Person.email == "aigerim@readers.kz")).one()
    disable_account(ADMINISTRATOR, person.account_id)
    read_updates(aitu.bot)
    assert linked() == []


def test_bot_is_not_asked_while_no_code_is_valid(app: Flask, aitu: AituApi) -> None:
    aitu.writes(PEER, "hello")
    assert read_aitu_updates(aitu.bot) is None
    assert aitu.requests == []


def test_choice_without_a_channel_or_a_link_is_refused(aigerim: Visit, aitu: AituApi) -> None:
    assert aigerim.send("/account/aitu", notice_channels="email").status_code == 404
    aitu.writes(PEER, code_of(aigerim))
    read_updates(aitu.bot)
    answer = aigerim.send("/account/aitu", notice_channels="")
    assert (answer.status_code, "Choose" in answer.text) == (422, True)
    assert (
        "No Aitu account is linked to your account."
        not in aigerim.send("/account/aitu/unlinking", "/account/aitu").text
    )
    assert "No Aitu account is linked to your account." in aigerim.send("/account/aitu/unlinking", "/account/aitu").text


def test_without_a_bot_there_is_no_page(signed_in: SignedIn, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "AITU_BOT_NAME", None)
    visit = signed_in(Role.AUDITOR)
    assert "Aitu" not in visit.get("/account").text
    assert visit.get("/account/aitu").status_code == 404
    for path in ("/account/aitu/code", "/account/aitu/unlinking"):
        assert visit.send(path, "/account").status_code == 404
