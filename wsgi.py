"""What a WSGI server loads: ``waitress-serve wsgi:application``."""

# ruff: noqa: E402 - the imports are most of the start

import gc

# What is made at the start stays: looking for garbage meanwhile takes a fifth of its time.
gc.disable()

from registry.app import create_app
from registry.core.installation import warn_of_other_key
from registry.http.health import listen_for_health
from registry.settings import read_settings

settings = read_settings()
application = create_app(settings)
with application.app_context():
    warn_of_other_key()
listen_for_health(settings)
# As for commands: registry/cli/app_context.py.
gc.freeze()
gc.enable()
