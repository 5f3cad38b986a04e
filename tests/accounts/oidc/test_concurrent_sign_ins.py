"""First sign-ins at once over real connections."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import select

from registry.accounts.models import Account, OidcIdentity
from registry.accounts.oidc_identities import IdentityClaims, SignInRequest, sign_in_with_identity
from registry.accounts.roles import Role
from registry.core.database import db
from tests.accounts.factors.test_concurrent_requests import outcomes

REQUEST = SignInRequest("10.0.0.1", "r")


def claims_of(subject: str) -> IdentityClaims:
    return IdentityClaims("https://login.example.kz", subject, "Saule", None, Role.AUDITOR, None, second_factor=False)


def test_first_sign_ins_of_one_person_in_several_tabs_add_one_account(own_app: Flask) -> None:
    tabs = [lambda: sign_in_with_identity(claims_of("p-1"), "token", REQUEST)] * 4
    assert outcomes(own_app, tabs) == ["account-not-confirmed"] * 4
    with own_app.app_context():
        assert db.session.scalars(select(Account.name)).all() == ["Saule"]
        assert len(db.session.scalars(select(OidcIdentity)).all()) == 1


def test_first_sign_ins_of_two_namesakes_add_two_accounts(own_app: Flask) -> None:
    people = [lambda subject=subject: sign_in_with_identity(claims_of(subject), "token", REQUEST) for subject in "ab"]
    assert outcomes(own_app, people) == ["account-not-confirmed"] * 2
    with own_app.app_context():
        assert sorted(db.session.scalars(select(Account.name))) == ["Saule", "Saule 2"]
