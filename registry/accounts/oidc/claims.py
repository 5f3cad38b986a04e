"""Claims of the provider as values of the register."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from registry.accounts.oidc.configuration import SignInConfiguration
from registry.accounts.oidc.errors import ProviderAnswerInvalid
from registry.accounts.oidc.models import MAX_SUBJECT_LENGTH
from registry.accounts.people import personal_problems
from registry.accounts.roles import Role


@dataclass(frozen=True, slots=True)
class IdentityClaims:
    """Who signed in at the provider. ``issuer`` and ``subject`` identify the person for good; the rest may change.

    ``email`` is None unless the provider has verified it. ``agency`` is a BIN. ``second_factor``: the provider asked
    for one. ``auth_time``: when the person signed in there, None when the provider does not say.
    ``provider_session`` is the ``sid`` claim, by which the provider ends the session later.
    """

    issuer: str
    subject: str
    name: str
    email: str | None
    role: Role | None
    agency: str | None
    second_factor: bool
    provider_session: str | None = None
    auth_time: datetime | None = None


def read_claims(configuration: SignInConfiguration, claims: Mapping[str, Any]) -> IdentityClaims:
    """Read the claims of a validated ID token, with those of the userinfo endpoint if it was asked.

    People choose some of them at the provider: a text with control characters counts as absent, and so does an e-mail
    address that no account may have. Raises ProviderAnswerInvalid for a subject that no identity may have.
    """
    subject = str(claims["sub"])
    if not subject.isprintable() or len(subject) > MAX_SUBJECT_LENGTH:
        raise ProviderAnswerInvalid(reason="sub")
    paths = configuration.claims
    # The flag beside the claim that the configuration names: email_verified says nothing about another claim.
    verified = _value(claims, f"{paths.email}_verified") in (True, "true")
    return IdentityClaims(
        issuer=str(claims["iss"]),
        subject=subject,
        name=_text(claims, paths.name) or "",
        email=_email(_text(claims, paths.email)) if verified else None,
        role=_role(configuration, _value(claims, paths.role)),
        agency=_text(claims, paths.agency),
        second_factor=_has_second_factor(configuration, claims),
        provider_session=_text(claims, "sid"),
        auth_time=_instant(claims.get("auth_time")),
    )


def _value(claims: Mapping[str, Any], path: str) -> Any:
    # A claim's own name may have dots: "https://example.kz/roles".
    if path in claims:
        return claims[path]
    value: Any = claims
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return value


def _text(claims: Mapping[str, Any], path: str) -> str | None:
    value = _value(claims, path)
    return value.strip() or None if isinstance(value, str) and value.isprintable() else None


def _email(address: str | None) -> str | None:
    return None if personal_problems(address, None) else address


def _instant(value: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(value, UTC) if type(value) in (int, float) else None
    except (OverflowError, OSError, ValueError):
        return None


def _role(configuration: SignInConfiguration, value: Any) -> Role | None:
    """The first role of the configuration that one of the values leads to."""
    listed = value if isinstance(value, list) else [value]
    values = {each for each in listed if isinstance(each, str)}
    return next((role for role, names in configuration.roles.items() if names & values), None)


def _has_second_factor(configuration: SignInConfiguration, claims: Mapping[str, Any]) -> bool:
    methods = claims.get("amr")
    used = {each for each in methods if isinstance(each, str)} if isinstance(methods, list) else set()
    return claims.get("acr") in configuration.acr or bool(used & configuration.amr)
