"""Merkle trees (RFC 6962) and signed checkpoints of them: C2SP signed-note, tlog-checkpoint and tlog-cosignature.

Pure: it reads no database. What it writes is verified by ``scripts/verify_journal`` and by any other program that
follows these documents.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

# Leaves of a block. The root of a complete one is stored, so that no proof hashes more than two blocks of leaves.
BLOCK: Final = 256
NOTE_SIGNATURE: Final = b"\x01"
COSIGNATURE: Final = b"\x04"
KEY_ID_BYTES: Final = 4
PUBLIC_KEY_BYTES: Final = 32
TIMESTAMP_BYTES: Final = 8


def leaf_hash(text: str) -> bytes:
    """Return the hash of a leaf, SHA-256 over a zero byte and the text in UTF-8."""
    return hashlib.sha256(b"\x00" + text.encode()).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root over hashes of leaves; of none SHA-256 of nothing."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else hashlib.sha256().digest()
    middle = _split(len(leaves))
    return _node(root_of(leaves[:middle]), root_of(leaves[middle:]))


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree of ``size`` leaves: the roots of its complete blocks, and the hashes of a block's leaves by its number."""

    size: int
    blocks: Sequence[bytes]
    leaves: Callable[[int], Sequence[bytes]]

    def root(self) -> bytes:
        """Return the root hash."""
        return self._hash(0, self.size) if self.size else root_of(())

    def inclusion(self, index: int) -> list[bytes]:
        """Return the audit path of a leaf (RFC 6962, 2.1.1), from the leaf upwards."""
        start, end, path = 0, self.size, []
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append((middle, end))
                end = middle
            else:
                path.append((start, middle))
                start = middle
        return [self._hash(*each) for each in reversed(path)]

    def consistency(self, old: int) -> list[bytes]:
        """Return the proof that the first ``old`` leaves are a tree that this one continues (RFC 6962, 2.1.2)."""
        start, end, path, whole = 0, self.size, [], True
        if old in (0, self.size):
            return []
        while old != end:
            middle = start + _split(end - start)
            if old <= middle:
                path.append((middle, end))
                end = middle
            else:
                path.append((start, middle))
                start, whole = middle, False
        return [self._hash(*each) for each in reversed([*path, *([] if whole else [(start, end)])])]

    def _hash(self, start: int, end: int) -> bytes:
        block, offset = divmod(start, BLOCK)
        if offset == 0 and end - start == BLOCK:
            return self.blocks[block]
        if end - start < BLOCK:
            return root_of(self.leaves(block)[offset : offset + end - start])
        middle = start + _split(end - start)
        return _node(self._hash(start, middle), self._hash(middle, end))


class GrowingTree:
    """A tree to which leaves are added in their order, after complete blocks whose roots are known."""

    def __init__(self, blocks: Iterable[bytes] = ()) -> None:
        self.blocks, self._leaves = list(blocks), list[bytes]()

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return len(self.blocks) * BLOCK + len(self._leaves)

    def add(self, text: str) -> None:
        """Add the leaf of a text."""
        self._leaves.append(leaf_hash(text))
        if len(self._leaves) == BLOCK:
            self.blocks.append(root_of(self._leaves))
            self._leaves.clear()

    def root(self) -> bytes:
        """Return the root hash of all leaves."""
        return Tree(self.size, self.blocks, lambda _: self._leaves).root()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _split(size: int) -> int:
    """The largest power of two below a size."""
    return 1 << ((size - 1).bit_length() - 1)


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name: what followers are configured with. ``kind``: the byte of the signature's type."""

    name: str
    public_key: bytes
    kind: bytes = NOTE_SIGNATURE

    @classmethod
    def read(cls, text: str) -> VerifierKey:
        """Parse ``name+key id+base64``. Raises ValueError."""
        name, _, rest = text.partition("+")
        key_id, _, encoded = rest.partition("+")
        data = b64decode(encoded, validate=True)
        key = cls(name, data[1:], data[:1])
        if len(key.public_key) != PUBLIC_KEY_BYTES or key.kind not in (NOTE_SIGNATURE, COSIGNATURE) or not name:
            raise ValueError("expected a verifier key of Ed25519: name+key id+base64")
        if key.key_id.hex() != key_id:
            raise ValueError("the key id is not that of this name and key")
        return key

    @property
    def key_id(self) -> bytes:
        """The four bytes by which signatures name the key."""
        digest = hashlib.sha256(self.name.encode() + b"\n" + self.kind + self.public_key).digest()
        return digest[:KEY_ID_BYTES]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_base64(self.kind + self.public_key)}"

    def signatures(self, lines: Iterable[str]) -> list[bytes]:
        """Return what lines of signatures hold of this key."""
        start = f"— {self.name} "
        data = [b64decode(line.removeprefix(start)) for line in lines if line.startswith(start)]
        return [each[KEY_ID_BYTES:] for each in data if each[:KEY_ID_BYTES] == self.key_id]

    def cosigned_at(self, text: str, line: str) -> datetime | None:
        """Return when this witness signed the text of a checkpoint; None when the line is not its valid cosignature."""
        try:
            (signature,) = self.signatures([line])
            at, signed = int.from_bytes(signature[:TIMESTAMP_BYTES]), signature[TIMESTAMP_BYTES:]
            message = f"cosignature/v1\ntime {at}\n{text}"
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signed, message.encode())
            return datetime.fromtimestamp(at, UTC)
        except (ValueError, InvalidSignature, OverflowError):
            return None


def checkpoint_text(origin: str, size: int, root: bytes) -> str:
    """Return the text of a checkpoint, which is signed."""
    return f"{origin}\n{size}\n{_base64(root)}\n"


def read_checkpoint(note: str) -> tuple[str, int, bytes]:
    """Return origin, size and root of a checkpoint, whose signatures are not verified. Raises ValueError."""
    lines = note.split("\n")
    if len(lines) < len(("origin", "size", "root")) or not lines[1].isdecimal():
        raise ValueError("expected a checkpoint: a line with its origin, its size, its root")
    return lines[0], int(lines[1]), b64decode(lines[2], validate=True)


def signed_note(text: str, keys: Iterable[tuple[VerifierKey, Ed25519PrivateKey]]) -> str:
    """Return the text with a signature of each key."""
    lines = (f"— {key.name} {_base64(key.key_id + private.sign(text.encode()))}\n" for key, private in keys)
    return f"{text}\n{''.join(lines)}"


def _base64(data: bytes) -> str:
    return b64encode(data).decode()
