"""Limits of failed sign-ins by name and address, and known devices."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person, person_named, set_password
from registry.accounts.sign_in import PasswordNotAccepted, sign_in
from registry.core.clock import now
from tests.factories import ADMINISTRATOR
from tests.fixtures.web import PASSWORD, Visit
from tests.present import Present

NAME = "a.serikova"


@pytest.fixture(autouse=True)
def _person(app: Flask, present: Present) -> Iterator[None]:
    """A person, with a fixed clock."""
    present.set(now())
    add_person(ADMINISTRATOR, NewPerson(NAME, Role.REVIEWER), PASSWORD)
    yield


def attempt(
    visit: Visit, name: str, password: str = "guess", address: str = "192.0.2.1", token: str = ""
) -> TestResponse:
    data = {"csrf_token": token or visit.token(), "name": name, "password": password}
    return visit.client.post("/sign-in", data=data, environ_overrides={"REMOTE_ADDR": address})


def statuses(visit: Visit, *attempts: tuple[str, str]) -> list[int]:
    token = visit.token()
    return [attempt(visit, name, address=address, token=token).status_code for name, address in attempts]


def flood(name: str) -> None:
    """Fail from so many addresses that the name is limited everywhere but on known devices."""
    for number in range(30):
        with pytest.raises(PasswordNotAccepted):
            sign_in(name, "guess", f"192.0.2.{number}", "r")


def known(app: Flask) -> Visit:
    """A browser from which the person signed in and out."""
    visit = Visit(app.test_client())
    assert attempt(visit, NAME, PASSWORD).status_code == 303
    visit.send("/sign-out", page="/home")
    return visit


def test_name_is_limited_to_5_failures_from_one_address(visit: Visit) -> None:
    assert statuses(visit, *[(NAME, "192.0.2.1")] * 6) == [401] * 5 + [429]
    assert attempt(visit, NAME, PASSWORD).status_code == 429
    assert attempt(visit, NAME, PASSWORD, "192.0.2.2").status_code == 303


def test_name_is_limited_to_30_failures_from_all_addresses(visit: Visit) -> None:
    assert statuses(visit, *[(NAME, f"192.0.2.{number}") for number in range(31)]) == [401] * 30 + [429]


def test_address_is_limited_to_30_failures_of_all_names(visit: Visit) -> None:
    assert statuses(visit, *[(f"name-{number}", "192.0.2.1") for number in range(31)]) == [401] * 30 + [429]
    assert statuses(visit, ("name-31", "192.0.2.2")) == [401]


def test_addresses_of_one_ipv6_network_are_limited_as_one(visit: Visit, present: Present) -> None:
    assert statuses(visit, *[(NAME, f"2001:db8:1:2::{number:x}") for number in range(6)]) == [401] * 5 + [429]
    assert statuses(visit, (NAME, "2001:db8:1:3::1")) == [401]
    present.move(timedelta(minutes=15, seconds=1))
    of_one = [(f"name-{number}", f"2001:db8:1:2:{number:x}::1") for number in range(31)]
    assert statuses(visit, *of_one) == [401] * 30 + [429]


def test_ipv4_addresses_written_as_ipv6_are_limited_one_by_one(visit: Visit) -> None:
    assert statuses(visit, *[(NAME, "::ffff:192.0.2.1")] * 5, (NAME, "192.0.2.1")) == [401] * 5 + [429]
    assert statuses(visit, (NAME, "::ffff:192.0.2.2")) == [401]


def test_stranger_cannot_lock_a_person_out_of_a_known_device(app: Flask, visit: Visit) -> None:
    device = known(app)
    # From many addresses, and from the person's own: an office has one.
    flood(NAME)
    statuses(visit, *[(f"name-{number}", "192.0.2.1") for number in range(31)])

    assert attempt(visit, NAME, PASSWORD).status_code == 429
    assert attempt(device, NAME, PASSWORD).status_code == 303


def test_known_device_is_limited_to_5_failures_from_all_addresses(app: Flask) -> None:
    device = known(app)

    assert statuses(device, *[(NAME, f"192.0.2.{number}") for number in range(6)]) == [401] * 5 + [429]
    assert attempt(device, NAME, PASSWORD, "192.0.2.99").status_code == 429


def test_known_device_keeps_its_count_through_another_sign_in(app: Flask) -> None:
    device = known(app)
    statuses(device, *[(NAME, "192.0.2.1")] * 4)
    assert attempt(device, NAME, PASSWORD).status_code == 303
    device.send("/sign-out", page="/home")

    assert statuses(device, *[(NAME, "192.0.2.9")] * 2) == [401, 429]


def test_known_device_is_not_known_for_other_people(app: Flask, visit: Visit) -> None:
    add_person(ADMINISTRATOR, NewPerson("b.omarov", Role.REVIEWER), PASSWORD)
    device = known(app)
    cookie = next(name for name in cookies(device) if name.startswith("registry_device_"))
    assert attempt(visit, "b.omarov", PASSWORD).status_code == 303
    other = next(name for name in cookies(visit) if name.startswith("registry_device_"))
    visit.send("/sign-out", page="/home")
    flood("b.omarov")

    device.client.set_cookie(other, cookies(device)[cookie])

    assert attempt(device, "b.omarov", PASSWORD, "192.0.2.99").status_code == 429
    assert attempt(visit, "b.omarov", PASSWORD, "192.0.2.99").status_code == 303


@pytest.mark.parametrize("spoiled", ["new password", "a year later", "changed", "other secret key"])
def test_known_device_is_forgotten(app: Flask, present: Present, spoiled: str) -> None:
    device, password = known(app), PASSWORD
    name, value = next((name, value) for name, value in cookies(device).items() if name.startswith("registry_device_"))
    if spoiled == "new password":
        person = person_named(NAME)
        password = "quite another password"
        present.move(timedelta(seconds=1))
        set_password(ADMINISTRATOR, person.id, password)
    elif spoiled == "a year later":
        present.move(timedelta(days=366))
        device.client.set_cookie(name, value)
    elif spoiled == "changed":
        device.client.set_cookie(name, value[:-1] + ("A" if value[-1] != "A" else "E"))
    else:
        app.secret_key = "another secret key"
    flood(NAME)

    answer = attempt(device, NAME, password, "192.0.2.99")

    assert answer.status_code == 429


def test_device_cookie_is_protected_and_reveals_no_name(app: Flask, visit: Visit) -> None:
    answer = attempt(visit, NAME, PASSWORD)

    cookie = next(sent for sent in answer.headers.getlist("Set-Cookie") if sent.startswith("registry_device_"))
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie and "Max-Age=31536000" in cookie
    value = cookie.partition("=")[2].partition(";")[0]
    _, payload = URLSafeTimedSerializer("what anybody can read").loads_unsafe(value)
    assert len(payload) == 2 and re.fullmatch("[0-9a-f]{64}", payload[1])


def test_unprintable_name_is_handled(app: Flask) -> None:
    device = known(app)

    assert attempt(device, f"{NAME}\0", PASSWORD).status_code == 303
    assert attempt(device, f"{NAME}\0", "guess").status_code == 401


def cookies(visit: Visit) -> dict[str, str]:
    return {cookie.key: cookie.value for cookie in visit.client._cookies.values()}
