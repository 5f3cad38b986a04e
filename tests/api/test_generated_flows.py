"""A whole flow with clients in Java and TypeScript that generators make from the specification, over HTTP."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
from flask import Flask

from registry.accounts.roles import Role
from registry.cli.web_server import WebServer
from registry.settings import CHECKOUT
from tests.api.client_flow import assert_flow
from tests.api.test_generated_clients import GUIDE, SPECIFICATION, run, typescript
from tests.factories import a_token, an_agency

# Nothing here hangs on the database.
pytestmark = pytest.mark.sqlite_only

SOURCES = CHECKOUT / "tests" / "api"
JARS = [Path("/usr/share/java", name) for name in ("httpmime.jar", "httpclient.jar", "httpcore.jar")]
# Compiled code runs for seconds only: the quick compiler of the JVM alone takes half of the time.
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
# As the guide says: a parameter must not have a name that each method or object of Java has already.
(RENAMED,) = re.findall(r"(?m)^        --parameter-name-mappings (\S+) ", GUIDE)
(OF_GUIDE,) = re.findall(r"(?m)^        --additional-properties (\S+)$", GUIDE)
PACKAGES = "invokerPackage=kz.registry,apiPackage=kz.registry.api,modelPackage=kz.registry.model"
OPTIONS = f"{OF_GUIDE},hideGenerationTimestamp=true,{PACKAGES}"
FILES = "apis,models,supportingFiles,apiDocs=false,modelDocs=false,apiTests=false,modelTests=false"
# The generated classes name an annotation that Java had until version 8.
GENERATED = "package javax.annotation;\npublic @interface Generated { String value(); String comments(); }\n"


@dataclass(frozen=True, slots=True)
class Service:
    """Where the service listens, tokens of an agency's editor and of a supervisor, and the BIN of the agency."""

    url: str
    agency_token: str
    oversight_token: str
    bin: str

    @property
    def arguments(self) -> tuple[str, str, str, str]:
        return self.url, self.agency_token, self.oversight_token, self.bin


@pytest.fixture
def service(own_app: Flask) -> Iterator[Service]:
    """Serve from another thread, with real commits."""
    with own_app.app_context():
        agency = an_agency()
        known = (a_token(Role.AGENCY_EDITOR, agency), a_token(Role.SUPERVISOR), agency.bin)
    server, stopping = WebServer(own_app, "127.0.0.1", 0), threading.Event()
    thread = threading.Thread(target=server.serve_until, args=[stopping])
    thread.start()
    try:
        yield Service(f"http://127.0.0.1:{server.port}", *known)
    finally:
        stopping.set()
        thread.join()


def test_java_client_compiles_whole_and_runs_the_flow(service: Service, tmp_path: Path) -> None:
    spec = find_spec("openapi_generator_cli")
    assert spec is not None and spec.origin is not None
    if shutil.which("javac") is None or not all(jar.exists() for jar in JARS):
        pytest.fail("A JDK is missing. On Debian: apt-get install default-jdk-headless libhttpmime-java")
    generator, made, classes = Path(spec.origin).with_name("openapi-generator.jar"), tmp_path / "java", tmp_path / "out"
    where = ("--input-spec", SPECIFICATION, "--output", made)
    how = ("--global-property", FILES, "--additional-properties", OPTIONS, "--parameter-name-mappings", RENAMED)
    run("java", *QUICK, "-jar", generator, "generate", "--generator-name", "java", "--library", "native", *where, *how)
    annotation = made / "src" / "main" / "java" / "javax" / "annotation" / "Generated.java"
    annotation.parent.mkdir(parents=True)
    annotation.write_text(GENERATED, encoding="utf-8")

    # The generator's own archive has Jackson and the annotations that the client uses.
    path = ":".join(map(str, [generator, *JARS, classes]))
    sources = [*made.glob("src/main/java/**/*.java"), SOURCES / "java" / "Flow.java"]
    options = ("-encoding", "UTF-8", "-nowarn", "-proc:none", "-classpath", path, "-d", classes)
    run("javac", *(f"-J{each}" for each in QUICK), *options, *sources)
    assert_flow(
        json.loads(run("java", *QUICK, "-Dfile.encoding=UTF-8", "-classpath", path, "Flow", *service.arguments))
    )


def test_typescript_client_compiles_and_runs_the_flow(service: Service, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(typescript("tsc").parents[1])
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    run(typescript("openapi-typescript"), SPECIFICATION, "--output", tmp_path / "schema.ts")
    for name in ("flow.ts", "use.ts"):
        shutil.copy(SOURCES / "typescript" / name, tmp_path)

    options = ("--strict", "--target", "es2022", "--module", "preserve", "--moduleResolution", "bundler")
    run(typescript("tsc"), *options, "--lib", "es2022,dom,dom.iterable", tmp_path / "flow.ts", tmp_path / "use.ts")
    assert_flow(json.loads(run("node", tmp_path / "flow.js", *service.arguments)))
