"""What a WSGI server loads: ``waitress-serve wsgi:application``."""

import gc

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
