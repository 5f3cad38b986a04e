"""What the settings promise an operator: a wrong one is refused by its name, and the embedded default needs none."""

from __future__ import annotations

import stat
import subprocess
from datetime import time
from pathlib import Path

import pytest

from registry.core.postgresql import libpq_address
from registry.settings import CHECKOUT, SECRET_KEY_FILE, SettingsInvalid, read_settings
from tests.preload import processes

POSTGRES = "postgresql+psycopg://registry:secret@database/registry"


SECRET = "a secret of enough letters"


def environment(folder: Path, **variables: str) -> dict[str, str]:
    return {"REGISTRY_DATA_DIR": str(folder / "data"), **variables}


def test_without_any_variable_everything_lies_in_the_data_folder(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = read_settings({})
    assert settings.data_dir == tmp_path / "var"
    assert settings.database_url == f"sqlite:///{tmp_path}/var/registry.sqlite3"
    assert (settings.host, settings.port, settings.audit_at) == ("127.0.0.1", 8000, time(2))
    assert settings.policy_file == CHECKOUT / "config" / "freeze_policy.toml"
    assert settings.calendar_file == CHECKOUT / "config" / "calendar.toml"
    assert settings.embedded


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("REGISTRY_DATABASE_URL", "mysql://localhost/registry"),
        ("REGISTRY_DATABASE_URL", "postgresql://localhost/registry"),
        ("REGISTRY_DATABASE_URL", "sqlite:///"),
        ("REGISTRY_DATABASE_URL", "sqlite:///:memory:"),
        ("REGISTRY_DATABASE_URL", "registry.sqlite3"),
        ("REGISTRY_DATABASE_URL", "postgresql+psycopg://registry@one:5432,two:5432/registry"),
        ("REGISTRY_DATABASE_URL", "postgresql+psycopg://registry@host"),
        ("REGISTRY_DATABASE_POOL", "0"),
        ("REGISTRY_STATEMENT_TIMEOUT", "1min"),
        ("REGISTRY_LOCK_TIMEOUT", "-1"),
        ("REGISTRY_IDLE_TIMEOUT", "1.5"),
        ("REGISTRY_LONG_TIMEOUT", "99999999999"),
        ("REGISTRY_SECRET_KEY", "short"),
        ("REGISTRY_SECRET_KEY", ""),
        ("REGISTRY_PORT", "0"),
        ("REGISTRY_PORT", "65536"),
        ("REGISTRY_HEALTH_PORT", "65536"),
        ("REGISTRY_HEALTH_PORT", "off"),
        ("REGISTRY_PORT", "http"),
        ("REGISTRY_PORT", "-1"),
        ("REGISTRY_AUDIT_AT", "2:00"),
        ("REGISTRY_AUDIT_AT", "24:00"),
        ("REGISTRY_AUDIT_AT", "02:60"),
        ("REGISTRY_AUDIT_AT", "02:00:00"),
        ("REGISTRY_AUDIT_AT", "never"),
        ("REGISTRY_POLICY_FILE", "/no/such/policy.toml"),
        ("REGISTRY_CALENDAR_FILE", "/no/such/calendar.toml"),
        ("REGISTRY_DIGEST_AT", "9:00"),
        ("REGISTRY_OIDC_ISSUER", "http://idp.gov.kz"),
        ("REGISTRY_OIDC_ISSUER", "https://user:secret@idp.gov.kz"),
        ("REGISTRY_SIGN_IN_FILE", "/no/such/sign_in.toml"),
        ("REGISTRY_DIGEST_AT", "morning"),
        ("REGISTRY_RATE_LIMIT", "0"),
        ("REGISTRY_RATE_LIMIT", "many"),
        ("REGISTRY_RATE_LIMIT", "-1"),
        ("REGISTRY_SECOND_FACTOR", "auditor, operator"),
        ("REGISTRY_SECOND_FACTOR", "auditor,"),
        ("REGISTRY_SECOND_FACTOR", "Auditor"),
        ("REGISTRY_TRUSTED_PROXIES", "all"),
        ("REGISTRY_TRUSTED_PROXIES", "-1"),
        ("REGISTRY_SMTP_URL", "http://mail"),
        ("REGISTRY_SMTP_URL", "smtp://"),
        ("REGISTRY_SMTP_URL", "smtp://mail:0"),
        ("REGISTRY_SMTP_URL", "smtp://mail:port"),
        ("REGISTRY_SMTP_URL", "smtp://mail/box"),
        ("REGISTRY_SMTP_URL", "smtp://mail?tls=no"),
        ("REGISTRY_SMTP_URL", "smtp://user@mail"),
        ("REGISTRY_SMTP_URL", "smtp://:password@mail"),
        ("REGISTRY_SMTP_URL", "smtp://us%0D%0Aer:password@mail"),
        ("REGISTRY_SMTP_URL", "smtp://пошта.kz"),
        ("REGISTRY_PUBLIC_URL", "registry.gov.kz"),
        ("REGISTRY_PUBLIC_URL", "https://"),
        ("REGISTRY_PUBLIC_URL", "https://host:port"),
        ("REGISTRY_PUBLIC_URL", "https://user:password@host"),
        ("REGISTRY_PUBLIC_URL", "https://user@host"),
        ("REGISTRY_PUBLIC_URL", "https://host/a\nBcc: somebody"),
    ],
)
def test_a_wrong_variable_is_refused_by_its_name(tmp_path: Path, variable: str, value: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        read_settings(environment(tmp_path, **{"REGISTRY_SECRET_KEY": SECRET, variable: value}))
    assert [problem.partition(":")[0] for problem in refused.value.problems] == [variable]


@pytest.mark.parametrize(
    ("owner", "service"),
    [
        ("postgresql+psycopg://owner@database/registry", "sqlite:////tmp/registry.sqlite3"),
        ("postgresql://owner@database/registry", POSTGRES),
        ("postgresql+psycopg://registry@database/registry", POSTGRES),
        ("postgresql+psycopg://owner@database/another", POSTGRES),
        ("postgresql+psycopg://owner@database/registry", "postgresql+psycopg:///registry?host=database"),
    ],
)
def test_an_owner_must_be_another_role_in_the_same_database(tmp_path: Path, owner: str, service: str) -> None:
    variables = {"REGISTRY_DATABASE_OWNER_URL": owner, "REGISTRY_DATABASE_URL": service, "REGISTRY_SECRET_KEY": SECRET}
    with pytest.raises(SettingsInvalid) as refused:
        read_settings(environment(tmp_path, **variables))
    assert [problem.partition(":")[0] for problem in refused.value.problems] == ["REGISTRY_DATABASE_OWNER_URL"]
    assert "secret" not in str(refused.value)


def test_the_address_of_a_database_may_name_its_standby(tmp_path: Path) -> None:
    url = "postgresql+psycopg://registry:secret@/registry?host=one:5432&host=two:5433"
    settings = read_settings(environment(tmp_path, REGISTRY_DATABASE_URL=url, REGISTRY_SECRET_KEY=SECRET))
    assert settings.database_url == url
    address = libpq_address(url, password=False)
    assert {"host=one,two", "port=5432,5433", "target_session_attrs=read-write"} <= set(address.split())
    assert "secret" not in address and "password=secret" in libpq_address(url)


def test_a_data_folder_that_cannot_be_made_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsInvalid, match="REGISTRY_DATA_DIR"):
        read_settings({"REGISTRY_DATA_DIR": str(tmp_path / "file" / "data")})


def test_every_wrong_variable_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        read_settings(environment(tmp_path, REGISTRY_PORT="x", REGISTRY_AUDIT_AT="x", REGISTRY_SMTP_URL="x"))
    assert len(refused.value.problems) == 3


def test_an_external_database_needs_a_secret_key_of_the_operators(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="REGISTRY_SECRET_KEY: required"):
        read_settings(environment(tmp_path, REGISTRY_DATABASE_URL=POSTGRES))
    settings = read_settings(environment(tmp_path, REGISTRY_DATABASE_URL=POSTGRES, REGISTRY_SECRET_KEY=SECRET))
    assert settings.secret_key == SECRET
    assert not (tmp_path / "data" / SECRET_KEY_FILE).exists()


def test_the_nightly_audit_can_be_moved_and_turned_off(tmp_path: Path) -> None:
    assert read_settings(environment(tmp_path, REGISTRY_AUDIT_AT="23:59")).audit_at == time(23, 59)
    assert read_settings(environment(tmp_path, REGISTRY_AUDIT_AT="off")).audit_at is None


def test_a_generated_secret_key_is_kept_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    first, second = read_settings(environment(tmp_path)), read_settings(environment(tmp_path))
    path = tmp_path / "data" / SECRET_KEY_FILE
    assert first.secret_key == second.secret_key == path.read_text()
    assert len(first.secret_key) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == [SECRET_KEY_FILE]


def test_a_data_folder_with_an_empty_secret_key_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / SECRET_KEY_FILE).touch()
    with pytest.raises(SettingsInvalid, match=r"REGISTRY_DATA_DIR: .*delete the file"):
        read_settings(environment(tmp_path))


def _key_of(folder: str) -> str:
    return read_settings({"REGISTRY_DATA_DIR": folder}).secret_key


def test_processes_that_start_at_once_agree_on_the_secret_key(tmp_path: Path) -> None:
    folders = [str(tmp_path / str(number)) for number in range(50) for _ in range(4)]
    with processes(4) as pool:
        keys = list(pool.map(_key_of, folders))
    for start in range(0, len(keys), 4):
        assert len(set(keys[start : start + 4])) == 1
    assert len(set(keys)) == 50


def test_an_address_with_a_password_that_is_refused_is_not_repeated(tmp_path: Path) -> None:
    wrong = {
        "REGISTRY_SMTP_URL": "smpt://user:hunter2hunter2@mail",
        "REGISTRY_DATABASE_URL": "mysql://u:hunter2@host/x",
    }

    with pytest.raises(SettingsInvalid) as refused:
        read_settings(environment(tmp_path, **wrong))

    assert "REGISTRY_SMTP_URL" in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "roles"), [("off", None), ("auditor", {"auditor"}), ("auditor,operator", {"auditor", "operator"})]
)
def test_roles_that_need_a_second_factor_are_listed(tmp_path: Path, text: str, roles: set[str] | None) -> None:
    settings = read_settings({"REGISTRY_DATA_DIR": str(tmp_path), "REGISTRY_SECOND_FACTOR": text})
    assert settings.second_factor_roles == roles


def test_second_factor_of_a_role_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid) as error:
        read_settings({"REGISTRY_DATA_DIR": str(tmp_path), "REGISTRY_SECOND_FACTOR": "auditor,king"})
    assert error.value.problems == ["REGISTRY_SECOND_FACTOR: there is no role king"]


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"ISSUER": "https://idp.gov.kz"}, ["CLIENT_ID", "CLIENT_SECRET"]),
        ({"ISSUER": "https://idp.gov.kz", "CLIENT_ID": "registry"}, ["CLIENT_SECRET"]),
        ({"CLIENT_ID": "registry", "CLIENT_SECRET": "s3cret"}, ["ISSUER"]),
    ],
)
def test_single_sign_on_takes_all_three_variables(tmp_path: Path, given: dict[str, str], wrong: list[str]) -> None:
    variables = {f"REGISTRY_OIDC_{name}": value for name, value in given.items()}
    with pytest.raises(SettingsInvalid) as refused:
        read_settings(environment(tmp_path, **variables))
    assert [problem.partition(":")[0] for problem in refused.value.problems] == [
        f"REGISTRY_OIDC_{name}" for name in wrong
    ]


def test_issuer_on_the_machine_itself_may_use_http(tmp_path: Path) -> None:
    client = {"REGISTRY_OIDC_CLIENT_ID": "registry", "REGISTRY_OIDC_CLIENT_SECRET": "s3cret"}
    settings = read_settings(environment(tmp_path, REGISTRY_OIDC_ISSUER="http://127.0.0.1:9400", **client))
    assert settings.oidc is not None
    assert settings.oidc.issuer == "http://127.0.0.1:9400"
    assert "s3cret" not in repr(settings)


def test_letterhead_has_the_lines_of_each_language(tmp_path: Path) -> None:
    settings = read_settings(environment(tmp_path, REGISTRY_LETTERHEAD_RU="Министерство; г. Астана;"))
    assert settings.letterhead == {"kk": [], "ru": ["Министерство", "г. Астана"]}


def test_command_of_pages_runs_in_any_shell_and_has_no_secret(tmp_path: Path) -> None:
    folder = tmp_path / "data of the ministry"
    command = read_settings({"REGISTRY_DATA_DIR": str(folder), "REGISTRY_SECRET_KEY": SECRET}).command
    subprocess.run(f"{command} db upgrade", shell=True, check=True, cwd="/", env={"LC_ALL": "C.UTF-8"})
    assert (folder / "registry.sqlite3").is_file() and SECRET not in command
    on_server = {"REGISTRY_DATABASE_URL": POSTGRES, "REGISTRY_SECRET_KEY": SECRET}
    assert read_settings(on_server, read_only=True).command == "registry"
