"""Witnesses of checkpoints: whoever keeps one outside of this installation makes a journal that is cut or rewritten
impossible to hide.

A witness is a folder, an e-mail address, an address that takes the note by POST, or an HTTP witness that checks that
the journal only grew and signs in its turn (C2SP tlog-witness).
"""

import os
import re
import tempfile
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Final

import requests
from marshmallow import ValidationError
from sqlalchemy import delete, select

from registry.core.clock import now
from registry.core.database import db, transaction
from registry.core.dialects import insert_or_ignore
from registry.core.queues import LeaseLost, Queue
from registry.journal.checkpoints import Checkpoint, CheckpointWitness, consistency_proof, newest_checkpoint
from registry.journal.merkle import VerifierKey

TIMEOUT_S: Final = (5, 20)
MAX_ANSWER: Final = 100_000
# Longer than a witness can take to answer, twice.
LEASE: Final = timedelta(minutes=2)
FIRST_WAIT: Final = timedelta(minutes=1)
MAX_WAIT: Final = timedelta(hours=6)
# A witness that has none of these names is asked by HTTP.
MAILTO: Final = "mailto:"
SIZE: Final = re.compile(r"[0-9]{1,18}")
WITNESS: Final = re.compile(r"(?P<key>[^\s@]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+)@(?P<url>https?://\S+)")
EXPECTED: Final = (
    "expected, separated by spaces, folders such as /srv/witness, mailto:NAME@HOST, https://HOST/PATH or "
    "VERIFIER-KEY@https://HOST/PATH"
)


class WitnessFailed(Exception):
    """A checkpoint could not be given to a witness. The message says why."""


SendEmail = Callable[[str, Checkpoint], None]


def witness_addresses(text: str) -> tuple[str, ...]:
    """Return the addresses of ``REGISTRY_WITNESSES``. Raises ValidationError."""
    addresses = tuple(dict.fromkeys(text.split()))
    for address in addresses:
        witness = WITNESS.fullmatch(address)
        is_plain = address.startswith(("/", "https://", "http://")) or ("@" in address and address.startswith(MAILTO))
        try:
            if witness:
                VerifierKey.read(witness["key"])
        except ValueError as error:
            raise ValidationError(f"{witness['key'] if witness else address}: {error}") from error
        if not witness and not is_plain:
            raise ValidationError(EXPECTED)
    return addresses


PARSERS: Final[Mapping[str, Callable[..., object]]] = {"witness_addresses": witness_addresses}


def send_checkpoint(addresses: Sequence[str], send_email: SendEmail) -> int:
    """Give the newest checkpoint to each witness that has it not and is due; returns how many took it."""
    checkpoint = newest_checkpoint()
    _keep_rows(addresses)
    if checkpoint is None:
        return 0
    queue = Queue(
        CheckpointWitness, CheckpointWitness.next_try_at, LEASE, CheckpointWitness.size.expression < checkpoint.size
    )
    taken = 0
    while True:
        with transaction():
            row = queue.next_due(order_by=(CheckpointWitness.id,))
            if row is None:
                return taken
            lease, address, size = queue.lease(row), row.address, row.size
        error, cosignatures = None, ""
        try:
            cosignatures = _give(address, checkpoint, size, send_email)
        except WitnessFailed as failed:
            error = str(failed)
        with suppress(LeaseLost), queue.leased(lease) as row:
            row.error = error
            if error is None:
                row.size, row.taken_at, row.tries, row.next_try_at = checkpoint.size, now(), 0, now()
                if cosignatures:
                    # In SQL: another process may add those of another witness.
                    checkpoint.cosignatures = Checkpoint.cosignatures + cosignatures
                taken += 1
            else:
                row.tries += 1
                row.next_try_at = now() + min(FIRST_WAIT * 2 ** min(row.tries, 10), MAX_WAIT)


def failing_witnesses() -> list[CheckpointWitness]:
    """Return the witnesses whose last try failed."""
    failing = select(CheckpointWitness).where(CheckpointWitness.error.is_not(None))
    return list(db.session.scalars(failing.order_by(CheckpointWitness.id)))


def _keep_rows(addresses: Sequence[str]) -> None:
    """Add a row for each witness that is new, and take away those that the operator no longer names."""
    known = set(db.session.scalars(select(CheckpointWitness.address)))
    if former := known - set(addresses):
        with transaction() as session:
            session.execute(delete(CheckpointWitness).where(CheckpointWitness.address.in_(former)))
    new = [{"address": each, "size": 0, "tries": 0, "next_try_at": now()} for each in addresses if each not in known]
    if new:
        with transaction() as session:
            session.execute(insert_or_ignore(CheckpointWitness).on_conflict_do_nothing(), new)


def _give(address: str, checkpoint: Checkpoint, size: int, send_email: SendEmail) -> str:
    """Give a witness the checkpoint; returns its cosignatures. Raises WitnessFailed."""
    if witness := WITNESS.fullmatch(address):
        return _cosigned(VerifierKey.read(witness["key"]), witness["url"].rstrip("/"), checkpoint, size)
    if address.startswith("/"):
        _write(Path(address), checkpoint)
    elif address.startswith(MAILTO):
        send_email(address.removeprefix(MAILTO), checkpoint)
    else:
        answer = _post(address, checkpoint.note)
        if not answer.ok:
            raise WitnessFailed(f"the answer is {answer.status_code}")
    return ""


def _write(folder: Path, checkpoint: Checkpoint) -> None:
    """Write the note, whole or not at all, as ``SIZE.txt``. One that is there stays, and must be the same."""
    note = folder / f"{checkpoint.size}.txt"
    try:
        handle, written = tempfile.mkstemp(prefix=".checkpoint-", dir=folder)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(checkpoint.note)
                file.flush()
                os.fsync(handle)
            with suppress(FileExistsError):
                os.link(written, note)
        finally:
            os.unlink(written)
        if note.read_bytes().partition(b"\n\n")[0] + b"\n" != checkpoint.text.encode():
            raise WitnessFailed(f"another checkpoint of this size is in {note}: the journal was rewritten or restored")
    except OSError as error:
        raise WitnessFailed(f"{error.strerror}: {folder}") from error


def _cosigned(key: VerifierKey, url: str, checkpoint: Checkpoint, size: int) -> str:
    """Return the witness's cosignatures. It tells which tree it has when that is another than ``size``."""
    answer, text = _add_checkpoint(url, checkpoint, size)
    if answer.status_code == HTTPStatus.CONFLICT and SIZE.fullmatch(text.strip()):
        known = int(text)
        if known > checkpoint.size:
            raise WitnessFailed(f"the witness has a larger journal, of {known} entries: this one was cut or restored")
        answer, text = _add_checkpoint(url, checkpoint, known)
    if not answer.ok:
        raise WitnessFailed(f"the answer is {answer.status_code}: {text[:200]}")
    lines = [line for line in text.splitlines() if key.cosigned_at(checkpoint.text, line) is not None]
    if not lines:
        raise WitnessFailed("the answer has no cosignature of this key")
    return "".join(f"{line}\n" for line in lines)


def _add_checkpoint(url: str, checkpoint: Checkpoint, old: int) -> tuple[requests.Response, str]:
    proof = "".join(f"{b64encode(each).decode()}\n" for each in consistency_proof(old, checkpoint.size))
    answer = _post(f"{url}/add-checkpoint", f"old {old}\n{proof}\n{checkpoint.signed_note}")
    # A note is UTF-8, whatever the answer says of itself.
    return answer, answer.content[:MAX_ANSWER].decode(errors="replace")


def _post(url: str, text: str) -> requests.Response:
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    try:
        return requests.post(url, text.encode(), headers=headers, timeout=TIMEOUT_S, allow_redirects=False)
    except requests.RequestException as error:
        raise WitnessFailed(f"it cannot be reached: {type(error).__name__}") from error
