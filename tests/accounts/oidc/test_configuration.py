"""The file of single sign-on, and what it makes of claims."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.accounts.oidc_configuration import ClaimPaths, SignInConfiguration, SignInFileInvalid, load_sign_in_file
from registry.accounts.oidc_identities import read_claims
from registry.accounts.roles import Role
from registry.core.files import CONFIG

TOKEN = {"iss": "https://idp.gov.kz", "sub": "p-1"}


def load(folder: Path, text: str) -> SignInConfiguration:
    path = folder / "sign_in.toml"
    path.write_text(text, encoding="utf-8")
    return load_sign_in_file(path)


def test_shipped_file_works_as_it_stands() -> None:
    configuration = load_sign_in_file(CONFIG / "sign_in.toml")
    claims = {**TOKEN, "name": "A", "roles": ["qaztech-auditor"], "amr": ["mfa"]}
    read = read_claims(configuration, claims)
    assert (read.issuer, read.subject, read.name, read.role) == ("https://idp.gov.kz", "p-1", "A", Role.AUDITOR)
    assert read.second_factor is True
    assert configuration.allows_password("anybody") is True


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[claims]\nmatch = "name"', "claims.match"),
        ('[claims]\nnmae = "name"', "claims.nmae"),
        ('[roles]\nking = ["x"]', "roles.king"),
        ('[roles]\nreviewer = "x"', "roles.reviewer"),
        ('[password]\nenabled = "no"', "password.enabled"),
        ("[password]\nenabled = false", "password.break_glass"),
        ('[second_factor]\namr = "mfa"', "second_factor.amr"),
        ("roles = 1", "roles"),
        ("[unknown]", "unknown"),
        ("[claims", "not valid TOML"),
    ],
)
def test_wrong_file_is_refused_with_its_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SignInFileInvalid, match=message):
        load(tmp_path, text)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SignInFileInvalid, match="cannot be read"):
        load_sign_in_file(tmp_path / "none.toml")


def test_dotted_paths_descend_into_claims() -> None:
    paths = ClaimPaths(name="profile.full", role="realm_access.roles", agency="https://idp.gov.kz/bin")
    configuration = SignInConfiguration(paths, {Role.REVIEWER: frozenset({"r"})})
    claims = {
        **TOKEN,
        "profile": {"full": " A  B "},
        "realm_access": {"roles": ["x", "r"]},
        "https://idp.gov.kz/bin": "960440000350",
    }
    read = read_claims(configuration, claims)
    assert (read.name, read.role, read.agency) == ("A  B", Role.REVIEWER, "960440000350")


def test_first_role_of_the_file_that_fits_counts() -> None:
    roles = {Role.AGENCY_VIEWER: frozenset({"staff"}), Role.SUPERVISOR: frozenset({"boss"})}
    claims = {**TOKEN, "roles": ["boss", "staff"]}
    assert read_claims(SignInConfiguration(roles=roles), claims).role is Role.AGENCY_VIEWER


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"acr": "urn:high"}, True),
        ({"acr": "urn:low"}, False),
        ({"amr": ["pwd", "hwk"]}, True),
        ({"amr": ["pwd"]}, False),
        ({"amr": "hwk"}, False),
        ({"amr": [["hwk"]]}, False),
        ({}, False),
    ],
)
def test_second_factor_is_what_the_file_names(claims: dict[str, object], expected: bool) -> None:
    configuration = SignInConfiguration(acr=("urn:high",), amr=frozenset({"hwk"}))
    assert read_claims(configuration, {**TOKEN, **claims}).second_factor is expected
