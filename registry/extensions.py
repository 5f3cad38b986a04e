"""Flask extensions, made once and given to the application by ``create_app()``."""

from __future__ import annotations

from flask_wtf import CSRFProtect

from registry.core.database import db
from registry.http.responses import AcceptedCompress

compress = AcceptedCompress()
csrf = CSRFProtect()

__all__ = ["compress", "csrf", "db"]
