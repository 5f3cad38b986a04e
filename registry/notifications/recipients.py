"""Recipients of notifications: people with enabled accounts and an address of any channel, agencies with addresses."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import select

from registry.accounts.absences import substitutions
from registry.accounts.models import Person, account_actor, is_active
from registry.accounts.roles import AGENCY_ROLES, Actor, Permission, Role
from registry.agencies.models import Agency
from registry.core.database import db
from registry.core.translations import LANGUAGES, OFFICIAL_LANGUAGES, Language
from registry.journal.service import read_acts
from registry.notifications import models
from registry.notifications.aitu import AituLink

FORMER_ADDRESS: Final = "account-email"


@dataclass(frozen=True, slots=True)
class Recipient:
    """A reader and the addresses. ``actor`` decides what may be sent; ``name`` is a person's, for the greeting.

    ``address``: of e-mail. ``aitu_id``: the Aitu account that the person linked. ``channels``: the person's choice.

    ``switched_off``: the kinds of notices that the person does not get. ``weekly_overview``: whether the person
    subscribed to it.
    """

    actor: Actor
    address: str | None
    languages: tuple[Language, ...]
    name: str | None = None
    person_id: int | None = None
    agency_id: int | None = None
    switched_off: frozenset[str] = frozenset()
    weekly_overview: bool = False
    aitu_id: str | None = None
    channels: models.ChannelChoice = models.ChannelChoice.EMAIL


class Directory:
    """All recipients, by agency, permission and role."""

    def __init__(
        self,
        people: list[Recipient],
        agencies: list[Recipient],
        parents: dict[int, int | None],
        deputies: Mapping[int, int],
    ) -> None:
        """``parents``: maps every agency to its parent. ``deputies``: accounts of people absent today, to theirs."""
        self._people = people
        self._deputies = deputies
        self._parents = parents
        self._at: dict[int, dict[str, Recipient]] = defaultdict(dict)
        # A person whose address equals the agency's gets one e-mail, in the person's language.
        for each in (*agencies, *people):
            if each.actor.agency_id is not None:
                # Unless the person chose Aitu: the agency's address gets everything.
                by_aitu = each.address is None or each.channels is models.ChannelChoice.AITU
                key = f"person {each.person_id}" if by_aitu else str(each.address).casefold()
                self._at[each.actor.agency_id][key] = each

    def of_agency(self, agency_id: int) -> list[Recipient]:
        """Return the agency's address and people; without any, those of the nearest ancestor that has some."""
        at: int | None = agency_id
        while at is not None:
            if at in self._at:
                return list(self._at[at].values())
            at = self._parents[at]
        return []

    def who_may(self, permission: Permission) -> list[Recipient]:
        """Return the oversight people whose role has the permission."""
        return [each for each in self._people if each.actor.role not in AGENCY_ROLES and each.actor.may(permission)]

    def people(self) -> list[Recipient]:
        """Return everybody, people of agencies too."""
        return list(self._people)

    def of_role(self, *roles: Role) -> list[Recipient]:
        """Return the people with one of the roles."""
        return [each for each in self._people if each.actor.role in roles]

    def of_account(self, account_id: int | None) -> list[Recipient]:
        """Return the person of that account, if any."""
        return [each for each in self._people if each.actor.account_id == account_id]

    def reviewer(self, account_id: int | None) -> list[Recipient]:
        """Return the reviewer of that account, if any, and today's deputy of that person."""
        both = () if account_id is None else (account_id, self._deputies.get(account_id))
        return [each for each in self.who_may(Permission.CASES_REVIEW) if each.actor.account_id in both]


def load_directory(channels: frozenset[models.Channel] = models.EMAIL_ONLY) -> Directory:
    """Load all current recipients whom one of the channels reaches."""
    agencies = db.session.execute(select(Agency.id, Agency.bin, Agency.parent_id, Agency.email)).all()
    people = db.session.execute(
        select(Person, AituLink)
        .join(Person.account)
        .outerjoin(AituLink, AituLink.person_id == Person.id)
        .where(Person.email.is_not(None) | AituLink.person_id.is_not(None), is_active())
        .order_by(Person.id)
        .execution_options(populate_existing=True)
    )
    return Directory(
        [
            _person(person, link)
            for person, link in people
            if (person.email and models.Channel.EMAIL in channels) or (link and models.Channel.AITU in channels)
        ],
        [_agency(row.id, row.bin, row.email) for row in agencies if row.email and models.Channel.EMAIL in channels],
        {row.id: row.parent_id for row in agencies},
        {each.absent_id: each.deputy_id for each in substitutions()},
    )


def recipient_now(person_id: int | None, agency_id: int | None) -> Recipient | None:
    """Return the notice's current recipient; None when the addresses are gone or the account is disabled."""
    if person_id is not None:
        person = db.session.get(Person, person_id, populate_existing=True)
        if person is None or person.is_disabled or person.is_pending:
            return None
        link = db.session.get(AituLink, person_id, populate_existing=True)
        return _person(person, link) if person.email or link else None
    agency = None if agency_id is None else db.session.get(Agency, agency_id, populate_existing=True)
    return None if agency is None or not agency.email else _agency(agency.id, agency.bin, agency.email)


def former_recipient(person: Person, entry: int) -> Recipient | None:
    """Return a person at the e-mail address that an entry of the journal gave up, whatever became of the account."""
    old = [each["old"] for act in read_acts([entry]) for each in act.details["changes"] if each["field"] == "email"]
    return replace(_person(person, None), address=old[0]) if any(old) else None


def recipient_of(notice: models.OutboundEmail) -> Recipient | None:
    """Return who gets a queued notice now; that of another address goes to the one before it."""
    [first, *_] = notice.events
    if first["kind"] == FORMER_ADDRESS:
        return former_recipient(db.session.get_one(Person, notice.person_id), first["references"][0])
    return recipient_now(notice.person_id, notice.agency_id)


def _person(person: Person, link: AituLink | None) -> Recipient:
    return Recipient(
        account_actor(person.account, source="notices"),
        person.email or None,
        tuple(language for language in LANGUAGES if language == person.language),
        name=person.name,
        person_id=person.id,
        switched_off=frozenset()
        .union(() if person.immediate_emails else models.OPTIONAL_IMMEDIATE)
        .union(() if person.digest_emails else models.OPTIONAL_DIGEST),
        weekly_overview=person.weekly_overview,
        aitu_id=None if link is None else link.peer_id,
        channels=models.ChannelChoice.EMAIL if link is None else models.ChannelChoice(link.channels),
    )


def _agency(agency_id: int, number: str, address: str) -> Recipient:
    # Nobody admitted the readers of the agency's mailbox to restricted projects; an administrator sets its address.
    actor = Actor(f"agency:{number}", Role.AGENCY_VIEWER, agency_id, "notices", is_admitted=False)
    # It has no language setting, so both official languages are used.
    return Recipient(actor, address, OFFICIAL_LANGUAGES, agency_id=agency_id)
