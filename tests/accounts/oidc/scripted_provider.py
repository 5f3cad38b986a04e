"""An OpenID Connect provider on a local port whose answers a test decides about, also wrong ones."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

CLIENT_ID = "registry"
CODE = "a-code"


class ScriptedProvider:
    """``claims`` are those of the next ID token; ``key`` signs it, ``published`` are the keys that it publishes.

    ``signs``: signs tokens in another way.
    """

    def __init__(self) -> None:
        self.issuer = ""
        self.key = ECKey.generate_key("P-256", {"kid": "first", "use": "sig", "alg": "ES256"})
        self.published = [self.key]
        self.claims: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.userinfo: dict[str, Any] | None = None
        self.other_keys: list[ECKey] = []
        self.signs: Callable[[dict[str, Any]], str] | None = None
        self.key_requests = 0
        self.down = False
        self.requests: list[dict[str, list[str]]] = []
        self.traces: list[str | None] = []

    def rotate_key(self, *, publish: bool = True) -> None:
        """Sign with a new key from now on."""
        self.key = ECKey.generate_key("P-256", {"kid": "second", "use": "sig", "alg": "ES256"})
        if publish:
            self.published = [self.key]

    def sign(self, claims: dict[str, Any], **header: str) -> str:
        """A signed token with these claims."""
        if self.signs is not None:
            return self.signs(claims)
        return jwt.encode({"alg": "ES256", "kid": self.key.kid, **header}, claims, self.key)

    def id_token(self, nonce: str) -> str:
        """The ID token for a nonce, with the test's claims on top."""
        at = int(time.time())
        usual = {"iss": self.issuer, "aud": CLIENT_ID, "sub": "p-1", "iat": at, "exp": at + 300, "nonce": nonce}
        usual["auth_time"] = at
        return self.sign({name: value for name, value in {**usual, **self.claims}.items() if value is not None})

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Answer as a provider does."""
        request = Request(environ)
        return self._answer(request)(environ, start_response)

    def _answer(self, request: Request) -> Response:
        self.traces.append(request.headers.get("traceparent"))
        if self.down:
            return Response("down", 502)
        match request.path:
            case "/.well-known/openid-configuration":
                document = {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token",
                    "jwks_uri": f"{self.issuer}/keys",
                    "end_session_endpoint": f"{self.issuer}/logout",
                    "id_token_signing_alg_values_supported": ["ES256"],
                }
                if self.userinfo is not None:
                    document["userinfo_endpoint"] = f"{self.issuer}/userinfo"
                return _json({**document, **self.metadata})
            case "/userinfo":
                return _json(self.userinfo)
            case "/keys":
                self.key_requests += 1
                return _json({"keys": [key.as_dict(private=False) for key in self.published]})
            case "/other-keys":
                return _json({"keys": [key.as_dict(private=False) for key in self.other_keys]})
            case "/token":
                form = parse_qs(request.get_data(as_text=True))
                self.requests.append(form)
                token = self.id_token(self.nonce)
                return _json({"access_token": "at", "token_type": "Bearer", "expires_in": 600, "id_token": token})
        return Response("not found", 404)

    nonce = ""

    def authorize(self, location: str) -> str:
        """What the person's browser brings back from the authorization endpoint: the query of the callback."""
        query = parse_qs(urlsplit(location).query)
        self.authorization = {name: values[0] for name, values in query.items()}
        self.nonce = self.authorization["nonce"]
        return f"code={CODE}&state={self.authorization['state']}"


@contextmanager
def scripted_provider() -> Iterator[ScriptedProvider]:
    """Serve a provider until the block ends."""
    provider = ScriptedProvider()
    server = make_server("127.0.0.1", 0, provider, threaded=True)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _json(body: object) -> Response:
    return Response(json.dumps(body), content_type="application/json")
