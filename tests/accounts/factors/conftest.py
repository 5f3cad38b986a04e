"""Fixtures of second factors."""

from tests.accounts.factors.steps import required

__all__ = ["required"]
