"""Signed checkpoints of the journal: trees, proofs, keys, witnesses, and what a kept checkpoint proves."""

from __future__ import annotations

import base64
import io
import random
import re
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from marshmallow import ValidationError
from sqlalchemy import func, select, update

from registry.accounts.roles import SCHEDULE, Role
from registry.core.clock import local_instant, now
from registry.core.database import autocommit_reads, db, transaction
from registry.core.installation import Installation
from registry.http.health import why_not_ready
from registry.http.metrics import StoredMetrics
from registry.journal.checkpoints import (
    Checkpoint,
    CheckpointKeyUnreadable,
    CheckpointWitness,
    JournalBlock,
    JournalDiffers,
    add_key,
    checkpoint_keys,
    consistency_proof,
    inclusion_proof,
    make_checkpoint,
    newest_checkpoint,
    revoke_key,
)
from registry.journal.jobs import checkpoint_when_due, send_to_witnesses
from registry.journal.merkle import BLOCK, Tree, VerifierKey, leaf_hash, root_of
from registry.journal.queries import export_chain
from registry.journal.service import JournalEntry, hashed_text
from registry.journal.verification import verify_stored
from registry.journal.witnesses import failing_witnesses, witness_addresses
from registry.notifications.settings import Mail
from registry.settings import Settings, read_settings
from tests.factories import ADMINISTRATOR, a_project, a_token, an_actor, bearer, restrict
from tests.fixtures.cli import CommandLine
from tests.journal.chains import LONE, a_chain, exported
from tests.journal.test_verification import run_verifier, unguarded
from tests.journal.witness_server import Witness, is_consistent, is_included, serving_witness
from tests.notifications.mail_server import MailStore, free_port, mail_through, serving
from tests.present import Present
from tests.savepoints import rolled_back

VECTORS = {
    # The test vectors of RFC 6962's implementations: leaves and the roots over the first ones.
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
VECTOR_LEAVES = ("", "\0", "\x10", " !", "01", "@ABC", "PQRSTUVW", "`abcdefghijklmno")
NOTE = re.compile(r"(?P<text>.+/journal\n(?P<size>[0-9]+)\n(?P<root>[A-Za-z0-9+/]{43}=)\n)\n(?:— \S+ \S+\n)+")


@pytest.mark.parametrize(("size", "root"), VECTORS.items())
def test_root_matches_the_vectors_of_rfc_6962(size: int, root: str) -> None:
    leaves = [leaf_hash(text) for text in VECTOR_LEAVES[:size]]
    assert root_of(leaves).hex() == Tree(size, [], lambda _: leaves).root().hex() == root


@pytest.mark.parametrize("size", [1, 2, 7, 255, 256, 257, 511, 512, 513, 1300])
def test_proofs_convince_an_independent_verifier(size: int) -> None:
    leaves, chance = [leaf_hash(str(number)) for number in range(size)], random.Random(size)
    blocks = [root_of(leaves[number * BLOCK : (number + 1) * BLOCK]) for number in range(size // BLOCK)]
    tree = Tree(size, blocks, lambda number: leaves[number * BLOCK : (number + 1) * BLOCK])
    root = root_of(leaves)
    assert tree.root() == root
    for index in {0, size - 1, *(chance.randrange(size) for _ in range(20))}:
        assert is_included(index, size, leaves[index], tree.inclusion(index), root)
        assert not is_included(index, size, leaf_hash("another"), tree.inclusion(index), root)
    for old in {1, size, *(chance.randrange(1, size + 1) for _ in range(20))}:
        assert is_consistent(old, size, tree.consistency(old), root_of(leaves[:old]), root)
        assert not is_consistent(old, size, tree.consistency(old), leaf_hash("another"), root)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "log.example",
        "log.example+c74f20a3",
        "log.example+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10Tf",
        "PeterNeumann+c74f20a3+Ag==",
    ],
)
def test_key_with_another_id_or_length_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        VerifierKey.read(text)
    with pytest.raises(ValidationError):
        witness_addresses(f"{text}@https://witness.example")


def test_key_of_the_reference_implementation_is_read() -> None:
    # Of golang.org/x/mod/sumdb/note.
    text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert str(VerifierKey.read(text)) == text


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings({"REGISTRY_DATA_DIR": str(tmp_path)})


@pytest.fixture
def witness() -> Iterator[Witness]:
    with serving_witness() as served:
        yield served


def with_witnesses(settings: Settings, *addresses: str, mail: Mail | None = None) -> Settings:
    return replace(settings, witnesses=addresses, mail=mail)


def grow(entries: int = 1) -> Checkpoint:
    """Add entries to the journal, and sign it."""
    for _ in range(entries):
        a_project()
    checkpoint = make_checkpoint(SCHEDULE)
    assert checkpoint is not None
    return checkpoint


def size_of_journal() -> int:
    return db.session.scalar(select(func.max(JournalEntry.seq))) or 0


def test_checkpoint_signs_every_entry(app: Flask) -> None:
    grow(130)
    checkpoint = grow(130)
    match = NOTE.fullmatch(checkpoint.note)
    assert int(match["size"]) == checkpoint.size == size_of_journal() > 2 * BLOCK
    texts = [line for piece in export_chain(an_actor(Role.AUDITOR), 0) for line in piece.splitlines()]
    leaves = [bytes.fromhex(LONE.json.loads(line)["leaf_hash"]) for line in texts][: checkpoint.size]
    assert base64.b64decode(match["root"]) == root_of(leaves)
    (key,) = checkpoint_keys()
    assert LONE.is_signed(match["text"], checkpoint.note.partition("\n\n")[2], key.verifier_key)


def test_checkpoint_is_not_made_again_without_new_entries(app: Flask) -> None:
    first = grow()
    again = make_checkpoint(SCHEDULE)
    assert (again.size, again.note) == (first.size, first.note)
    assert make_checkpoint(SCHEDULE) == again


def test_checkpoint_is_made_each_night_after_the_journal_is_verified(
    app: Flask, present: Present, settings: Settings
) -> None:
    def sizes_at(day: int, hour: int) -> int:
        present.set(local_instant(date(2026, 3, day), time(hour)))
        checkpoint_when_due(settings)
        return db.session.scalar(select(func.count()).select_from(Checkpoint)) or 0

    present.set(local_instant(date(2026, 3, 2), time(12)))
    with transaction() as session:
        session.execute(update(Installation).values(installed_at=now()))
    a_project()
    assert [sizes_at(2, 13), sizes_at(3, 3), sizes_at(3, 5)] == [0, 0, 1]
    a_project()
    assert [sizes_at(3, 6), sizes_at(4, 3), sizes_at(4, 4)] == [1, 1, 2]


def test_journal_that_was_rewritten_with_all_its_hashes_is_detected_by_a_kept_checkpoint(
    own_app: Flask, settings: Settings, tmp_path: Path, present: Present
) -> None:
    with rolled_back(own_app) as connection, own_app.app_context():
        checkpoint = grow(3)
        kept, size = checkpoint.note, checkpoint.size
        db.session.remove()
        other = a_chain(size + 1)
        for row in other[:size]:
            values = {name: row[name] for name in row if name != "seq"}
            unguarded(connection, update(JournalEntry).where(JournalEntry.seq == row["seq"]).values(values))
        assert "checkpoint-differs" in [fault.code for fault in verify_stored()]
        with pytest.raises(JournalDiffers):
            make_checkpoint(SCHEDULE)
        present.move(timedelta(days=1))
        checkpoint_when_due(settings)
        assert any(reason.startswith("journal-broken") for reason in why_not_ready(audits_are_on=False))
    note, export = tmp_path / "checkpoint.txt", tmp_path / "journal.jsonl"
    note.write_text(kept, encoding="utf-8")
    export.write_bytes(exported(other))
    assert run_verifier(export)[0] == 0
    code, output = run_verifier(export, "--checkpoint", str(note))
    assert (code, output.splitlines()[0].split(":")[1].strip()) == (1, "checkpoint-differs")
    # Of two checkpoints of one size, the one that the journal has hides no other.
    forged = tmp_path / "forged.txt"
    root = root_of([leaf_hash(hashed_text(row)) for row in other[:size]])
    forged.write_text(kept.replace(kept.split("\n")[2], base64.b64encode(root).decode()), encoding="utf-8")
    assert run_verifier(export, "--checkpoint", str(forged))[0] == 0
    assert run_verifier(export, "--checkpoint", str(note), "--checkpoint", str(forged))[0] == 1
    # The tail is cut, together with the head.
    export.write_bytes(exported(other[: size - 1]))
    assert "cut-off" in run_verifier(export, "--checkpoint", str(note))[1]


def test_command_compares_the_journal_with_a_kept_checkpoint(registry: CommandLine, tmp_path: Path) -> None:
    registry("agencies", "add", "123456789011", "--name", "Ministry of Water", "--kind", "state_body")
    note = tmp_path / "checkpoint.txt"
    note.write_text(registry("journal", "checkpoint").out, encoding="utf-8")
    assert registry("journal", "verify", "--checkpoint", note).code == 0
    size = int(note.read_text(encoding="utf-8").split("\n")[1])
    note.write_text(note.read_text(encoding="utf-8").replace(f"\n{size}\n", f"\n{size + 5}\n"), encoding="utf-8")
    cut = registry("journal", "verify", "--checkpoint", note)
    assert (cut.code, "cut-off" in cut.err) == (1, True)
    note.write_text("no checkpoint", encoding="utf-8")
    assert registry("journal", "verify", "--checkpoint", note).code == 2


def test_redacted_download_is_verified_in_another_language(app: Flask, client: FlaskClient, tmp_path: Path) -> None:
    restrict(a_project().number)
    checkpoint = grow()
    token = a_token(Role.ADMINISTRATOR)
    lines = client.get("/api/v1/exports/journal.ndjson", headers=bearer(token)).get_data()
    assert b'"redacted": true' in lines
    note = tmp_path / "checkpoint.txt"
    note.write_text(checkpoint.note, encoding="utf-8")
    key = checkpoint_keys()[0].verifier_key

    def verified(data: bytes, with_key: str = key) -> str:
        program = ["node", str(Path(__file__).with_name("verify_checkpoint.mjs")), with_key, str(note)]
        return subprocess.run(program, input=data, capture_output=True, check=False).stdout.decode().strip()

    assert verified(lines) == "the entries are those of the checkpoint"
    assert verified(lines.replace(b"project.registered", b"project.registereD")) == "the entries differ"
    assert verified(lines, str(VerifierKey(key.split("+")[0], bytes(32)))) == "not signed by this key"
    roots = {checkpoint.size: bytes.fromhex(checkpoint.root)}

    def faults(data: bytes) -> list[str]:
        return [fault[0] for fault in LONE.faults_of(LONE.lines_of(io.BytesIO(data)), None, roots)]

    assert faults(lines) == []
    # A redacted line has no text, and a line has each member once: nobody reads another text than is verified.
    for honest, tampered in (
        (b'"redacted": false, "hashed": "[1,', b'"redacted": true, "hashed": "[2,'),
        (b'"redacted": false, "hashed": "[1,', b'"redacted": false, "hashed": "[2,", "hashed": "[1,'),
        (b'{"seq": 1,', b'{"seq": "1",'),
    ):
        assert "malformed" in faults(lines.replace(honest, tampered)), tampered


def test_proofs_are_read_by_api(app: Flask, client: FlaskClient) -> None:
    old, new = grow(2), grow(3)
    auditor, editor = bearer(a_token(Role.AUDITOR)), bearer(a_token(Role.LEADER))
    proof = client.get(f"/api/v1/journal/2/inclusion-proof?size={new.size}", headers=auditor).get_json()
    root, path = bytes.fromhex(proof["checkpoint"]["root"]), [base64.b64decode(each) for each in proof["hashes"]]
    assert is_included(1, new.size, base64.b64decode(proof["leaf_hash"]), path, root)
    answer = client.get(f"/api/v1/checkpoints/{new.size}/consistency-proof?from={old.size}", headers=editor).get_json()
    path = [base64.b64decode(each) for each in answer["hashes"]]
    assert is_consistent(old.size, new.size, path, bytes.fromhex(old.root), root)
    listed = client.get("/api/v1/checkpoints", headers=editor).get_json()["items"]
    assert [each["size"] for each in listed] == [new.size, old.size]
    for path_, code in (
        (f"/journal/{new.size + 1}/inclusion-proof?size={new.size}", 404),
        (f"/journal/1/inclusion-proof?size={new.size + 1}", 404),
        ("/journal/1/inclusion-proof", 400),
        ("/journal/1/inclusion-proof?size=0", 400),
        (f"/checkpoints/{old.size}/consistency-proof?from={new.size}", 400),
        (f"/checkpoints/{new.size}/consistency-proof?from={old.size + 1}", 404),
    ):
        assert client.get(f"/api/v1{path_}", headers=auditor).status_code == code, path_
    keys = client.get("/api/v1/checkpoint-keys", headers=editor).get_json()["items"]
    assert [(each["verifier_key"], each["state"]) for each in keys] == [(checkpoint_keys()[0].verifier_key, "in_use")]
    made = client.post("/api/v1/checkpoints", headers=auditor).get_json()
    assert made["size"] > new.size


def test_new_key_signs_and_the_former_one_stays_to_verify_with(app: Flask) -> None:
    first = grow()
    old_key = checkpoint_keys()[0].verifier_key
    new = add_key(ADMINISTRATOR)
    second = grow()
    assert [key.state for key in checkpoint_keys()] == ["in_use", "retired"]
    for checkpoint, key, signed in (
        (first, old_key, True),
        (second, old_key, False),
        (second, new.verifier_key, True),
    ):
        assert LONE.is_signed(checkpoint.text, checkpoint.note.partition("\n\n")[2], key) is signed


def test_first_checkpoints_at_once_are_signed_with_one_key(own_app: Flask) -> None:
    with own_app.app_context():
        a_project()
    start = threading.Barrier(4)

    def sign(_number: int) -> str:
        start.wait()
        with own_app.app_context():
            checkpoint = make_checkpoint(SCHEDULE)
            return "" if checkpoint is None else checkpoint.signed_note.splitlines()[-1]

    with ThreadPoolExecutor(4) as pool:
        signatures = list(pool.map(sign, range(4)))
    with own_app.app_context():
        (key,) = checkpoint_keys()
        assert {base64.b64decode(each.split()[2])[:4].hex() for each in signatures} == {key.key_id}


def test_log_has_no_name_that_a_note_cannot_have(registry: CommandLine) -> None:
    for origin in ["", "two words", "a+b", "line\nbreak", "x" * 201]:
        assert registry("journal", "new-key", "--origin", origin).code == 2, origin


def test_revoked_key_is_replaced(app: Flask) -> None:
    grow()
    revoke_key(ADMINISTRATOR, checkpoint_keys()[0].key_id, "It was copied")
    assert [(key.state, key.reason) for key in checkpoint_keys()] == [("in_use", None), ("revoked", "It was copied")]


def test_key_of_another_secret_key_signs_nothing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    grow()
    monkeypatch.setitem(app.config, "SECRET_KEY", "another secret key, of 32 characters")
    a_project()
    with pytest.raises(CheckpointKeyUnreadable):
        make_checkpoint(SCHEDULE)


def test_witness_signs_what_only_grew(app: Flask, witness: Witness, settings: Settings) -> None:
    grow(3)
    witness.log_key = checkpoint_keys()[0].verifier_key
    settings = with_witnesses(settings, f"{witness.verifier_key}@{witness.url}/w/")
    assert [send_to_witnesses(settings), send_to_witnesses(settings)] == [1, 0]
    grow(2)
    assert send_to_witnesses(settings) == 1
    newest = newest_checkpoint()
    assert witness.size == newest.size
    (line,) = newest.cosignatures.splitlines()
    signed_at = VerifierKey.read(witness.verifier_key).cosigned_at(newest.text, line)
    assert signed_at.timestamp() == 1_772_500_000
    assert len(witness.requests) == 2


def test_witness_that_knows_less_gets_the_proof_from_there(app: Flask, witness: Witness, settings: Settings) -> None:
    grow(3)
    witness.log_key = checkpoint_keys()[0].verifier_key
    settings = with_witnesses(settings, f"{witness.verifier_key}@{witness.url}/w")
    send_to_witnesses(settings)
    db.session.execute(update(CheckpointWitness).values(size=0))
    db.session.commit()
    grow(2)
    assert send_to_witnesses(settings) == 1
    assert witness.requests[1].startswith("old 0\n")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda witness: setattr(witness, "size", 10_000), "larger journal, of 10000 entries"),
        (lambda witness: setattr(witness, "name", "witness.example/other"), "no cosignature of this key"),
        (lambda witness: setattr(witness, "log_key", f"{witness.log_key.split('+')[0]}+00000000+{'A' * 44}"), "403"),
        (lambda witness: setattr(witness, "root", b"another"), "422"),
        (lambda witness: setattr(witness, "size", "9" * 5000), "the answer is 409"),
    ],
)
def test_witness_that_refuses_is_named_and_tried_later(
    app: Flask, witness: Witness, settings: Settings, present: Present, spoil: object, reason: str
) -> None:
    grow(3)
    witness.log_key = checkpoint_keys()[0].verifier_key
    settings = with_witnesses(settings, f"{witness.verifier_key}@{witness.url}/w")
    send_to_witnesses(settings)
    grow()
    spoil(witness)  # type: ignore[operator]
    present.move(timedelta(minutes=10))
    tried = len(witness.requests)
    assert [send_to_witnesses(settings), send_to_witnesses(settings)] == [0, 0]
    assert len(witness.requests) - tried in (1, 2)
    (failing,) = failing_witnesses()
    assert reason in (failing.error or "")
    metrics = "\n".join(str(each) for each in StoredMetrics().collect())
    assert "registry_witnesses_failing" in metrics


def test_folder_address_and_mailbox_get_each_checkpoint_once(
    app: Flask, witness: Witness, settings: Settings, tmp_path: Path, present: Present
) -> None:
    store, port = MailStore(), free_port()
    folder = tmp_path / "witness"
    with serving(store, port):
        addresses = (str(folder), f"{witness.url}/plain", "mailto:audit@example.kz")
        settings = with_witnesses(settings, *addresses, mail=mail_through(port))
        checkpoint = grow()
        assert send_to_witnesses(settings) == 2
        assert [each.error for each in failing_witnesses()] == [f"No such file or directory: {folder}"]
        folder.mkdir()
        (folder / f"{checkpoint.size}.txt").write_text("another/journal\n1\n\n", encoding="utf-8")
        present.move(timedelta(minutes=10))
        assert send_to_witnesses(settings) == 0
        assert "another checkpoint of this size" in (failing_witnesses()[0].error or "")
        (folder / f"{checkpoint.size}.txt").unlink()
        present.move(timedelta(minutes=20))
        assert [send_to_witnesses(settings), send_to_witnesses(settings)] == [1, 0]
    assert [each.name for each in folder.iterdir()] == [f"{checkpoint.size}.txt"]
    assert (folder / f"{checkpoint.size}.txt").read_text(encoding="utf-8") == checkpoint.note
    assert witness.requests == [checkpoint.note]
    (mail,) = store.mails
    assert store.recipients == ["audit@example.kz"]
    body = mail.get_body()
    assert body.get_content().replace("\r\n", "\n") == checkpoint.note


def test_everybody_reads_the_newest_checkpoint_and_the_keys(app: Flask, client: FlaskClient) -> None:
    assert client.get("/checkpoints/latest.txt").status_code == 404
    assert "/checkpoints/latest.txt" not in client.get("/checkpoints").text
    checkpoint = grow()
    assert client.get("/checkpoints/latest.txt").get_data(as_text=True) == checkpoint.note
    page = client.get("/checkpoints").get_data(as_text=True)
    assert checkpoint.root in page
    assert checkpoint_keys()[0].verifier_key.replace("+", "&#43;") in page or checkpoint_keys()[0].verifier_key in page


def test_altered_block_is_found_by_a_verification_of_the_whole_journal(own_app: Flask) -> None:
    # As the owner of the tables: the service has no right to change it.
    with rolled_back(own_app) as connection, own_app.app_context():
        grow(130)
        assert verify_stored() == []
        db.session.remove()
        connection.execute(update(JournalBlock).values(root="0" * 64))
        assert [(fault.code, fault.seq) for fault in verify_stored()] == [("block-differs", BLOCK)]


def test_requests_that_read_without_a_transaction_sign_and_prove(own_app: Flask) -> None:
    with own_app.app_context():
        a_project()
        # As each request of the API does.
        autocommit_reads()
        first = make_checkpoint(SCHEDULE)
        assert first is not None
        a_project()
        autocommit_reads()
        second = make_checkpoint(SCHEDULE)
        assert second is not None
        assert second.size > first.size
        autocommit_reads()
        assert inclusion_proof(1, second.size)[1]
        autocommit_reads()
        assert consistency_proof(first.size, second.size)
