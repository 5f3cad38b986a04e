"""Walks: players call whatever writes, in any order, with nights between; and try straight what guards prevent."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, Final
from urllib.parse import urlencode

import click
from flask import Flask
from sqlalchemy import select
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from registry.accounts.models import Account, AccountKind
from registry.accounts.passwords import Invitation, invitation_key
from registry.accounts.roles import Role, scopes_of_role
from registry.accounts.tokens import TOKEN_PATTERN, issue_own_token
from registry.audits.jobs import run_nightly_audit
from registry.core.database import db
from registry.core.errors import RegistryError
from registry.imports.worker import run_next_import
from tests.accounts.stored_accounts import session_of
from tests.api.callers import MERGE_PATCH, Caller, code
from tests.factories import PASSWORD
from tests.fixtures.cli import CommandLine
from tests.fixtures.web import Visit
from tests.one_person.attempts import GUARDS, Attempt, attempts, decisions
from tests.one_person.found import Control, Form, Operation, commands, forms_of, operations, pages
from tests.one_person.values import HARMLESS, PARAMETER, Values, json_of, word_before
from tests.one_person.world import Player, World, lost, present_state
from tests.present import Present

API: Final = "/api/v1"
# Until what was asked to happen on a later day has happened, and every grace has passed.
LATER: Final = (1, 45)
NIGHT_EVERY: Final = 16
# What is refused is corrected and sent again.
TRIES: Final = 5
TERM: Final = timedelta(days=80)
# These end the session or the account that the walk goes on with.
ENDS_SESSION: Final = {"web.sign_out", "web.own_password", "web.end_all_other_sessions", "web.start_app"}


class Catalogue:
    """What the application has, and how often each was called and succeeded."""

    def __init__(self, app: Flask) -> None:
        self.operations = operations(app)
        self.forms = {name: form for name, form in pages(app, "POST").items() if name not in ENDS_SESSION}
        self.pages = {
            name: page
            for name, page in pages(app, "GET").items()
            if name.startswith("web.") and not re.search(r"\.\w+$", page.rule)
        }
        self.commands = commands()
        self.called: Counter[str] = Counter()
        self.succeeded: Counter[str] = Counter()
        self.opened: Counter[str] = Counter()
        # The gates where nothing but the guard was in the way, or nothing at all, and how the others refused.
        self.reached: Counter[str] = Counter()
        self.refused: dict[str, str] = {}
        # The form of an address, as it was seen last.
        self.seen: dict[str, Form] = {}

    def count(self, name: str, is_done: bool) -> None:
        self.called[name] += 1
        self.succeeded[name] += is_done

    def of(self, roles: Collection[Role]) -> list[str]:
        """The operations and forms that somebody of the roles may send."""
        written = {**self.operations, **self.forms}
        return [name for name, each in written.items() if any(map(each.is_for, roles))]

    def rarest(self, random: Random, names: Iterable[str]) -> str:
        """One of a few, mostly the one that was called or opened least."""
        few = list(names)
        return min(random.sample(few, min(3, len(few))), key=lambda name: self.called[name] + self.opened[name])

    def least_called(self, names: Iterable[str]) -> str:
        return min(names, key=lambda name: self.called[name])


class Walk:
    """One walk of a cast through a register."""

    # What must not be found in the end.
    lost = staticmethod(lost)

    def __init__(
        self,
        app: Flask,
        catalogue: Catalogue,
        world: World,
        players: Sequence[Player],
        random: Random,
        present: Present,
    ) -> None:
        self.app, self.catalogue, self.world, self.random, self.present = app, catalogue, world, random, present
        # Copies: the walk ends tokens.
        self.players = [replace(each) for each in players]
        self.values = Values(random)
        self.before = present_state()
        # What the cast has reached that it must not, as the last night has found.
        self.broken: list[str] = []
        self.story: list[str] = []
        self.visits: dict[str, Visit] = {}
        self.known = set(db.session.scalars(select(Account.id)))

    def go(self, steps: int, step: Callable[[], None] | None = None) -> None:
        """Take so many steps, or until something is lost."""
        for number in range(1, steps + 1):
            (step or self.one_step)()
            if number % NIGHT_EVERY == 0:
                self.night(1)
            if self.broken:
                return
        self.end()

    def straight(self) -> None:
        """Try whatever guards prevent, each alone and then with each other, in the order of the players."""
        for attempt in attempts(self.world):
            self.everyone(attempt)
        # The second of two who agree may follow the first one.
        for _ in range(2):
            for attempt in decisions():
                self.everyone(attempt)
            self.meet()
        self.end()

    def end(self) -> None:
        for days in LATER:
            self.night(days)

    def night(self, days: int) -> None:
        """The platform's own work: imports, what was planned for the day, and the audit."""
        db.session.rollback()
        self.present.move(timedelta(days=days))
        self.visits.clear()
        while run_next_import() is not None:
            pass
        run_nightly_audit()
        self.story.append(f"-- {days} days later, after the audit")
        self.broken = self.lost(self.before, present_state(self.before.restricted))

    def one_step(self) -> None:
        db.session.rollback()
        self.meet()
        if self.values.chance(0.2):
            self.random.shuffle(self.players)
            self.everyone(self.random.choice([*attempts(self.world), *decisions() * 2]))
            return
        player = self.random.choices(self.players, [each.weight for each in self.players])[0]
        if player.token is not None and (not player.is_person or self.values.chance(0.5)):
            self.call(player)
        elif player.is_person:
            self.send_form(player)

    def meet(self) -> None:
        """People whom the cast has added, and who may work, join it; invitations are accepted."""
        for invitation in db.session.scalars(select(Invitation.id)).all():
            visit, path = Visit(self.app.test_client()), f"/invitation?key={invitation_key(invitation)}"
            if visit.get(path).status_code == 200:
                answer = visit.send(path, follow=False, password=PASSWORD, password_again=PASSWORD)
                self.catalogue.count("web.invitation", answer.status_code == 303)
        statement = select(Account).where(Account.kind == AccountKind.PERSON.value, Account.id.not_in(self.known))
        for account in list(db.session.scalars(statement.order_by(Account.id))):
            token = own_token(account.name)
            if token is not None:
                self.known.add(account.id)
                self.players.append(Player(account.name, Role(account.role), token, is_person=False))

    # What guards prevent

    def everyone(self, attempt: Attempt) -> None:
        """Each of the players, in their order, makes the attempt until one of them succeeds."""
        operation = self.catalogue.operations[attempt.operation]
        path = _filled_path(operation.rule, attempt.path)
        able = [each for each in self.players if each.token is not None and operation.is_for(each.role)]
        # Of those who all may not, one is enough.
        for player in able or self.players[:1]:
            answer = self.sent(player, operation, path, attempt.body or {})
            if self.noted(player, operation.name, answer):
                self.catalogue.reached[attempt.gate] += 1
                return
            why = _codes(answer)
            self.catalogue.reached[attempt.gate] += bool(GUARDS & why)
            self.catalogue.refused[attempt.gate] = f"{answer.status_code} {' '.join(sorted(why))}"

    # The API

    def call(self, player: Player) -> None:
        """Call an operation, mostly one that the role may call and that there is something for."""
        known = self.catalogue.operations
        of_role = [name for name, each in known.items() if each.is_for(player.role)]
        able = [name for name in of_role if self.values.are_there(known[name].rule)]
        if self.values.chance(0.1) or not able:
            name = self.catalogue.least_called(of_role if self.values.chance(0.8) else known)
        else:
            name = self.catalogue.rarest(self.random, able)
        operation = known[name]
        content_type, schema = operation.body or ("", {})
        path, body = self.path(operation.rule), self.values.body(schema, is_patch=content_type == MERGE_PATCH)
        for _ in range(TRIES):
            answer = self.sent(player, operation, path, body)
            if self.noted(player, operation.name, answer):
                return
            if answer.status_code in (404, 409):
                path = self.path(operation.rule)
                if "documents" in body:
                    body["documents"] = self.values.of("documents", schema["properties"]["documents"])
            elif answer.status_code != 422 or not self.correct(body, schema, answer):
                break
        if answer.status_code == 401:
            # A person whose token ended issues another one; a program's is gone.
            player.token = own_token(player.name) if player.is_person else None

    def sent(self, player: Player, operation: Operation, path: str, body: dict[str, Any]) -> TestResponse:
        """The answer to a request."""
        db.session.rollback()
        caller, path = Caller(self.app.test_client(), player.token), path.removeprefix(API)
        headers = {"If-Match": "*"} if operation.needs_if_match else {}
        self.current = f"{operation.method} {path} {json_of(body)}"
        if operation.body is None:
            return caller.call(operation.method, f"{path}?{urlencode(body)}" if body else path, headers=headers)
        content_type, _ = operation.body
        if content_type == "multipart/form-data":
            return caller.form(path, {name: _part(value) for name, value in body.items() if value is not None})
        return caller.call(operation.method, path, json=body, content_type=content_type, headers=headers)

    def noted(self, player: Player, name: str, answer: TestResponse) -> bool:
        """Count it; of what was done, tell it and use the tokens that it shows."""
        is_done = answer.status_code < 300
        self.catalogue.count(name, is_done)
        if is_done:
            self.story.append(f"{player.name}: {self.current} -> {answer.status_code}")
            for match in TOKEN_PATTERN.finditer(answer.text):
                self.players.append(Player(f"token of {player.name}", player.role, match[0], False, 0.1))
        return is_done

    def correct(self, body: dict[str, Any], schema: Any, answer: TestResponse) -> bool:
        """Give what was refused other values, or leave it out; False when nothing of the body was refused."""
        properties = schema.get("properties", {})
        refused = {each["pointer"].split("/")[1] for each in answer.get_json().get("errors", ()) if each["pointer"]}
        for name in sorted(refused & set(properties)):
            if name in body and name not in schema.get("required", ()) and self.values.chance(0.5):
                del body[name]
            else:
                body[name] = self.values.of(name, properties[name])
        return bool(refused & set(properties))

    def path(self, rule: str) -> str:
        """An address: a value for each parameter of the rule."""

        def value(match: re.Match[str]) -> str:
            converter = match["converter"] or ""
            if converter.startswith("any("):
                return str(self.random.choice(re.findall(r"[\w-]+", converter[4:])))
            return self.values.in_path(word_before(rule, match), match["name"])

        return PARAMETER.sub(value, rule)

    # Pages

    def visit(self, player: Player) -> Visit:
        if player.name not in self.visits:
            visit = Visit(self.app.test_client())
            visit.send("/sign-in", follow=False, name=player.name, password=PASSWORD)
            self.visits[player.name] = visit
        return self.visits[player.name]

    def send_form(self, player: Player) -> None:
        """Open a page and send a form of it, or one that is known from elsewhere."""
        visit = self.visit(player)
        if self.values.chance(0.15):
            able = [name for name, each in self.catalogue.forms.items() if each.is_for(player.role)]
            name = self.catalogue.least_called(able)
            form = self.catalogue.seen.get(name) or Form("", [])
            self.post(player, visit, name, self.path(self.catalogue.forms[name].rule), form)
            return
        pages_of_role = {
            name: each
            for name, each in self.catalogue.pages.items()
            if each.is_for(player.role) and self.values.are_there(each.rule)
        }
        page = pages_of_role[self.catalogue.rarest(self.random, pages_of_role)]
        self.catalogue.opened[page.name] += 1
        opened = visit.get(self.path(page.rule))
        if opened.status_code != 200 or "html" not in (opened.mimetype or ""):
            return
        forms = [(form.action or opened.request.path, form) for form in forms_of(opened.text)]
        targets = [(self.endpoint(target), target, form) for target, form in forms]
        targets = [each for each in targets if each[0] in self.catalogue.forms]
        self.catalogue.seen |= {name: form for name, _, form in targets}
        if targets:
            rarest = self.catalogue.rarest(self.random, [name for name, _, _ in targets])
            self.post(player, visit, *self.random.choice([each for each in targets if each[0] == rarest]))

    def endpoint(self, target: str) -> str:
        """The endpoint that an address leads to when it is sent."""
        try:
            return self.app.url_map.bind("localhost").match(target.partition("?")[0], method="POST")[0]
        except HTTPException:
            return ""

    def post(self, player: Player, visit: Visit, name: str, target: str, form: Form) -> None:
        """Send a form, with other values when it is shown again."""
        secret = visit.token("/account")
        for _ in range(TRIES):
            fields = self.filled(form)
            self.current = f"form {target} {json_of(fields.to_dict(flat=False))}"
            data: MultiDict[str, Any] = MultiDict((key, _part(value)) for key, value in fields.items(multi=True))
            data.setlist("csrf_token", [secret])
            answer = visit.client.post(target, data=data, content_type="multipart/form-data")
            is_done = answer.status_code in (200, 302, 303) and "/sign-in" not in answer.headers.get("Location", "")
            self.catalogue.count(name, is_done)
            if is_done:
                self.story.append(f"{player.name}: {self.current} -> {answer.status_code}")
            if answer.status_code != 422:
                break

    def filled(self, form: Form) -> MultiDict[str, Any]:
        """The fields of a form with values: mostly as they stand, some of them others."""
        fields: MultiDict[str, Any] = MultiDict()
        buttons = [each for each in form.controls if each.type in ("submit", "button")]
        radios: dict[str, list[Control]] = {}
        for control in form.controls:
            if control.type == "radio":
                radios.setdefault(control.name, []).append(control)
            elif control.name != "csrf_token" and control not in buttons:
                value = self.filled_in(control)
                if value is not None:
                    fields.add(control.name, value)
        for name, choices in radios.items():
            fields.add(name, self.random.choice(choices).value)
        if buttons and self.values.chance(0.8):
            button = self.random.choice(buttons)
            fields.add(button.name, button.value)
        return fields

    def filled_in(self, control: Control) -> Any:
        if control.type == "hidden":
            return control.value
        if control.type == "checkbox":
            return (control.value or "on") if self.values.chance(0.6) else None
        if control.type == "file":
            return self.values.file() if self.values.chance(0.8) else None
        if control.name in HARMLESS and self.values.chance(0.3):
            return HARMLESS[control.name] or ""
        if control.value and self.values.chance(0.6):
            return control.value
        if not control.is_required and self.values.chance(0.3):
            return ""
        if control.type == "select":
            return self.random.choice(control.choices) if control.choices else ""
        if control.type == "date" or control.name.endswith("_on"):
            return self.values.day()
        if control.type == "number":
            return str(self.values.number(control.name))
        return self.values.text(control.name)


class Shell:
    """Commands on the server, with random values for what they take."""

    def __init__(self, walk: Walk, registry: CommandLine, folder: Path) -> None:
        self.walk, self.registry, self.folder = walk, registry, folder

    def step(self) -> None:
        """Run a command."""
        db.session.rollback()
        name = self.walk.catalogue.rarest(self.walk.random, list(self.walk.catalogue.commands))
        arguments = list(self.arguments(self.walk.catalogue.commands[name]))
        db.session.rollback()
        ran = self.registry(*name.split(), *arguments)
        self.walk.catalogue.count(name, ran.code == 0)
        if ran.code == 0:
            self.walk.story.append(f"command: {name} {' '.join(map(str, arguments))}")

    def arguments(self, command: click.Command) -> Any:
        values, random = self.walk.values, self.walk.random
        for parameter in command.params:
            if not parameter.required and values.chance(0.8 if "filter" in (parameter.name or "") else 0.5):
                continue
            if isinstance(parameter, click.Option):
                yield parameter.opts[0]
                if parameter.is_flag:
                    continue
            yield self.value(parameter, values, random)

    def value(self, parameter: click.Parameter, values: Values, random: Random) -> str | Path:
        kind, name = parameter.type, parameter.name or ""
        if isinstance(kind, click.Choice):
            return str(random.choice(list(kind.choices)))
        if isinstance(kind, click.Path | click.File):
            file_name, content = values.file()
            path = self.folder / f"{random.randrange(10**9)}-{file_name}"
            if name != "target":
                path.write_bytes(content)
            return path
        if isinstance(kind, click.IntRange) or kind is click.INT:
            return str(values.in_path(name.removesuffix("_id") + "s", "id"))
        if kind.name == "date":
            return values.day()
        return values.text({"address": "name"}.get(name, name))


def own_token(name: str) -> str | None:
    """A new token of a person, with all that the role may do; None for who may not sign in."""
    try:
        actor = session_of(name)
        return None if actor is None else issue_own_token(actor, TERM, scopes=scopes_of_role(actor.role)).text
    except RegistryError:
        db.session.rollback()
        return None


def _filled_path(rule: str, values: Sequence[object]) -> str:
    remaining = iter(values)
    return PARAMETER.sub(lambda _match: str(next(remaining)), rule)


def _codes(answer: TestResponse) -> set[str]:
    """Why it was refused."""
    problem = answer.get_json()
    return {code(answer), *(each["code"] for each in problem.get("errors", ()))}


def _part(value: Any) -> Any:
    """A value as a field of a form has it."""
    if isinstance(value, tuple):
        name, content = value
        return FileStorage(io.BytesIO(content), name, content_type="application/octet-stream")
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json_of(value)
