"""Compression of responses by Flask-Compress, without encodings that a request excludes."""

from __future__ import annotations

from flask import Response, request
from flask_compress import Compress


class AcceptedCompress(Compress):
    """Flask-Compress, whose own choice takes ``gzip;q=0`` for gzip (RFC 9110, 12.5.3: it is not acceptable)."""

    def after_request(self, response: Response | None) -> Response:
        """Compress by what the request accepts; ``*`` is left out where something is excluded."""
        accepted = request.accept_encodings
        if any(quality == 0 for _, quality in accepted):
            usable = [f"{name};q={quality}" for name, quality in accepted if quality > 0 and name != "*"]
            request.environ["HTTP_ACCEPT_ENCODING"] = ", ".join(usable)
        return super().after_request(response)
