"""Evidence packs: a case, a project or an audit as a ZIP that proves itself without the register.

A pack has the records, the acts of the journal about them with their proofs, a checkpoint, a manifest of all files that
is signed with the key of the checkpoints, a summary as PDF and the program that verifies it. The format:
docs/reference/journal.md.
"""

import json
import re
import zipfile
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency
from registry.audits.models import PolicyText
from registry.audits.past import AuditPolicyMissing, record_known_at
from registry.audits.queries import all_changes_of, visible_run
from registry.audits.service import find_audit
from registry.cases.lists import show_case
from registry.cases.models import Case, CaseDecision
from registry.cases.queries import find_case, read_case
from registry.cases.service import documents_by_event
from registry.cases.vocabulary import DecisionKind
from registry.core.clock import local_date, now, rfc3339, today
from registry.core.database import db, table_of
from registry.core.errors import Conflict
from registry.core.lists import Listing, Page, every_page
from registry.core.pdf import make_pdf
from registry.core.translations import OFFICIAL_LANGUAGES, Language, lazy_text, translator
from registry.flags.former_flags import FlagsNotKnown
from registry.flags.models import FLAGS, AuditRun
from registry.flags.queries import flags_of
from registry.freeze.dates import format_deadline
from registry.freeze.vocabulary import Severity, Translate
from registry.journal.checkpoints import (
    Checkpoint,
    checkpoint_keys,
    inclusion_proofs,
    log_origin,
    newest_checkpoint,
    sign,
)
from registry.journal.queries import read_acts, subjects_of_project
from registry.letters.models import Letter, LetterKind
from registry.letters.queries import letters_of_case, read_letter
from registry.letters.service import ISSUER, LAYOUT, full_date, letter_pdf
from registry.projects.documents import documents_of, read_document_of
from registry.projects.queries import read_whole
from registry.projects.revisions import history
from registry.projects.service import find_project
from registry.signatures.models import SignableAct, Signature
from registry.signatures.service import SIGNATURE_FACTS, signatures_of, stored_cms

FORMAT: Final = 1
DATA: Final = Path(__file__).parent / "data"
# Placed into each pack as they are.
GUIDES: Final = {"verify.py": "verify", "VERIFY.txt": "VERIFY.txt"}
OF_SIGNATURE: Final = ("id", "subject", "signed_by", *SIGNATURE_FACTS)
SUFFIX: Final = re.compile(r"\.[A-Za-z0-9]{1,8}\Z")
Files = Iterator[tuple[str, bytes]]
Facts = list[tuple[str, str]]
Sections = list[tuple[str, list[str]]]


class CheckpointMissing(Conflict):
    """The journal has no checkpoint yet, from which a pack could prove its acts."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a pack is made of. ``subject``: as in the journal, ``name``: of the file, without its ending.

    ``files``: path and content of each, read when it is asked for. ``subjects``: whose acts belong to it. ``facts`` and
    ``sections``: the summary in a language.
    """

    subject: str
    name: str
    files: Files
    subjects: set[str]
    is_restricted: bool
    facts: Callable[[Language], Facts]
    sections: Callable[[Language], Sections]


def evidence_of_case(actor: Actor, case_id: int) -> Evidence:
    """Return what a pack of a case has; a restricted project is journalled as read.

    Raises RoleNotAllowed and CaseNotFound.
    The records are those of now, and for each approved decision the project as it was known then.
    """
    actor.require(Permission.JOURNAL_READ)
    number = read_case(actor, case_id, "evidence").project_record.number
    return _of_project(actor, number, f"case:{case_id}", case_id)


def evidence_of_project(actor: Actor, number: str) -> Evidence:
    """Return what a pack of a project has, with all its cases. Raises RoleNotAllowed and ProjectNotFound."""
    actor.require(Permission.JOURNAL_READ)
    return _of_project(actor, number, f"project:{number}", None)


def evidence_of_audit(actor: Actor, audit_id: int) -> Evidence:
    """Return what a pack of an audit has: its record, changes and policy. Raises RoleNotAllowed and AuditNotFound."""
    actor.require(Permission.JOURNAL_READ)
    run = find_audit(actor, audit_id)
    changes = all_changes_of(actor, run)
    record = {name: value for name, value in visible_run(actor, run).items() if not name.endswith("_account_id")}
    files = chain(
        [("audit.json", _json(record)), ("changes.json", _json(changes))],
        _policies({run.policy_digest}),
    )
    return Evidence(
        f"audit:{audit_id}",
        f"evidence-audit-{audit_id}",
        files,
        {f"audit:{audit_id}", f"policy:{run.policy_version}"},
        is_restricted=actor.may(Permission.RESTRICTED_READ) and any((run.restricted_counts or {}).values()),
        facts=partial(_facts_of_audit, record),
        sections=lambda _language: [],
    )


def write_pack(actor: Actor, evidence: Evidence, path: Path) -> None:
    """Write the pack as a ZIP file. Raises CheckpointMissing, CheckpointKeyUnreadable and DocumentNotMade."""
    checkpoint = newest_checkpoint()
    if checkpoint is None:
        raise CheckpointMissing
    acts = _acts(actor, evidence, checkpoint)
    digests: dict[str, str] = {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in chain(evidence.files, _proof(acts, checkpoint), _guides()):
            digests[name] = _add(archive, name, content)
        digests["summary.pdf"] = _add(archive, "summary.pdf", _summary(evidence, acts, checkpoint))
        manifest = {
            "format": FORMAT,
            "subject": evidence.subject,
            "made_at": rfc3339(now()),
            "made_by": actor.principal,
            "restricted": evidence.is_restricted,
            "checkpoint": {"size": checkpoint.size, "root": checkpoint.root},
            "files": digests,
        }
        digest = _add(archive, "manifest.json", _json(manifest))
        statement = f"{log_origin()} evidence\n{evidence.subject}\n{b64encode(bytes.fromhex(digest)).decode()}\n"
        _add(archive, "manifest.note", sign(statement).encode())


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> str:
    archive.writestr(name, content)
    return sha256(content).hexdigest()


def _json(value: Any) -> bytes:
    return json.dumps(value, default=_plain, ensure_ascii=False, indent=1).encode()


def _plain(value: Any) -> str:
    return rfc3339(value) if hasattr(value, "hour") else str(value.isoformat())


# The records.


def _of_project(actor: Actor, number: str, subject: str, case_id: int | None) -> Evidence:
    project = read_whole(actor, number, "evidence")
    own = Case.project_id == project["id"] if case_id is None else Case.id == case_id
    # Read after what is journalled: a commit forgets what is related to the cases.
    cases = [find_case(actor, each) for each in db.session.scalars(select(Case.id).where(own).order_by(Case.id)).all()]
    shown = [show_case(actor, each, "ru") for each in cases]
    listed = [*documents_of(find_project(actor, number)), *chain(*documents_by_event(actor, *cases).values())]
    flag = FLAGS.c
    touched = db.session.execute(
        select(flag.opened_by_audit, flag.cleared_by_audit).where(flag.project_id == project["id"])
    )
    audits = {each for row in touched for each in row if each is not None}
    runs = db.session.scalars(select(AuditRun).where(AuditRun.id.in_(audits)).order_by(AuditRun.id)).all()
    decisions = [each for case in cases for each in case.decisions if each.outcome == "approved"]
    letters = [letter for case in cases for letter in _all(partial(letters_of_case, actor, case))]
    subjects = subjects_of_project(number, project["id"], case_id)
    signatures = signatures_of(subjects)
    files = chain(
        [("project.json", _json(project)), ("history.json", _json(history(project["id"])))],
        ((f"flags.{language}.json", _json(_flags(actor, number, language))) for language in OFFICIAL_LANGUAGES),
        ((f"cases/{each['id']}.json", _json(each)) for each in shown),
        _known(project, decisions),
        _policies({run.policy_digest for run in runs}),
        _letters(actor, letters),
        _documents(project["id"], listed),
        _signatures(signatures),
    )
    return Evidence(
        subject,
        f"evidence-{subject.replace(':', '-')}",
        files,
        subjects | {f"audit:{each.id}" for each in runs} | {f"policy:{each.policy_version}" for each in runs},
        is_restricted=project["is_restricted"],
        facts=partial(_facts_of_project, project, case_id),
        sections=lambda language: _sections(actor, number, decisions, letters, signatures, language),
    )


def _flags(actor: Actor, number: str, language: Language) -> list[dict[str, Any]]:
    return _all(lambda page: flags_of(actor, number, page, language))


def _all(read: Callable[[Page], Listing]) -> list[Any]:
    return list(chain(*every_page(read, list)))


def _known(project: Mapping[str, Any], decisions: Iterable[CaseDecision]) -> Files:
    """The project as it was known at each approved decision; left out where too little was kept then."""
    for decision in decisions:
        with suppress(FlagsNotKnown, AuditPolicyMissing):
            known = record_known_at(project, decision.decided_at or decision.proposed_at)
            yield f"known/decision-{decision.id}.json", _json(known)


def _policies(digests: set[str]) -> Files:
    for policy in db.session.scalars(select(PolicyText).where(PolicyText.digest.in_(digests))).all():
        yield f"policies/{policy.digest}.toml", policy.text.encode()


def _letters(actor: Actor, letters: Iterable[Mapping[str, Any]]) -> Files:
    table = table_of(Letter).c
    for each in letters:
        # The bytes whose SHA-256 the journal has.
        data = db.session.execute(select(table.data).where(table.number == each["number"])).scalar_one()
        yield f"letters/{each['number']}.json", data.encode()
        yield f"letters/{each['number']}.pdf", letter_pdf(read_letter(actor, each["number"])["data"])


def _documents(project_id: int, listed: Sequence[Mapping[str, Any]]) -> Files:
    yield "documents.json", _json(listed)
    for each in listed:
        suffix = SUFFIX.search(each["name"])
        yield f"documents/{each['id']}{suffix[0] if suffix else ''}", read_document_of(project_id, each["id"])[1]


def _signatures(signatures: Sequence[Signature]) -> Files:
    """What was signed electronically, the signatures, and their certificates; with these the IIN of who signed."""
    if signatures:
        yield "signatures.json", _json([{name: getattr(each, name) for name in OF_SIGNATURE} for each in signatures])
    for each in signatures:
        yield f"signatures/{each.id}.json", each.content.encode()
        cms = stored_cms(each)
        if cms is not None:
            yield f"signatures/{each.id}.p7s", cms


# The acts with their proofs, the checkpoint and the keys.


def _acts(actor: Actor, evidence: Evidence, checkpoint: Checkpoint) -> list[dict[str, Any]]:
    """Return the acts with their proofs; None for what is newer than the checkpoint."""
    acts = read_acts(actor, evidence.subjects)
    proofs = inclusion_proofs((act["seq"] for act in acts if act["seq"] <= checkpoint.size), checkpoint.size)
    paths = {seq: [b64encode(each).decode() for each in path] for seq, path in proofs.items()}
    return [act | {"proof": paths.get(act["seq"])} for act in acts]


def _proof(acts: Iterable[Mapping[str, Any]], checkpoint: Checkpoint) -> Files:
    yield "acts.ndjson", "".join(f"{json.dumps(act, ensure_ascii=False)}\n" for act in acts).encode()
    yield "checkpoint.txt", checkpoint.note.encode()
    yield "keys.txt", "".join(f"{each.verifier_key} {each.state}\n" for each in checkpoint_keys()).encode()


def _guides() -> Files:
    for name, file in GUIDES.items():
        yield name, (DATA / file).read_bytes()


# The summary, in Kazakh and Russian.

TITLE: Final = lazy_text("Evidence pack")
HOW: Final = lazy_text(
    "Unpack the file and run “python3 verify.py”. It needs no access to the register. Compare the key with the one "
    "that the register publishes, or that an auditor kept."
)
NEWER: Final = lazy_text("Of these newer than the checkpoint, proven by the next one: %(count)s.")
NAMES: Final = (Agency.name_kk, Agency.name_ru)
RESTRICTED: Final = lazy_text("Contains restricted information.")


def _summary(evidence: Evidence, acts: Sequence[Mapping[str, Any]], checkpoint: Checkpoint) -> bytes:
    parts, newer = [], sum(act["proof"] is None for act in acts)
    for language in OFFICIAL_LANGUAGES:
        _ = translator(language)
        proof = [
            _("Acts in the journal: %(count)s.") % {"count": len(acts)},
            *([_(NEWER) % {"count": newer}] if newer else []),
            _("Checkpoint: %(size)s entries, %(root)s.") % {"size": checkpoint.size, "root": checkpoint.root},
            *(_("Key: %(key)s.") % {"key": each.verifier_key} for each in checkpoint_keys() if each.retired_at is None),
        ]
        sections = [
            *([(_(RESTRICTED), [])] if evidence.is_restricted else []),
            *evidence.sections(language),
            (_("Proof"), proof),
            (_("How to verify"), [_(HOW)]),
        ]
        parts.append(
            {
                "language": language,
                "issuer": [_(ISSUER)],
                "title": _(TITLE),
                "facts": [*evidence.facts(language), (_("Made on"), full_date(today(), language))],
                "sections": [
                    {"heading": heading, "paragraphs": paragraphs, "steps": False} for heading, paragraphs in sections
                ],
                "check": evidence.subject,
            }
        )
    data = {"number": evidence.name, "date": today().isoformat(), "issuer": ISSUER, "parts": parts}
    return make_pdf(LAYOUT, evidence.name, data)


def _facts_of_project(project: Mapping[str, Any], case_id: int | None, language: Language) -> Facts:
    _ = translator(language)
    agency = db.session.execute(select(*NAMES).where(Agency.bin == project["agency"])).mappings().one()
    facts = [
        (_("Project"), f"{_name(project, language)}, {project['number']}"),
        (_("Agency"), f"{_name(dict(agency), language)}, {project['agency']}"),
    ]
    return facts if case_id is None else [*facts, (_("Case"), str(case_id))]


def _name(named: Mapping[str, Any], language: Language) -> str:
    return str(named[f"name_{language}"] or named["name_ru"] or named["name_kk"])


def _facts_of_audit(run: Mapping[str, Any], language: Language) -> Facts:
    _ = translator(language)
    return [
        (_("Audit"), str(run["id"])),
        (_("Date"), full_date(run["on"], language)),
        (_("Policy"), run["policy_version"]),
        (_("Digest of everything read"), run["input_digest"] or "–"),
    ]


def _sections(
    actor: Actor,
    number: str,
    decisions: Iterable[CaseDecision],
    letters: Iterable[Mapping[str, Any]],
    signatures: Iterable[Signature],
    language: Language,
) -> Sections:
    _ = translator(language)
    shown = [
        (_("Flags"), [_flag(each, language, _) for each in _flags(actor, number, language)]),
        (_("Decisions"), [_decision(each, language, _) for each in decisions]),
        (_("Letters"), [_letter(each, language, _) for each in letters]),
        (_("Electronic signatures"), [_signature(each, language, _) for each in signatures]),
    ]
    return [(heading, paragraphs or ["–"]) for heading, paragraphs in shown]


def _flag(flag: Mapping[str, Any], language: Language, _: Translate) -> str:
    since = full_date(flag["opened_on"], language)
    severity = _(Severity(flag["severity"]).label)
    return f"{flag['title']} ({severity}, {since}). {flag['reason']} {flag['clause']}"


def _decision(decision: CaseDecision, language: Language, _: Translate) -> str:
    reason = getattr(decision, f"reason_{language}") or decision.reason
    decided_on = full_date(local_date(decision.decided_at or decision.proposed_at), language)
    kind = _(DecisionKind(decision.decision).label)
    if decision.due_on is not None:
        kind = f"{kind} ({format_deadline(decision.due_on, language)})"
    return f"{kind}, {decided_on}, {decision.decided_by}. {reason}"


def _letter(letter: Mapping[str, Any], language: Language, _: Translate) -> str:
    kind = _(LetterKind(letter["kind"]).label)
    return f"{letter['number']}, {full_date(letter['issued_on'], language)}, {kind}"


def _signature(signature: Signature, language: Language, _: Translate) -> str:
    signed_on = full_date(local_date(signature.stamped_at or signature.signed_at), language)
    parts = (
        _(SignableAct(signature.act).label),
        signature.certificate_subject,
        signed_on,
        signature.certificate_issuer,
    )
    return ", ".join(filter(None, (*parts, signature.certificate_serial)))
