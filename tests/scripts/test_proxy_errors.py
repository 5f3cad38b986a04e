"""``config/nginx.conf``: what the proxy answers itself is a page for people and a problem for programs.

Where ``nginx`` is installed.
"""

from __future__ import annotations

import http.client
import socket
from pathlib import Path

import pytest

from tests.faults.nginx_proxy import HOST, NGINX, nginx_before
from tests.running import free_port

PROGRAM, BROWSER = "*/*", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"
TOO_LARGE = {"Content-Length": str(22 * 1024 * 1024)}

if Path(NGINX).exists():

    @pytest.mark.sqlite_only
    @pytest.mark.parametrize(
        ("sent", "status", "russian", "english"),
        [
            (TOO_LARGE, 413, "Отправлено больше 20 МиБ", "At most 20 MiB are taken."),
            ({}, 503, "Реестр не отвечает.", "The service does not answer."),
        ],
        ids=["too large", "no service"],
    )
    def test_proxy_answers_people_in_three_languages_and_programs_with_a_problem(
        tmp_path: Path, sent: dict[str, str], status: int, russian: str, english: str
    ) -> None:
        with nginx_before(free_port(), tmp_path) as proxy:
            for accept, content_type, text in (
                (BROWSER, "text/html; charset=utf-8", russian),
                (PROGRAM, "application/problem+json", english),
            ):
                connection = http.client.HTTPConnection(HOST)
                raw = socket.create_connection(("127.0.0.1", proxy.port))
                connection.sock = proxy.trust.wrap_socket(raw, server_hostname=HOST)
                connection.request("POST", "/imports", headers={"Accept": accept, **sent})
                answer = connection.getresponse()
                body = answer.read().decode()
                connection.close()
                assert (answer.status, answer.headers["Content-Type"]) == (status, content_type)
                assert text in body
                assert answer.headers.get_all("Strict-Transport-Security") == ["max-age=31536000; includeSubDomains"]
                if accept == BROWSER:
                    assert [f'lang="{language}"' in body for language in ("kk", "ru", "en")] == [True] * 3
