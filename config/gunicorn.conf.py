"""gunicorn for the web processes: ``gunicorn --config config/gunicorn.conf.py wsgi:application``.

Why gunicorn with threads, and why so many: docs/operations.md, "Which server". Address and number of processes come
from the environment; the service's own settings are its REGISTRY_* variables.
"""

import os

bind = f"{os.environ.get('REGISTRY_HOST') or '127.0.0.1'}:{os.environ.get('REGISTRY_PORT') or '8000'}"
# One process a core, each with a pool of connections of its own (REGISTRY_DATABASE_POOL).
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
worker_class = "gthread"
threads = 8
# Loaded once and forked: wrong settings end the start at once, and the processes share what they only read. No
# connection to the database is open before the fork.
preload_app = True
# Longer than REGISTRY_STATEMENT_TIMEOUT, so that the database says no before the process is killed.
timeout = 120
# On SIGTERM no new requests are taken, and those that came in have this long to end.
graceful_timeout = 30
keepalive = 5
# The service writes its own log of requests; what gunicorn says goes to standard error beside it.
accesslog = None
errorlog = "-"
# The beat of each process goes to a file; not on a disk that may be slow or full.
IN_MEMORY = "/dev/shm"  # noqa: S108 - gunicorn makes its files there as safely as in any other folder
worker_tmp_dir = IN_MEMORY if os.path.isdir(IN_MEMORY) else None
