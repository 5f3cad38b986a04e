"""The real records in a database of their own: registered once a module, each test in a transaction that goes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from registry.store.database import db
from tests.conftest import service_app
from tests.databases import Databases
from tests.nights.real_file import LISTED_ON, REGISTERED_ON, apply_platform_list, register_file
from tests.present import Present
from tests.savepoints import rolled_back


@pytest.fixture(scope="module")
def real_service(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The service with the real records, registered on one day, the platform's list applied on a later one."""
    url = databases.make()
    service = service_app(url, tmp_path_factory.mktemp("data"))
    present = Present()
    with service.app_context():
        try:
            present.set(REGISTERED_ON)
            register_file("agencies", "agencies.csv")
            register_file("projects", "projects.csv")
            present.set(LISTED_ON)
            apply_platform_list()
        finally:
            present.release()
    yield service
    with service.app_context():
        db.engine.dispose()
    databases.drop(url)


@pytest.fixture
def real_app(real_service: Flask) -> Iterator[Flask]:
    """The same, its context pushed; what the test writes is gone afterwards."""
    with rolled_back(real_service), real_service.app_context():
        yield real_service
