"""nginx with the shipped ``config/nginx.conf``; only addresses, ports and paths are replaced."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from registry.settings import CHECKOUT
from tests.running import free_port, until

SHIPPED = CHECKOUT / "config" / "nginx.conf"
HOST = "registry.example.kz"
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or "/usr/sbin/nginx"


@dataclass(frozen=True, slots=True)
class Proxy:
    """The proxy's ports for TLS and plain HTTP, and the CA of its certificate."""

    port: int
    plain_port: int
    trust: ssl.SSLContext


@contextmanager
def nginx_before(web_port: int, folder: Path) -> Iterator[Proxy]:
    """Run nginx in front of the service on that port for the duration of the block."""
    authority = trustme.CA()
    certificate = authority.issue_cert(HOST)
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    for number, blob in enumerate(certificate.cert_chain_pems):
        blob.write_to_path(str(folder / "certificate.pem"), append=number > 0)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    proxy = Proxy(free_port(), free_port(), trust)
    (folder / "nginx.conf").write_text(_configuration(proxy, web_port, folder))
    command = [NGINX, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log"), "-g", "daemon off;"]
    subprocess.run([*command, "-t", "-q"], check=True)
    process = subprocess.Popen(command)
    try:
        until(lambda: (folder / "nginx.pid").exists() and (folder / "nginx.pid").read_text().strip())
        yield proxy
    finally:
        process.terminate()
        process.wait()


def _configuration(proxy: Proxy, web_port: int, folder: Path) -> str:
    text = "".join(line for line in SHIPPED.read_text().splitlines(keepends=True) if "listen [::]" not in line)
    own = {
        "user www-data;": "user root;",
        "pid /run/nginx.pid;": f"pid {folder}/nginx.pid;",
        "/var/log/nginx/": f"{folder}/",
        "listen 443 ": f"listen 127.0.0.1:{proxy.port} ",
        "listen 80 ": f"listen 127.0.0.1:{proxy.plain_port} ",
        "/etc/registry/tls/": f"{folder}/",
        "server 127.0.0.1:8000;": f"server 127.0.0.1:{web_port};",
        "    server_tokens off;\n": "    server_tokens off;\n"
        + "".join(
            f"    {name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        ),
    }
    for shipped, test_own in own.items():
        assert shipped in text, shipped
        text = text.replace(shipped, test_own)
    return text
