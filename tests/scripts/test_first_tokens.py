"""What a first start leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from flask import Flask

from registry.accounts.models import account_named
from registry.accounts.roles import Role, local_actor
from registry.accounts.same_person import owner_name, ownerless_accounts
from registry.settings import CHECKOUT


def test_first_administrator_answers_for_the_service_account_of_the_first_token(
    own_app: Flask, own_database: str, tmp_path: Path
) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(CHECKOUT),
        "REGISTRY_DATABASE_URL": own_database,
        "REGISTRY_DATA_DIR": str(tmp_path),
        "REGISTRY_SECRET_KEY": "of-the-tests-and-nobody-else",
    }
    script = [sys.executable, str(CHECKOUT / "scripts" / "first_tokens")]
    ran = subprocess.run(script, capture_output=True, text=True, env=environment, cwd="/", check=False)
    assert ran.returncode == 0 and "ADMINISTRATOR=qtr_" in ran.stdout, ran.stderr
    # The tutorial needs the records of the demo.
    assert "What to do first: docs/how-to/administrator.md." in ran.stdout
    # As they can be typed in the folder of the checkout.
    assert "    .venv/bin/registry users add --help\n    .venv/bin/registry tokens issue --help\n" in ran.stdout
    with own_app.app_context():
        account = account_named("first administrator's programs")
        assert account is not None and owner_name(account) == "administrator"
        assert ownerless_accounts(local_actor(Role.ADMINISTRATOR)) == []
