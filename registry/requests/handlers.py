"""The handler of each kind of request, in the order of the pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.requests.kinds import RequestHandler
from registry.requests.succession import Succession
from registry.requests.transfer import Transfer
from registry.requests.vocabulary import RequestKind

HANDLERS: Final[Mapping[RequestKind, RequestHandler]] = {
    handler.kind: handler for handler in (Succession(), Transfer())
}
