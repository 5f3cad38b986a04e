"""A TCP proxy before PostgreSQL's socket that can stop passing anything on while its connections stay alive."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import make_url


class StallingProxy:
    """``url``: the database through the proxy. ``stall()`` lasts until ``go_on()``."""

    def __init__(self, database_url: str) -> None:
        target = make_url(database_url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = (
            target.set(host="127.0.0.1", port=port, query={})
            .update_query_dict({"sslmode": "disable", "gssencmode": "disable"})
            .render_as_string(hide_password=False)
        )
        self._target = f"{target.query['host']}/.s.PGSQL.{target.port or 5432}"
        self._passing = threading.Event()
        self._passing.set()
        self._sockets: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def stall(self) -> None:
        """Pass nothing on."""
        self._passing.clear()

    def go_on(self) -> None:
        """Pass everything on again."""
        self._passing.set()

    def close(self) -> None:
        """End all connections."""
        self._passing.set()
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._target)
                self._sockets += [client, server]
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                self._passing.wait()
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def stalling_proxy(database_url: str) -> Iterator[StallingProxy]:
    """The proxy, closed at the end."""
    proxy = StallingProxy(database_url)
    try:
        yield proxy
    finally:
        proxy.close()
