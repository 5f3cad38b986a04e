"""The handler of each kind of request, in the order of the pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.requests.confirmation import ConfirmationRequest
from registry.requests.kinds import RequestHandler
from registry.requests.models import RequestKind
from registry.requests.succession import Succession, Transfer
from registry.requests.withdrawal import Withdrawal

HANDLERS: Final[Mapping[RequestKind, RequestHandler]] = {
    handler.kind: handler for handler in (Succession(), Transfer(), Withdrawal(), ConfirmationRequest())
}
