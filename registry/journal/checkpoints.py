"""Checkpoints of the journal: the root of the Merkle tree over its entries, signed with a key of the installation.

Whoever keeps one can tell later that no entry before it was changed, removed or added, with the entries alone. A leaf
is the text of an entry whose hash is in the chain. The formats: docs/reference/journal.md.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache, partial
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import current_app
from sqlalchemy import BigInteger, String, Text, select
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.clock import now
from registry.core.database import Instant, Model, db, read_in_transaction, table_of, transaction
from registry.core.dialects import insert_or_ignore
from registry.core.errors import Conflict, NotFound
from registry.core.installation import decrypt, encrypt, installed_at
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices
from registry.journal import service
from registry.journal.merkle import BLOCK, GrowingTree, Tree, VerifierKey, checkpoint_text, leaf_hash, signed_note
from registry.journal.service import COLUMNS, JournalActor, JournalEntry, JournalHead, hashed_text

PURPOSE: Final = b"key of checkpoints"
BATCH_SIZE: Final = 1000
KEY_ADDED: Final = "journal.key-added"
KEY_REVOKED: Final = "journal.key-revoked"


class CheckpointNotFound(NotFound):
    """No checkpoint has this size."""


class CheckpointKeyNotFound(NotFound):
    """No key of checkpoints has this key id."""


class JournalDiffers(Conflict):
    """The journal no longer has the entries of the last checkpoint: none that contradicts it is signed."""


class CheckpointKeyUnreadable(Conflict):
    """The key was stored under another secret key of the service."""


class KeyState(Choices, field="checkpoint_key"):
    """Whether a key signs, and may be trusted."""

    IN_USE = "in_use", lazy_text("Key in use")
    RETIRED = "retired", lazy_text("Former key")
    REVOKED = "revoked", lazy_text("Revoked key")


class JournalBlock(Model):
    """The root of a complete block of 256 leaves. ``number``: from 0 on."""

    __tablename__ = "journal_blocks"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    root: Mapped[str] = mapped_column(String(64))


class CheckpointKey(Model):
    """A key that signs checkpoints. ``name``: the origin of its log, ``private_key``: encrypted."""

    __tablename__ = "checkpoint_keys"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    public_key: Mapped[str] = mapped_column(String(64))
    private_key: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Instant)
    retired_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)
    reason: Mapped[str | None] = mapped_column(String(1000))

    @property
    def verifier(self) -> VerifierKey:
        """The public key with its name."""
        return VerifierKey(self.name, bytes.fromhex(self.public_key))

    @property
    def verifier_key(self) -> str:
        """The same as followers are configured with it: ``name+key id+base64``."""
        return str(self.verifier)

    @property
    def key_id(self) -> str:
        """By which signatures name it, eight hexadecimal digits."""
        return self.verifier.key_id.hex()

    @property
    def state(self) -> str:
        """The code of its ``KeyState``."""
        if self.revoked_at is not None:
            return KeyState.REVOKED.value
        return KeyState.IN_USE.value if self.retired_at is None else KeyState.RETIRED.value

    def private(self) -> Ed25519PrivateKey:
        """Return the private key. Raises CheckpointKeyUnreadable."""
        text = decrypt(PURPOSE, self.private_key)
        if text is None:
            raise CheckpointKeyUnreadable(key=self.key_id)
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text))


class Checkpoint(Model):
    """The signed head of the tree of the first ``size`` entries. ``cosignatures``: lines of witnesses."""

    __tablename__ = "checkpoints"

    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    root: Mapped[str] = mapped_column(String(64))
    signed_note: Mapped[str] = mapped_column("note", Text)
    created_at: Mapped[datetime] = mapped_column(Instant)
    cosignatures: Mapped[str] = mapped_column(Text, default="")

    @property
    def text(self) -> str:
        """What is signed: the origin, the size and the root."""
        return self.signed_note.partition("\n\n")[0] + "\n"

    @property
    def note(self) -> str:
        """The signed note with the cosignatures of witnesses."""
        return self.signed_note + self.cosignatures


class CheckpointWitness(Model):
    """Who gets the checkpoints. ``size``: of the newest one that was taken, 0 before the first.

    ``next_try_at``: when a newer one is sent, at the earliest; ``error``: of the last try, None after a good one.
    """

    __tablename__ = "checkpoint_witnesses"

    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(String(500), unique=True)
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime] = mapped_column(Instant)
    taken_at: Mapped[datetime | None] = mapped_column(Instant)
    error: Mapped[str | None] = mapped_column(Text)


def newest_checkpoints(most: int) -> list[Checkpoint]:
    """Return the newest checkpoints, the newest first."""
    return list(db.session.scalars(select(Checkpoint).order_by(Checkpoint.size.desc()).limit(most)))


def newest_checkpoint() -> Checkpoint | None:
    """Return the newest checkpoint, None before the first."""
    return next(iter(newest_checkpoints(1)), None)


def find_checkpoint(size: int) -> Checkpoint:
    """Return the checkpoint of that size. Raises CheckpointNotFound."""
    checkpoint = db.session.get(Checkpoint, size)
    if checkpoint is None:
        raise CheckpointNotFound(size=size)
    return checkpoint


def checkpoint_keys() -> list[CheckpointKey]:
    """Return all keys, the newest first."""
    return list(db.session.scalars(select(CheckpointKey).order_by(CheckpointKey.id.desc())))


def make_checkpoint(actor: JournalActor) -> Checkpoint | None:
    """Sign the journal as it is, unless it has no entry after the newest checkpoint; returns the newest one.

    The first time a key is made. None for an empty journal. Raises JournalDiffers and CheckpointKeyUnreadable.
    """
    _require_key(actor)
    last = newest_checkpoint()
    size = db.session.execute(select(JournalHead.seq)).scalar_one()
    if last is not None and (last.size > size or _tree(last.size, _blocks()).root().hex() != last.root):
        raise JournalDiffers(size=last.size)
    if size == (0 if last is None else last.size):
        return last
    grown = _grown_to(size)
    note = sign(checkpoint_text(log_origin(), size, grown.root()))
    values = {"size": size, "root": grown.root().hex(), "note": note, "created_at": now(), "cosignatures": ""}
    with transaction() as session:
        session.execute(insert_or_ignore(Checkpoint).values(values).on_conflict_do_nothing())
    return newest_checkpoint()


def log_origin() -> str:
    """Return the name under which the journal is signed now, after the first checkpoint."""
    return _keys_in_use()[0].name


def verifier_key_in_use() -> str | None:
    """Return the key that signs now, as followers are configured with it; None before the first checkpoint."""
    return next((each.verifier_key for each in _keys_in_use()), None)


def sign(text: str) -> str:
    """Return the text as a note that the key in use has signed. Raises CheckpointKeyUnreadable."""
    return signed_note(text, ((key.verifier, key.private()) for key in _keys_in_use()))


def _keys_in_use() -> list[CheckpointKey]:
    return [key for key in checkpoint_keys() if key.retired_at is None]


def add_key(actor: JournalActor, origin: str | None = None) -> CheckpointKey:
    """Make a key that signs from now on, and retire the one before; journalled.

    ``origin``: begins another log, as after a backup was restored that lacks entries of a checkpoint.
    """
    private = Ed25519PrivateKey.generate()
    with transaction() as session:
        before = session.scalars(select(CheckpointKey).where(CheckpointKey.retired_at.is_(None))).all()
        for each in before:
            each.retired_at = now()
        key = CheckpointKey(
            name=origin or (before[0].name if before else _first_origin()),
            public_key=private.public_key().public_bytes_raw().hex(),
            private_key=encrypt(PURPOSE, private.private_bytes_raw().hex()),
            created_at=now(),
        )
        session.add(key)
        service.record(actor, KEY_ADDED, "database:registry", {"key": key.verifier_key})
    return key


def revoke_key(actor: JournalActor, key_id: str, reason: str) -> CheckpointKey:
    """Revoke a key that somebody else may have; one in use is replaced. Journalled. Raises CheckpointKeyNotFound."""
    key = next((each for each in checkpoint_keys() if each.key_id == key_id), None)
    if key is None:
        raise CheckpointKeyNotFound(key=key_id)
    with transaction():
        if key.retired_at is None:
            add_key(actor)
        key.revoked_at, key.reason = now(), reason
        service.record(actor, KEY_REVOKED, "database:registry", {"key": key.verifier_key, "reason": reason})
    return key


def inclusion_proof(seq: int, size: int) -> tuple[bytes, list[bytes]]:
    """Return the leaf hash of an entry, and the path to the root of the tree of that size, which has it."""
    return _leaves((seq - 1) // BLOCK, size)[(seq - 1) % BLOCK], inclusion_proofs([seq], size)[seq]


def inclusion_proofs(seqs: Iterable[int], size: int) -> dict[int, list[bytes]]:
    """Return the path of each of these entries to the root of the tree of that size, which has them all."""
    tree = Tree(size, _blocks(), cache(partial(_leaves, size=size)))
    return {seq: tree.inclusion(seq - 1) for seq in seqs}


def consistency_proof(old: int, size: int) -> list[bytes]:
    """Return the proof that the tree of that size continues that of the old one."""
    return _tree(size, _blocks()).consistency(old)


def _require_key(actor: JournalActor) -> None:
    if _has_key():
        return
    with transaction() as session:
        # Locked, so that one of several processes makes it.
        session.execute(service.SELECT_HEADS_FOR_UPDATE)
        if not _has_key():
            add_key(actor)


def _has_key() -> bool:
    return db.session.scalar(select(CheckpointKey.id).where(CheckpointKey.retired_at.is_(None)).limit(1)) is not None


def _first_origin() -> str:
    """A name that no other log has: the host of the pages, or the moment of the installation."""
    host = current_app.config.get("PUBLIC_URL") or ""
    return f"{host.partition('://')[2].strip('/') or f'registry-{installed_at():%Y%m%d%H%M%S}'}/journal"


def _blocks() -> list[bytes]:
    roots = db.session.scalars(select(JournalBlock.root).order_by(JournalBlock.number))
    return [bytes.fromhex(root) for root in roots]


def _grown_to(size: int) -> GrowingTree:
    """Read the entries after the last complete block that is stored, and store those that they complete."""
    grown = GrowingTree(_blocks()[: size // BLOCK])
    known = len(grown.blocks)
    for text in _texts(known * BLOCK, size):
        grown.add(text)
    rows = [{"number": known + place, "root": root.hex()} for place, root in enumerate(grown.blocks[known:])]
    if rows:
        with transaction() as session:
            session.execute(insert_or_ignore(JournalBlock).on_conflict_do_nothing(), rows)
    return grown


def _tree(size: int, blocks: list[bytes]) -> Tree:
    return Tree(size, blocks, lambda number: _leaves(number, size))


def _leaves(number: int, size: int) -> list[bytes]:
    return [leaf_hash(text) for text in _texts(number * BLOCK, min((number + 1) * BLOCK, size))]


def _texts(after: int, up_to: int) -> Iterator[str]:
    columns = [table_of(JournalEntry).c[name] for name in COLUMNS]
    entries = select(*columns).where(JournalEntry.seq > after, JournalEntry.seq <= up_to).order_by(JournalEntry.seq)
    read_in_transaction()
    rows = db.session.execute(entries, execution_options={"yield_per": BATCH_SIZE}).mappings()
    return (hashed_text(dict(row)) for row in rows)
