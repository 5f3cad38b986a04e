"""Compression of pages, JSON and assets with Flask-Compress; downloads and documents are sent as they are."""

from __future__ import annotations

from typing import Final

from flask import Flask

from registry.extensions import compress

# What browsers and clients of the API accept, best first.
ALGORITHMS: Final = ("zstd", "br", "gzip")
MIMETYPES: Final = ("text/html", "text/css", "text/javascript", "image/svg+xml", "application/json")


def init_compression(app: Flask) -> None:
    """Compress responses of these types, from 500 bytes on. There is no cache: pages belong to one person."""
    app.config.update(
        COMPRESS_ALGORITHM=ALGORITHMS,
        COMPRESS_MIMETYPES=MIMETYPES,
        COMPRESS_STREAMS=False,
        # http/etag.py compares entity tags.
        COMPRESS_EVALUATE_CONDITIONAL_REQUEST=False,
    )
    compress.init_app(app)
