"""Other state systems whose signed confirmations are taken: their names, public keys, and the facts that each knows.

They stand in a file of the installation (``REGISTRY_STATE_SYSTEMS_FILE``), not in the register: no account of the
register, and no two of them, can add a key. Which of it counts without a person is in the policy in force, which
two people change.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from flask import current_app
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey, import_key
from marshmallow import ValidationError

from registry.platform.schemas import FACTS
from registry.projects.edits import GIVEN_WITH

CODE: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
NAMES: Final = ("name_kk", "name_ru", "name_en")
MAX_TEXT: Final = 200
MIN_RSA_BITS: Final = 2048
# The key in ``app.config``.
STATE_SYSTEMS: Final = "STATE_SYSTEMS"


@dataclass(frozen=True)
class SourceKey:
    """A public key of a state system. ``algorithms``: those that a key of its type signs with; no others are taken."""

    source: str
    key: Key
    algorithms: tuple[str, ...]
    expires_on: date


@dataclass(frozen=True)
class StateSystem:
    """A state system; ``facts``: those of a record that it may confirm."""

    code: str
    names: Mapping[str, str]
    facts: frozenset[str]

    def may_say(self, name: str) -> bool:
        """Return True for its facts, and for what one of them is given with."""
        return name in self.facts or any(GIVEN_WITH.get(fact) == name for fact in self.facts)


@dataclass(frozen=True)
class StateSystems:
    """The systems by their codes, and their keys by ``kid``."""

    systems: Mapping[str, StateSystem] = field(default_factory=dict)
    keys: Mapping[str, SourceKey] = field(default_factory=dict)


def state_systems(text: str) -> StateSystems:
    """Return the systems of a file; without one, none. Raises ValidationError, which names what is wrong."""
    if not text:
        return StateSystems()
    path = Path(text)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValidationError(f"{path} cannot be read ({error.strerror}); name a file of state systems") from error
    except ValueError as error:
        raise ValidationError(f"{path} is not valid TOML in UTF-8: {error}") from error
    systems: dict[str, StateSystem] = {}
    keys: dict[str, SourceKey] = {}
    for code, table in document.items():
        _require(CODE.fullmatch(code) and isinstance(table, dict), f"{path}: {code}: expected a table [a-z0-9-]")
        _require({*table} <= {*NAMES, "facts", "keys"}, f"{path}: {code}: expected only names, facts and keys")
        names, facts = {name: table.get(name) for name in NAMES}, table.get("facts")
        is_named = all(isinstance(name, str) and 0 < len(name) <= MAX_TEXT for name in names.values())
        _require(is_named, f"{path}: {code}: expected {', '.join(NAMES)}")
        _require(
            isinstance(facts, list) and facts and all(fact in FACTS for fact in facts),
            f"{path}: {code}.facts: expected a list of some of {', '.join(FACTS)}",
        )
        systems[code] = StateSystem(code, {name: str(text) for name, text in names.items()}, frozenset(facts))
        of_source = table.get("keys")
        _require(isinstance(of_source, list) and of_source, f"{path}: {code}: expected one or more [[{code}.keys]]")
        for each in of_source:
            given = each.get("kid") if isinstance(each, dict) else None
            kid = given if isinstance(given, str) else ""
            place = f"{path}: {code}.keys: {given!r}"
            _require(0 < len(kid) <= MAX_TEXT, f"{place}: expected a kid")
            _require(kid not in keys, f"{place}: is the kid of another key too")
            keys[kid] = _key(code, dict(each), place)
    return StateSystems(systems, keys)


def _key(code: str, table: dict[str, Any], place: str) -> SourceKey:
    expires_on = table.pop("expires_on", None)
    _require(type(expires_on) is date, f"{place}: expires_on: expected a date such as 2027-12-31")
    try:
        key = import_key(table)
        public = key.public_key
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValidationError(f"{place}: no public key (JWK): {error}") from error
    _require(not key.is_private, f"{place}: is a private key; only its owner may have it")
    if isinstance(key, OKPKey) and table.get("crv") == "Ed25519":
        algorithms: tuple[str, ...] = ("EdDSA", "Ed25519")
    elif isinstance(key, ECKey) and table.get("crv") == "P-256":
        algorithms = ("ES256",)
    else:
        is_long = isinstance(key, RSAKey) and isinstance(public, RSAPublicKey) and public.key_size >= MIN_RSA_BITS
        _require(is_long, f"{place}: expected an Ed25519 key, a P-256 key, or RSA of {MIN_RSA_BITS} bits or more")
        algorithms = ("RS256",)
    return SourceKey(code, key, algorithms, expires_on)


def _require(condition: object, complaint: str) -> None:
    if not condition:
        raise ValidationError(complaint)


PARSERS: Final[dict[str, Callable[..., object]]] = {"state_systems": state_systems}


def known_systems() -> StateSystems:
    """Return the state systems of the installation."""
    systems: StateSystems = current_app.config.get(STATE_SYSTEMS) or StateSystems()
    return systems


def source_names(code: str) -> Mapping[str, str]:
    """Return the names of a state system by ``NAMES``; of one that the file no longer has, its code."""
    system = known_systems().systems.get(code)
    return dict.fromkeys(NAMES, code) if system is None else system.names
