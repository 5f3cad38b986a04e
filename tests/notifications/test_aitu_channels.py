"""Which channels a notice takes: e-mail, Aitu or both."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from registry.core.database import db
from registry.notifications.delivery import DeliveryResult
from registry.notifications.immediate import process_outbox
from registry.notifications.jobs import deliver_notifications
from registry.notifications.models import Channel, OutboundEmail
from registry.notifications.recipients import load_directory
from registry.settings import read_settings
from tests.factories import an_agency
from tests.notifications.aitu_delivery import AITU_ONLY, BOTH, queue, rows, variables
from tests.notifications.aitu_people import create_aitu_reader, link_aitu
from tests.notifications.aitu_server import AituApi
from tests.notifications.readers import create_reader


@pytest.mark.parametrize(
    ("choice", "email", "kind", "usable", "taken"),
    [
        ("both", "a@readers.kz", "order", BOTH, ["aitu", "email"]),
        ("aitu", "a@readers.kz", "order", BOTH, ["aitu"]),
        ("email", "a@readers.kz", "order", BOTH, ["email"]),
        # Whatever was chosen, a notice takes some channel that exists.
        ("email", "", "order", BOTH, ["aitu"]),
        ("email", "a@readers.kz", "order", AITU_ONLY, ["aitu"]),
        ("aitu", "a@readers.kz", "order", frozenset({Channel.EMAIL}), ["email"]),
        # Whoever took over an account keeps nothing from its owner.
        ("aitu", "a@readers.kz", "account-password", BOTH, ["aitu", "email"]),
        ("both", "a@readers.kz", "account-aitu", BOTH, ["email"]),
        # The link of an invitation is a secret.
        ("aitu", "a@readers.kz", "invitation", BOTH, ["email"]),
        ("aitu", "", "invitation", BOTH, []),
    ],
)
def test_notice_takes_the_chosen_channels(
    app: Flask, choice: str, email: str, kind: str, usable: frozenset[Channel], taken: list[str]
) -> None:
    create_aitu_reader("operator", channels=choice, email=email or None)
    queue(kind, "06.03.2026 12:00", usable)
    assert sorted(db.session.scalars(select(OutboundEmail.channel))) == taken


def test_address_of_an_agency_gets_emails_whatever_a_person_with_the_same_address_chose(app: Flask) -> None:
    agency = an_agency(email="office@agency.kz")
    peer = create_aitu_reader("agency_editor", agency, "editor", email="office@agency.kz")
    both = [(to.address, to.aitu_id) for to in load_directory(BOTH).of_agency(agency.id)]
    assert both == [("office@agency.kz", None), ("office@agency.kz", peer)]


def test_agency_with_nobody_whom_a_channel_reaches_is_represented_by_the_one_above(app: Flask) -> None:
    parent = an_agency(email="parent@agency.kz")
    agency = an_agency(parent=parent)
    create_aitu_reader("agency_editor", agency, "editor", email=None)
    reached = [to.address for to in load_directory().of_agency(agency.id)]
    assert reached == ["parent@agency.kz"]
    assert [to.address for to in load_directory(BOTH).of_agency(agency.id)] == [None]


def test_person_without_link_gets_emails_only(app: Flask) -> None:
    create_reader("operator")
    queue()
    assert rows() == [("email", "waiting", 0, None)]


def test_aitu_alone_is_enough(app: Flask, aitu: AituApi, tmp_path: Path) -> None:
    alone = read_settings({**variables(aitu, None), "REGISTRY_DATA_DIR": str(tmp_path)})
    peer = link_aitu(create_reader("operator", email=None))
    process_outbox(with_mail=False)
    queue(channels=AITU_ONLY)
    assert deliver_notifications(alone).aitu == DeliveryResult(sent=1)
    assert len(aitu.texts_to(peer)) == 1
