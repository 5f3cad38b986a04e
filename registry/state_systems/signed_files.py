"""Files of confirmations, signed as JWS (RFC 7515): the signature, the key, and what the payload says.

The format: docs/reference/state-systems.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jws import CompactSignature, JWSRegistry, deserialize_compact, extract_compact
from marshmallow import ValidationError

from registry.core import fields
from registry.core.clock import now, today
from registry.core.errors import Invalid, Problem, invalid
from registry.core.spreadsheets.reader import MAX_UPLOAD_SIZE, printable, require_upload_size
from registry.core.values import InvalidValue, read_json
from registry.projects.fields import FIELDS
from registry.state_systems.models import MAX_NAME, ExternalKind
from registry.state_systems.sources import SourceKey, StateSystem, StateSystems

MAX_CONFIRMATIONS: Final = 2000
MAX_PROBLEMS: Final = 50
MAX_SEQUENCE: Final = 2**53 - 1
# Clocks of other systems may be ahead by as much.
CLOCK_DIFFERENCE: Final = timedelta(minutes=5)
# Of the protected header. Others, such as keys and addresses of keys, have no say.
HEADERS: Final = frozenset({"alg", "kid", "typ", "cty"})
# How a source names the object, beside its agency.
NAMED_BY: Final = ("project", "platform_key", "name_kk", "name_ru")


class Timestamp(fields.InputField):
    """An instant with its offset from UTC (RFC 3339), not after now."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:  # noqa: ARG002 - marshmallow's
        try:
            given = datetime.fromisoformat(value)
            # Without an offset it would be one of this machine.
            instant = given.replace(tzinfo=given.tzinfo or UTC).astimezone(UTC)
        except (ValueError, TypeError, OverflowError) as error:
            raise InvalidValue("issued-at-invalid") from error
        if given.tzinfo is None:
            raise InvalidValue("issued-at-invalid")
        if instant > now() + CLOCK_DIFFERENCE:
            raise InvalidValue("issued-in-future")
        return instant


class Facts(fields.InputField):
    """Values by the names of facts; the reader of the file checks each as the record would."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, Any]:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, dict) or not value:
            raise InvalidValue("expected-facts")
        return value


class Payload(fields.BaseSchema):
    """The signed payload."""

    issuer = fields.Text(40, required=True)
    issued_at = Timestamp(required=True)
    sequence = fields.WholeNumber(1, MAX_SEQUENCE, required=True)
    confirmations = fields.Objects(MAX_CONFIRMATIONS, "Confirmation", required=True)


class Confirmation(fields.BaseSchema):
    """A confirmation in the payload."""

    reference = fields.Text(required=True)
    kind = fields.Choice(ExternalKind, required=True)
    agency = fields.Bin(required=True)
    project = fields.Text()
    platform_key = fields.Text()
    name_kk = fields.Text(MAX_NAME)
    name_ru = fields.Text(MAX_NAME)
    document_number = fields.Text(required=True)
    document_on = fields.Day(required=True)
    facts = Facts()
    revoked = fields.Boolean()


PAYLOAD: Final = Payload()
CONFIRMATION: Final = Confirmation()


class _Registry(JWSRegistry):
    """The library's checks, with the algorithms of one key and the size of uploads instead of 128 kB."""

    max_payload_length = MAX_UPLOAD_SIZE

    def get_alg(self, name: str) -> Any:
        """Return one of the allowed algorithms, also EdDSA, which the library warns of: RFC 9864 calls it Ed25519."""
        if name not in (self.allowed or ()):
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]


@dataclass(frozen=True, slots=True)
class SignedFile:
    """A verified file; ``rows``: its confirmations with ``facts`` as text."""

    source: StateSystem
    issued_at: datetime
    sequence: int
    sha256: str
    rows: Sequence[Mapping[str, Any]]


def read_signed_file(content: bytes, known: StateSystems) -> SignedFile:
    """Verify a file and return what it says.

    Raises Invalid (``/file``) unless it is signed with a key that is known and not expired, by the system that it
    names as its issuer, and every confirmation is valid and about facts of that system.
    """
    require_upload_size(content)
    compact = _compact(content)
    try:
        head = extract_compact(compact, registry=_Registry())
        protected = head.protected if isinstance(head, CompactSignature) else None
    except (JoseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise invalid("/file", "file-not-signed") from error
    if not isinstance(protected, dict) or not {"alg", "kid"} <= {*protected} <= HEADERS:
        raise invalid("/file", "file-not-signed")
    key = known.keys.get(protected["kid"]) if isinstance(protected["kid"], str) else None
    if key is None:
        raise invalid("/file", "signing-key-unknown", kid=printable(str(protected["kid"])))
    # The day of the upload counts, not that of the file: who has an old key writes any date.
    if key.expires_on < today():
        raise invalid("/file", "signing-key-expired", kid=protected["kid"], day=key.expires_on.isoformat())
    try:
        payload = deserialize_compact(compact, key.key, registry=_Registry(algorithms=key.algorithms)).payload
    except (JoseError, ValueError, TypeError) as error:
        raise invalid("/file", "signature-invalid", algorithms=", ".join(key.algorithms)) from error
    return _read_payload(payload, key, known, sha256(content).hexdigest())


def _compact(content: bytes) -> bytes:
    """Return the compact serialisation of either one; of JSON only what is signed as a whole, once."""
    text = content.strip()
    if not text.startswith(b"{"):
        return text
    try:
        document = read_json(text)
        if {*document} == {"payload", "signatures"} and len(document["signatures"]) == 1:
            document = {"payload": document["payload"], **document["signatures"][0]}
        if {*document} == {"payload", "protected", "signature"}:
            return ".".join(document[name] for name in ("protected", "payload", "signature")).encode("ascii")
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise invalid("/file", "file-not-signed") from error
    raise invalid("/file", "file-not-signed")


def _read_payload(payload: bytes, key: SourceKey, known: StateSystems, digest: str) -> SignedFile:
    try:
        document = read_json(payload)
    except (ValueError, RecursionError) as error:
        raise invalid("/file", "signed-payload-not-json") from error
    if not isinstance(document, dict):
        raise invalid("/file", "signed-payload-not-json")
    values, problems = PAYLOAD.load_with_problems(document)
    if problems:
        raise Invalid([_placed(each, "/file") for each in problems])
    if values["issuer"] != key.source:
        raise invalid("/file/issuer", "issuer-without-key", issuer=values["issuer"])
    source = known.systems[key.source]
    rows: list[Mapping[str, Any]] = []
    complaints: list[Problem] = []
    places: dict[str | None, int] = {}
    for place, each in enumerate(values["confirmations"]):
        row, wrong = _read_confirmation(each, source)
        if row["reference"] in places:
            wrong.append(Problem("/reference", "confirmation-twice", {"place": places[row["reference"]]}))
        places.setdefault(row["reference"], place)
        complaints += [_placed(problem, f"/file/confirmations/{place}") for problem in wrong]
        if len(complaints) >= MAX_PROBLEMS:
            break
        rows.append(row)
    if complaints:
        raise Invalid(complaints[:MAX_PROBLEMS])
    return SignedFile(source, values["issued_at"], values["sequence"], digest, rows)


def _read_confirmation(given: Mapping[str, Any], source: StateSystem) -> tuple[dict[str, Any], list[Problem]]:
    values, loaded = CONFIRMATION.load_with_problems(given)
    problems = list(loaded)
    row = {name: values.get(name) for name in CONFIRMATION.fields}
    row["revoked"] = bool(row["revoked"])
    facts: dict[str, str] = {}
    for name, value in (row["facts"] or {}).items():
        if not source.may_say(name):
            problems.append(Problem("/facts", "fact-not-of-source", {"name": name[:200]}))
            continue
        try:
            read = FIELDS[name].deserialize(value)
        except ValidationError as error:
            problems += [_placed(each, "/facts") for each in fields.body_problems({name: error.messages})]
            continue
        if read is None:
            problems.append(Problem(f"/facts/{name}", "required"))
        facts[name] = str(read)
    if not (problems or row["revoked"] or facts):
        problems.append(Problem("/facts", "required"))
    if not (problems or any(row[name] for name in NAMED_BY)):
        problems.append(Problem("/project", "object-not-named"))
    return {**row, "facts": facts}, problems


def _placed(problem: Problem, place: str) -> Problem:
    return Problem(f"{place}{problem.pointer}", problem.code, problem.params)
