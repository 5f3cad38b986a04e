"""Callers of every role, and an agency of theirs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from registry.access.roles import Role
from registry.records.agencies import Agency
from tests.api.callers import Caller, caller
from tests.factories import an_agency


@pytest.fixture
def agency(app: object) -> Agency:
    """The agency that the editor and the viewer belong to."""
    return an_agency()


@pytest.fixture
def editor(client: FlaskClient, agency: Agency) -> Caller:
    return caller(client, Role.AGENCY_EDITOR, agency)


@pytest.fixture
def administrator(client: FlaskClient) -> Caller:
    return caller(client, Role.ADMINISTRATOR)


@pytest.fixture
def reviewer(client: FlaskClient) -> Caller:
    return caller(client, Role.REVIEWER)


@pytest.fixture
def supervisor(client: FlaskClient) -> Caller:
    return caller(client, Role.SUPERVISOR)


@pytest.fixture
def nobody(client: FlaskClient) -> Caller:
    return Caller(client, None)


@pytest.fixture
def as_role(client: FlaskClient) -> Callable[..., Caller]:
    """``as_role("auditor")``, ``as_role("agency_viewer", agency)``."""
    return lambda role, agency=None: caller(client, role, agency)
