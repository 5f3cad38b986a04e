"""The floor of every request: bare Flask that says hello, under the same server as the service."""

from __future__ import annotations

from flask import Flask

application = Flask("hello")


@application.get("/")
def hello() -> str:
    """Hello."""
    return "hello"
