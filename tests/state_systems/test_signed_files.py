"""Signed files: which signatures and keys are taken, and what a payload may say."""

from __future__ import annotations

import base64
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from joserfc.jwk import OKPKey, RSAKey
from marshmallow import ValidationError

from registry.core.errors import Invalid
from registry.settings import CHECKOUT
from registry.state_systems.signed_files import SignedFile, read_signed_file
from registry.state_systems.sources import known_systems, state_systems
from tests.present import Present
from tests.state_systems.signing import (
    KEYS,
    PORTAL,
    SECRET,
    STRANGER,
    TESTS,
    as_json,
    passport,
    payload,
    set_up,
    signed,
    systems_text,
)

BIN = "070240006286"


@pytest.fixture(autouse=True)
def _systems(app: Flask, tmp_path: Path, present: Present) -> None:
    present.set(date(2026, 9, 30))
    set_up(app, tmp_path)


def read(content: bytes) -> SignedFile:
    return read_signed_file(content, known_systems())


def problems(content: bytes) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as error:
        read(content)
    return [(each.pointer, each.code) for each in error.value.problems]


def part(value: object) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")


GOOD = payload(passport(BIN, project="QT-2026-0000001-5"))


@pytest.mark.parametrize("kid", ["portal-1", "portal-2"])
@pytest.mark.parametrize("serialised", [bytes, as_json, lambda text: as_json(text, general=True)])
def test_file_that_a_known_key_signed_is_read(kid: str, serialised: Any) -> None:
    file = read(serialised(signed(GOOD, kid)) + b"\n")
    assert (file.source.code, file.sequence, [row["reference"] for row in file.rows]) == (PORTAL, 1, ["P-1"])
    assert file.rows[0]["facts"] == {"object_commissioned_on": "2019-04-01"}


def test_ed25519_key_signs_under_its_former_name_too() -> None:
    text = part({"alg": "EdDSA", "kid": "portal-1"}) + b"." + part(GOOD)
    signature = base64.urlsafe_b64encode(KEYS["portal-1"].private_key.sign(text)).rstrip(b"=")
    assert read(text + b"." + signature).sequence == 1


def test_documented_program_makes_a_file_that_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (CHECKOUT / "docs" / "reference" / "state-systems.md").read_text(encoding="utf-8")
    (example,), (program,) = (
        re.findall(r"```json\n(.*?)```", page, re.S),
        re.findall(r"```python\n(.*?)```", page, re.S),
    )
    monkeypatch.chdir(tmp_path)
    Path("payload.json").write_text(example.replace("2026-11-30", "2026-09-30"), encoding="utf-8")
    Path("key.json").write_text(json.dumps(KEYS["portal-1"].as_dict(private=True)))
    exec(compile(program, "state-systems.md", "exec"), {})
    file = read(Path("confirmations.jws").read_bytes())
    assert (file.sequence, file.rows[0]["project"]) == (17, "QT-2026-0000001-5")
    (systems,) = re.findall(r"```toml\n(.*?)```", page, re.S)
    Path("systems.toml").write_text(systems, encoding="utf-8")
    assert [*state_systems("systems.toml").keys] == ["portal-1"]


def test_rsa_key_signs_for_its_own_system() -> None:
    facts = {"security_conclusion_number": "5-Z", "security_conclusion_on": "2026-08-01"}
    row = passport(BIN, kind="conclusion", platform_key="qt-1", facts=facts)
    assert read(signed(payload(row, issuer=TESTS), "tests-1")).rows[0]["facts"] == facts


def forged() -> dict[str, tuple[bytes, str]]:
    good = signed(GOOD)
    head, body, signature = good.split(b".")
    other = part(payload(passport(BIN, project="QT-2026-0000002-3")))
    unprotected = {"payload": body.decode(), "protected": head.decode(), "signature": signature.decode()}
    rsa_as_secret = KEYS["tests-1"].as_pem(private=False)
    return {
        "altered payload": (b".".join((head, other, signature)), "signature-invalid"),
        "cut signature": (good[:-4], "signature-invalid"),
        "without a signature": (part({"alg": "none", "kid": "portal-1"}) + b"." + body + b".", "signature-invalid"),
        "HMAC": (signed(GOOD, "portal-1", SECRET), "signature-invalid"),
        "HMAC with the public key": (
            signed(GOOD, "tests-1", type(SECRET).import_key(rsa_as_secret.replace(b"-----", b"")), typ="JWS"),
            "signature-invalid",
        ),
        "key of somebody else under a known kid": (signed(GOOD, "portal-1", STRANGER), "signature-invalid"),
        "unknown kid": (signed(GOOD, "portal-9", STRANGER), "signing-key-unknown"),
        "expired key": (signed(GOOD, "portal-old"), "signing-key-expired"),
        "key in the header": (
            signed(GOOD, "portal-1", STRANGER, jwk=STRANGER.as_dict(private=False)),
            "file-not-signed",
        ),
        "without kid": (part({"alg": "EdDSA"}) + b"." + body + b"." + signature, "file-not-signed"),
        "kid that is no text": (
            part({"alg": "EdDSA", "kid": [1]}) + b"." + body + b"." + signature,
            "signing-key-unknown",
        ),
        "kid that cannot be written": (
            part({"alg": "EdDSA", "kid": "\ud800"}) + b"." + body + b"." + signature,
            "signing-key-unknown",
        ),
        "header that is a list": (part([1]) + b"." + body + b"." + signature, "file-not-signed"),
        "unprotected header": (json.dumps({**unprotected, "header": {"kid": "x"}}).encode(), "file-not-signed"),
        "member twice": (as_json(good)[:-1] + b', "payload": "e30"}', "file-not-signed"),
        "two signatures": (
            json.dumps({"payload": body.decode(), "signatures": [unprotected, unprotected]}).encode(),
            "file-not-signed",
        ),
        "plain JSON": (json.dumps(GOOD).encode(), "file-not-signed"),
        "nothing": (b"", "file-not-signed"),
        "no text": (b"\xff\xfe.\x00.\x00", "file-not-signed"),
        "nested JSON": (b'{"payload":' * 100_000, "file-not-signed"),
    }


@pytest.mark.parametrize("name", list(forged()))
def test_forged_file_is_refused(name: str) -> None:
    content, code = forged()[name]
    assert problems(content) == [("/file", code)]


def test_key_of_one_system_does_not_sign_for_another() -> None:
    assert problems(signed({**GOOD, "issuer": TESTS})) == [("/file/issuer", "issuer-without-key")]
    assert problems(signed(GOOD, "tests-1")) == [("/file/issuer", "issuer-without-key")]


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b"\xff",
        b'{"sequence": NaN}',
        b'{"sequence": 1e999}',
        b'{"issuer": "a", "issuer": "b"}',
        b"[" * 100_000,
        b'{"issuer": "\\ud800"}',
        b'{"sequence": ' + b"9" * 5_000 + b"}",
    ],
)
def test_payload_that_two_readers_could_read_differently_is_refused(raw: bytes) -> None:
    assert problems(signed(raw)) == [("/file", "signed-payload-not-json")]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"issued_at": "2026-09-30T09:00:00"}, ("/file/issued_at", "issued-at-invalid")),
        ({"issued_at": 1}, ("/file/issued_at", "issued-at-invalid")),
        ({"issued_at": "0001-01-01T00:00:00+14:00"}, ("/file/issued_at", "issued-at-invalid")),
        ({"issued_at": "2026-09-30T13:00:00+05:00"}, ("/file/issued_at", "issued-in-future")),
        ({"sequence": 0}, ("/file/sequence", "number-out-of-range")),
        ({"sequence": True}, ("/file/sequence", "expected-whole-number")),
        ({"confirmations": []}, ("/file/confirmations", "number-of-items")),
        ({"confirmations": [{}] * 2001}, ("/file/confirmations", "number-of-items")),
        ({"more": 1}, ("/file/more", "unknown-field")),
    ],
)
def test_wrong_payload_names_its_place(values: dict[str, Any], problem: tuple[str, str]) -> None:
    assert problems(signed(GOOD | values)) == [problem]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"facts": {"security_conclusion_number": "1"}}, ("/facts", "fact-not-of-source")),
        ({"facts": {"ended_on": "2026-01-01"}}, ("/facts", "fact-not-of-source")),
        ({"facts": {"budget_kzt": 1}}, ("/facts", "fact-not-of-source")),
        ({"facts": {"object_commissioned_on": "01.04.2019"}}, ("/facts/object_commissioned_on", "expected-date")),
        ({"facts": {"object_commissioned_on": None}}, ("/facts/object_commissioned_on", "required")),
        ({"facts": {"object_original_cost_kzt": 1.0}}, ("/facts/object_original_cost_kzt", "expected-whole-number")),
        ({"facts": {}}, ("/facts", "expected-facts")),
        ({"facts": None}, ("/facts", "required")),
        ({"agency": "070240006287"}, ("/agency", "bin-invalid")),
        ({"project": None}, ("/project", "object-not-named")),
        ({"kind": "passport"}, ("/kind", "not-a-choice")),
        ({"document_number": "\u200b"}, ("/document_number", "required")),
    ],
)
def test_wrong_confirmation_names_its_place(values: dict[str, Any], problem: tuple[str, str]) -> None:
    row = {**passport(BIN, project="QT-2026-0000001-5"), **values}
    other = passport(BIN, reference="P-0", project="QT-2026-0000001-5")
    assert problems(signed(payload(other, row))) == [(f"/file/confirmations/1{problem[0]}", problem[1])]


def test_confirmation_that_comes_twice_is_refused() -> None:
    row = passport(BIN, project="QT-2026-0000001-5")
    assert problems(signed(payload(row, row))) == [("/file/confirmations/1/reference", "confirmation-twice")]


def test_file_of_more_than_20_mib_is_refused() -> None:
    assert problems(b"a" * (20 * 2**20 + 1)) == [("/file", "file-too-large")]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda text: text.replace("expires_on = 2027-12-31", "", 1), "expires_on: expected a date"),
        (lambda text: text.replace('kid = "portal-2"', 'kid = "portal-1"'), "is the kid of another key too"),
        (lambda text: text.replace("consent_number", "ended_on"), "expected a list of some of"),
        (lambda text: text.replace("facts =", "fact ="), "expected only names, facts and keys"),
        (lambda text: text.replace(f"[{PORTAL}]", "[Portal]"), "Portal: expected a table"),
        (lambda text: text.replace('crv = "Ed25519"', 'crv = "X25519"'), "expected an Ed25519 key"),
        (lambda text: text.replace('kty = "EC"', 'kty = "XX"'), "no public key"),
        (lambda _: "x", "is not valid TOML"),
    ],
)
def test_file_of_systems_that_cannot_be_used_says_where(tmp_path: Path, change: Any, complaint: str) -> None:
    file = tmp_path / "systems.toml"
    file.write_text(change(systems_text()))
    with pytest.raises(ValidationError, match=complaint):
        state_systems(str(file))


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        (lambda: OKPKey.generate_key("Ed25519").as_dict(private=True), "is a private key"),
        (lambda: RSAKey.generate_key(1024).as_dict(private=False), "RSA of 2048 bits"),
        (lambda: {"kty": "oct", "k": "AAAA"}, "is a private key"),
    ],
)
def test_key_that_is_weak_or_no_public_one_is_refused(tmp_path: Path, key: Any, complaint: str) -> None:
    lines = systems_text().split("[[")[0].splitlines()
    lines += [f"[[{PORTAL}.keys]]", 'kid = "a"', "expires_on = 2027-12-31"]
    lines += [f'{name} = "{value}"' for name, value in key().items() if name != "kid"]
    file = tmp_path / "systems.toml"
    file.write_text("\n".join(lines))
    with pytest.raises(ValidationError, match=complaint):
        state_systems(str(file))
