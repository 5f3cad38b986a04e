"""A whole flow with clients in Java and TypeScript that generators make from the specification, over HTTP."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest
from flask import Flask

from registry.accounts.roles import Role
from registry.cli.serve import WebServer
from registry.settings import CHECKOUT
from tests.api.client_flow import assert_flow
from tests.api.test_generated_clients import GUIDE, NEW, SPECIFICATION, answers_of_tomorrow, run, typescript
from tests.factories import a_token, an_agency

# Nothing here hangs on the database. Python's client is generated and runs on every day: test_generated_clients.py.
pytestmark = [pytest.mark.sqlite_only, pytest.mark.nightly]

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


@dataclass(frozen=True, slots=True)
class Compiled:
    """The class path of compiled programs, and their folder."""

    path: str
    classes: Path

    def run(self, program: str, *arguments: str | Path) -> Any:
        """What the program prints, read as JSON."""
        return json.loads(run("java", *QUICK, "-Dfile.encoding=UTF-8", "-classpath", self.path, program, *arguments))


@pytest.fixture(scope="module")
def java_client(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """The client that openapi-generator makes, and the programs that use it."""
    spec = find_spec("openapi_generator_cli")
    assert spec is not None and spec.origin is not None
    if shutil.which("javac") is None or not all(jar.exists() for jar in JARS):
        pytest.fail("A JDK is missing. On Debian: apt-get install default-jdk-headless libhttpmime-java")
    folder = tmp_path_factory.mktemp("java")
    generator, made, classes = Path(spec.origin).with_name("openapi-generator.jar"), folder / "made", folder / "out"
    where = ("--input-spec", SPECIFICATION, "--output", made)
    how = ("--global-property", FILES, "--additional-properties", OPTIONS, "--parameter-name-mappings", RENAMED)
    run("java", *QUICK, "-jar", generator, "generate", "--generator-name", "java", "--library", "native", *where, *how)
    annotation = made / "src" / "main" / "java" / "javax" / "annotation" / "Generated.java"
    annotation.parent.mkdir(parents=True)
    annotation.write_text(GENERATED, encoding="utf-8")

    # The generator's own archive has Jackson and the annotations that the client uses.
    path = ":".join(map(str, [generator, *JARS, classes]))
    sources = [*made.glob("src/main/java/**/*.java"), *(SOURCES / "java").glob("*.java")]
    options = ("-encoding", "UTF-8", "-nowarn", "-proc:none", "-classpath", path, "-d", classes)
    run("javac", *(f"-J{each}" for each in QUICK), *options, *sources)
    return Compiled(path, classes)


def test_java_client_runs_the_flow(service: Service, java_client: Compiled) -> None:
    assert_flow(java_client.run("Flow", *service.arguments))


def test_java_client_reads_answers_of_tomorrow(java_client: Compiled, tmp_path: Path) -> None:
    # The client declares one type for an operation, that of its lowest status.
    given = sorted(answers_of_tomorrow(), key=lambda each: each[2], reverse=True)
    answers = {camel_case(name): answer for name, _, _, answer in given}
    (tmp_path / "answers.json").write_text(json.dumps(answers), encoding="utf-8")

    kept = java_client.run("Tomorrow", tmp_path / "answers.json", java_client.classes / "kz" / "registry" / "api")

    # Properties that it does not know are left out; codes are kept.
    assert codes(kept) == codes(answers)
    assert sum(codes(answers).values()) > 100


def camel_case(name: str) -> str:
    """An operation's name as generators for Java write it."""
    first, *others = name.split("_")
    return first + "".join(each.capitalize() for each in others)


def codes(answers: Mapping[str, Any]) -> dict[str, int]:
    """How many codes of tomorrow each answer has."""
    return {name: json.dumps(answer).count(NEW[0]) for name, answer in answers.items()}


COMPILED: Final = (
    *("--strict", "--target", "es2022", "--module", "preserve", "--moduleResolution", "bundler"),
    *("--lib", "es2022,dom,dom.iterable"),
)


@pytest.fixture(scope="module")
def typescript_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the types that openapi-typescript makes."""
    folder = tmp_path_factory.mktemp("typescript")
    (folder / "node_modules").symlink_to(typescript("tsc").parents[1])
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    run(typescript("openapi-typescript"), SPECIFICATION, "--output", folder / "schema.ts")
    return folder


def test_typescript_client_compiles_and_runs_the_flow(service: Service, typescript_folder: Path) -> None:
    for name in ("flow.ts", "use.ts"):
        shutil.copy(SOURCES / "typescript" / name, typescript_folder)

    run(typescript("tsc"), *COMPILED, typescript_folder / "flow.ts", typescript_folder / "use.ts")
    assert_flow(json.loads(run("node", typescript_folder / "flow.js", *service.arguments)))


def test_typescript_client_reads_answers_of_tomorrow(typescript_folder: Path) -> None:
    shutil.copy(SOURCES / "typescript" / "tomorrow.ts", typescript_folder)
    # A constant each, whose type has every code: only what the types call open takes another one.
    statements = [
        f"const {name}_{status} = {json.dumps(answer)} as const;\n"
        f'read<Answer<"{name}", {status}>>("{name}_{status}", {name}_{status});'
        for name, _, status, answer in answers_of_tomorrow()
    ]
    program = typescript_folder / "tomorrow.ts"
    program.write_text("\n".join([program.read_text(encoding="utf-8"), *statements, "show();\n"]), encoding="utf-8")

    run(typescript("tsc"), *COMPILED, program)

    expected = {f"{name}_{status}": answer for name, _, status, answer in answers_of_tomorrow()}
    assert json.loads(run("node", typescript_folder / "tomorrow.js")) == expected
