"""A random walk: players call whatever writes, in any order, with nights between."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import click
from flask import Flask
from sqlalchemy import func, select
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import TestResponse

from registry.accounts.models import Account
from registry.accounts.roles import Role
from registry.accounts.scopes import scopes_of_role
from registry.accounts.token_format import TOKEN_PATTERN
from registry.accounts.tokens import issue_own_token
from registry.accounts.vocabulary import AccountKind
from registry.audits.jobs import run_nightly_audit
from registry.core.database import db
from registry.core.errors import RegistryError
from registry.imports.worker import run_next_import
from registry.journal.service import JournalEntry
from tests.accounts.stored_accounts import session_of
from tests.api.callers import MERGE_PATCH, Caller
from tests.factories import PASSWORD
from tests.fixtures.cli import CommandLine
from tests.fixtures.web import Visit
from tests.one_person.found import Control, Form, Operation, Page, commands, forms_of, operations, pages
from tests.one_person.values import HARMLESS, PARAMETER, Values, json_of, word_before
from tests.one_person.world import Kept, Player, lost, present_state
from tests.present import Present

API: Final = "/api/v1"
# Until what was asked to happen on a later day has happened, and every grace has passed.
LATER: Final = (1, 45)
NIGHT_EVERY: Final = 16
# What is refused is mended and sent again.
TRIES: Final = 5
TERM: Final = timedelta(days=80)
# Acts on these may end a flag or open a record; the journal says what an act was on.
SUBJECTS: Final = re.compile(
    "(account|agency|approval|case|exemption|import|inventory|person|policy|project|request|token):"
)
# These end the session or the account that the walk goes on with.
ENDS_SESSION: Final = {"web.sign_out", "web.own_password", "web.end_all_other_sessions", "web.start_app"}


class Catalogue:
    """What the application has, and how often each was called and succeeded."""

    def __init__(self, app: Flask) -> None:
        self.operations = operations(app)
        self.forms = pages(app, "POST")
        self.pages = {
            name: page
            for name, page in pages(app, "GET").items()
            if name.startswith("web.") and not re.search(r"\.\w+$", page.rule)
        }
        self.commands = commands()
        self.called: Counter[str] = Counter()
        self.succeeded: Counter[str] = Counter()
        # What is known to touch nothing that matters is called rarely.
        self.matters: dict[str, bool] = {}
        self.opened: Counter[str] = Counter()
        self.forms_on: Counter[str] = Counter()
        # The fields that forms of an address were seen to have.
        self.seen: dict[str, Form] = {}

    def count(self, name: str, is_done: bool) -> None:
        self.called[name] += 1
        self.succeeded[name] += is_done

    def operations_of(self, roles: Collection[Role]) -> list[str]:
        """The operations that somebody of the roles may call."""
        return [name for name, each in self.operations.items() if any(map(each.is_for, roles))]

    def forms_of(self, roles: Collection[Role]) -> list[str]:
        """The forms that somebody of the roles may send."""
        forms = {name: each for name, each in self.forms.items() if name not in ENDS_SESSION}
        return [name for name, each in forms.items() if any(map(each.is_for, roles))]

    def reach(self, role: Role) -> int:
        """How many operations the role may call."""
        return sum(each.is_for(role) for each in self.operations.values())

    def weight(self, name: str) -> float:
        """How often it is called beside others."""
        return 1 if self.matters.get(name, True) else 0.1

    def rarest(self, random: Random, names: Sequence[str]) -> str:
        """One of a few, mostly the one that was called least."""
        few = random.sample(names, min(3, len(names)))
        return min(few, key=lambda name: self.called[name])


class Walk:
    """One walk of a cast through a register."""

    # What must not be found in the end.
    lost = staticmethod(lost)

    def __init__(
        self, app: Flask, catalogue: Catalogue, players: Sequence[Player], random: Random, present: Present
    ) -> None:
        self.app, self.catalogue, self.random, self.present = app, catalogue, random, present
        # Copies: the walk ends tokens.
        self.players = [replace(each) for each in players]
        self.values = Values(random)
        self.before: Kept = present_state()
        self.story: list[str] = []
        self.visits: dict[str, Visit] = {}
        # What each session's forms send against forgery.
        self.secrets: dict[str, str] = {}
        self.known = set(db.session.scalars(select(Account.id)))
        # Swarm testing: each walk does few things often, so that those that belong together meet.
        self.favourites = {name: random.random() ** 3 for name in (*self.catalogue.operations, *self.catalogue.forms)}
        self.following: str | None = None
        self.read_to = newest_entry()

    def go(self, steps: int, step: Callable[[], None] | None = None) -> list[str]:
        """Take so many steps; what is lost in the end, or at the first night after which something is."""
        for number in range(1, steps + 1):
            (step or self.one_step)()
            if number % NIGHT_EVERY == 0:
                self.night(1)
                if broken := self.broken():
                    return broken
        for days in LATER:
            self.night(days)
        return self.broken()

    def broken(self) -> list[str]:
        """What the cast has reached that it must not."""
        return self.lost(self.before, present_state(self.before.restricted))

    def night(self, days: int) -> None:
        """The platform's own work: imports, what was planned for the day, and the audit."""
        db.session.rollback()
        self.present.move(timedelta(days=days))
        self.visits.clear()
        self.secrets.clear()
        while run_next_import() is not None:
            pass
        run_nightly_audit()
        self.story.append(f"-- {days} days later, after the audit")

    def one_step(self) -> None:
        db.session.rollback()
        self.meet()
        player = self.random.choices(
            self.players, [self.catalogue.reach(each.role) * each.weight for each in self.players]
        )[0]
        if player.token is not None and (not player.is_person or self.values.chance(0.75)):
            self.call(player)
        elif player.is_person:
            self.send_form(player)

    def meet(self) -> None:
        """People whom the cast has added, and who may work, join it."""
        statement = select(Account).where(Account.kind == AccountKind.PERSON.value, Account.id.not_in(self.known))
        for account in list(db.session.scalars(statement.order_by(Account.id))):
            token = own_token(account.name)
            if token is not None:
                self.known.add(account.id)
                self.players.append(Player(account.name, Role(account.role), token, is_person=False))

    # The API

    def call(self, player: Player) -> None:
        """Call an operation, mostly one that the role may call."""
        able = [each for each in self.catalogue.operations.values() if each.is_for(player.role)]
        if self.values.chance(0.03) or not able:
            able = list(self.catalogue.operations.values())
        operation = self.choose(able)
        caller = Caller(self.app.test_client(), player.token)
        content_type, schema = operation.body or ("", {})
        path, body = self.path(operation.rule), self.values.body(schema, is_patch=content_type == MERGE_PATCH)
        for _ in range(TRIES):
            answer = self.sent(caller, operation, path.removeprefix(API), body)
            self.catalogue.count(operation.name, answer.status_code < 300)
            if answer.status_code in (404, 409):
                path = self.path(operation.rule)
                if "documents" in body:
                    body["documents"] = self.values.of("documents", schema["properties"]["documents"])
            elif answer.status_code != 422 or not self.mend(body, schema, answer):
                break
        if answer.status_code < 300:
            self.learn(player, answer, operation.name)
        elif answer.status_code == 401:
            self.renew(player)
        answer.close()

    def renew(self, player: Player) -> None:
        """A person whose token ended issues another one; a program's is gone."""
        player.token = own_token(player.name) if player.is_person else None

    def mend(self, body: dict[str, Any], schema: Any, answer: TestResponse) -> bool:
        """Give what was refused other values, or leave it out; False when nothing of the body was refused."""
        properties = schema.get("properties", {})
        refused = {each["pointer"].split("/")[1] for each in answer.get_json().get("errors", ()) if each["pointer"]}
        for name in sorted(refused & set(properties)):
            if name in body and name not in schema.get("required", ()) and self.values.chance(0.5):
                del body[name]
            else:
                body[name] = self.values.of(name, properties[name])
        return bool(refused & set(properties))

    def choose(self, able: Sequence[Any]) -> Any:
        """What follows from the last step, or a favourite, or what was called least."""
        if self.values.chance(0.97):
            able = [each for each in able if self.values.are_there(each.rule)] or able
        if self.following is not None and self.values.chance(0.6):
            next_ones = [each for each in able if self.following in each.rule and "<" in each.rule]
            self.following = None
            if next_ones:
                return self.random.choice(next_ones)
        if self.values.chance(0.15):
            by_name = {each.name: each for each in able}
            return by_name[self.catalogue.rarest(self.random, list(by_name))]
        weights = [(self.favourites[each.name] + 0.01) * self.catalogue.weight(each.name) for each in able]
        return self.random.choices(able, weights)[0]

    def sent(self, caller: Caller, operation: Operation, path: str, body: dict[str, Any]) -> TestResponse:
        """The answer to a request; what it sends is drawn once and mended afterwards."""
        headers = {"If-Match": "*"} if operation.needs_if_match else {}
        self.current = f"{operation.method} {path} {json_of(body)}"
        if operation.body is None:
            return caller.call(operation.method, path, headers=headers)
        content_type, _ = operation.body
        if content_type == "multipart/form-data":
            parts = {name: _form_text(value) for name, value in body.items() if value is not None}
            return caller.form(path, parts)
        return caller.call(operation.method, path, json=body, content_type=content_type, headers=headers)

    def learn(self, player: Player, answer: TestResponse, name: str) -> None:
        """Note what was done; use tokens that the answer shows; go on with what it made."""
        subjects = list(db.session.scalars(select(JournalEntry.subject).where(JournalEntry.seq > self.read_to)))
        self.read_to = newest_entry()
        matters = any(SUBJECTS.match(each) for each in subjects if each)
        self.catalogue.matters[name] = matters or self.catalogue.matters.get(name, False)
        self.story.append(f"{player.name}: {self.current} -> {answer.status_code}")
        text = answer.text
        for match in TOKEN_PATTERN.finditer(text):
            self.players.append(Player(f"token of {player.name}", player.role, match[0], is_person=False, weight=0.1))
        location = answer.headers.get("Location") or answer.request.path
        words = [word for word in location.split("?")[0].split("/") if word and not word.isdigit()]
        self.following = next((f"/{word}/" for word in reversed(words) if word in FOLLOWED or word.endswith("s")), None)

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
        """Open a page and send a form of it, or send one of somebody else's."""
        visit = self.visit(player)
        if self.values.chance(0.2):
            able = [
                each for each in self.catalogue.forms.values() if each.is_for(player.role) or self.values.chance(0.05)
            ]
            page = self.choose(able)
            form = self.catalogue.seen.get(page.name) or Form("", [])
            self.post(player, visit, page.name, self.path(page.rule), form)
            return
        page = self.a_page(player.role)
        opened = visit.get(self.path(page.rule))
        self.catalogue.opened[page.name] += 1
        if opened.status_code != 200 or "html" not in (opened.mimetype or ""):
            return
        targets = []
        for form in forms_of(opened.text):
            for control in form.controls:
                if control.name == "csrf_token":
                    self.secrets[player.name] = control.value
            target = form.action or opened.request.path
            name = self.endpoint(target)
            if name is not None and name not in ENDS_SESSION:
                self.catalogue.seen[name] = form
                targets.append((name, target, form))
        self.catalogue.forms_on[page.name] = max(
            self.catalogue.forms_on[page.name], len({name for name, _, _ in targets})
        )
        if targets:
            rare = self.catalogue.rarest(self.random, [name for name, _, _ in targets])
            chosen = [each for each in targets if each[0] == rare] if self.values.chance(0.5) else targets
            self.post(player, visit, *self.random.choice(chosen))

    def a_page(self, role: Role) -> Page:
        """A page that has forms of its own, mostly one of those that were opened least."""
        able = [
            each for each in self.catalogue.pages.values() if each.is_for(role) and self.values.are_there(each.rule)
        ]
        # Two forms are on every page.
        few = self.random.choices(
            able,
            [
                0.05 if self.catalogue.opened[each.name] and self.catalogue.forms_on[each.name] <= 2 else 1
                for each in able
            ],
            k=3,
        )
        return min(few, key=lambda each: self.catalogue.opened[each.name])

    def endpoint(self, target: str) -> str | None:
        """The endpoint that an address leads to when it is sent."""
        adapter = self.app.url_map.bind("localhost")
        path, _, _ = target.partition("?")
        try:
            return adapter.match(path, method="POST")[0]
        except Exception:  # noqa: BLE001 - an address of no form
            return None

    def post(self, player: Player, visit: Visit, name: str, target: str, form: Form) -> None:
        if name in ENDS_SESSION:
            return
        secret = self.secrets.get(player.name) or self.secrets.setdefault(player.name, visit.token("/account"))
        for _ in range(TRIES):
            fields = self.filled(form)
            self.current = f"form {target} {json_of(fields.to_dict(flat=False))}"
            fields.setlist("csrf_token", [secret])
            answer = visit.client.post(target, data=fields, content_type="multipart/form-data")
            location = answer.headers.get("Location") or ""
            done = answer.status_code == 200 or (answer.status_code in (302, 303) and "sign-in" not in location)
            self.catalogue.count(name, done)
            if done:
                self.learn(player, answer, name)
            answer.close()
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
            return self.values.upload() if self.values.chance(0.8) else None
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


# Whoever has proposed goes on with the proposal.
FOLLOWED: Final = {"approvals", "cases", "requests"}


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


def newest_entry() -> int:
    """The number of the journal's newest entry."""
    return db.session.scalar(select(func.max(JournalEntry.seq))) or 0


def own_token(name: str) -> str | None:
    """A new token of a person, with all that the role may do; None for who may not sign in."""
    try:
        actor = session_of(name)
        return None if actor is None else issue_own_token(actor, TERM, scopes=scopes_of_role(actor.role)).text
    except RegistryError:
        db.session.rollback()
        return None


def _form_text(value: Any) -> Any:
    if isinstance(value, FileStorage):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json_of(value)
