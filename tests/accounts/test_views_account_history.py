"""The history of an account on the page of its person."""

from __future__ import annotations

import re

import pyotp

from registry.accounts.factors import begin_totp_enrolment, finish_totp_enrolment
from registry.accounts.roles import Role, local_actor
from registry.accounts.service import NewPerson, add_person
from registry.accounts.sessions import find_factor_session
from registry.accounts.sign_in import sign_in
from registry.core.clock import now
from tests.factories import PASSWORD
from tests.fixtures.web import SignedIn, Visit


def history(visit: Visit, person_id: int) -> str:
    page = visit.get(f"/people/{person_id}").text.split("History of the account</h2>")[1]
    return " ".join(re.sub(r"<[^>]+>", " ", page.split("</table>")[0]).split())


def test_history_names_the_second_factor_and_the_command_line(signed_in: SignedIn) -> None:
    person = add_person(local_actor(Role.ADMINISTRATOR), NewPerson("zhanna", Role.AUDITOR), PASSWORD)
    session = find_factor_session(sign_in("zhanna", PASSWORD, "10.0.0.1", "r").secret, "", "")
    assert session is not None
    finish_totp_enrolment(session, pyotp.TOTP(begin_totp_enrolment(session).secret).at(now()))
    shown = history(signed_in(Role.ADMINISTRATOR), person.id)
    assert "Second factor: Authenticator app" in shown and "totp" not in shown
    assert "Command line, " in shown and "local:" not in shown
