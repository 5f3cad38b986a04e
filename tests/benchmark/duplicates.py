"""Planted duplicates of the real records: renamed, translated, split. The same for a seed."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

SEED: Final = 20251210
RENAMED: Final = 300
SPLIT: Final = 60
TRANSLATED: Final = Path(__file__).with_name("translated_names.csv")
# What people write instead of one another.
SYNONYMS: Final[Mapping[str, str]] = {
    "modernization": "upgrade", "upgrade": "modernization", "maintenance": "support", "support": "maintenance",
    "system": "platform", "systems": "platforms", "development": "creation", "management": "administration",
    "services": "service", "infrastructure": "backbone", "program": "programme", "operations": "running",
    "enhancements": "improvements", "deployment": "rollout", "replacement": "renewal", "network": "networking",
}  # fmt: skip
BEGINNINGS: Final = ("Project: ", "Creation of ", "FY2026 ")
PARTS: Final = ("{name}, lot {place}", "{name} (stage {place})", "Stage {place} of {name}")
Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Planted:
    """A record that duplicates the one with the external id ``of``."""

    of: str
    row: Row


def renamed(rows: Sequence[Row]) -> list[Planted]:
    """Records with other names: two to four changes of the name each, and of the other values what remained."""
    chance = Random(SEED)
    agencies = sorted({row["agency"] for row in rows})
    return [_renamed(row, agencies, chance) for row in chance.sample(rows, RENAMED)]


def split(rows: Sequence[Row]) -> list[Planted]:
    """Two or three parts of a record, each with a share of the money and some of the purpose's words."""
    chance = Random(SEED)
    return [part for row in chance.sample(rows, SPLIT) for part in _parts(row, chance)]


def translated(rows: Sequence[Row]) -> tuple[list[Row], list[Planted]]:
    """The records, forty of them with a Russian name only, and duplicates of these with a Kazakh name only.

    Drawn by ``Random(7).sample(rows, 40)`` and translated by hand, before they were compared.
    """
    with TRANSLATED.open(encoding="utf-8", newline="") as file:
        names = {name["external_id"]: name for name in csv.DictReader(file)}
    registered, planted = [], []
    for row in rows:
        name = names.get(row["external_id"])
        if name is None:
            registered.append(row)
            continue
        registered.append({**row, "name_ru": name["name_ru"], "name_en": ""})
        copy = {**row, "name_ru": "", "name_en": "", "name_kk": name["name_kk"], "purpose": "", "contract_number": ""}
        planted.append(Planted(row["external_id"], copy))
    return registered, planted


def _renamed(row: Row, agencies: Sequence[str], chance: Random) -> Planted:
    copy = {**row, "name_ru": _other_name(row["name_ru"], chance), "name_en": ""}
    fate = chance.random()
    if fate < 0.25:
        copy["purpose"] = ""
    elif fate < 0.75:
        copy["purpose"] = _other_words(row["purpose"], chance)
    if chance.random() < 0.5:
        copy["agency"] = chance.choice(agencies)
        copy["object_code"] = ""
    elif chance.random() < 0.5:
        copy["object_code"] = ""
    if chance.random() < 0.67:
        copy["contract_number"] = ""
    return Planted(row["external_id"], copy)


def _parts(row: Row, chance: Random) -> list[Planted]:
    count, form = chance.choice((2, 3)), chance.choice(PARTS)
    parts = []
    for place in range(1, count + 1):
        name = form.format(name=row["name_ru"], place=place)
        copy = {**row, "name_ru": name, "name_en": "", "purpose": _other_words(row["purpose"], chance)}
        copy["contract_number"] = row["contract_number"] if chance.random() < 0.5 else ""
        parts.append(Planted(row["external_id"], copy))
    return parts


def _other_name(name: str, chance: Random) -> str:
    changes = ("prefix", "brackets", "order", "synonyms", "beginning", "typing", "left out", "capitals")
    for change in chance.sample(changes, chance.randint(2, 4)):
        name = _changed(name, change, chance)
    return name


def _changed(name: str, change: str, chance: Random) -> str:
    match change:
        case "prefix":
            return re.sub(r"^[A-Z/]+( - |/ ?)", "", name)
        case "brackets":
            return re.sub(r"\s*\([^)]*\)", "", name)
        case "order" if " — " in name:
            system, work = name.split(" — ", 1)
            return f"{work} ({system})"
        case "synonyms":
            return re.sub(r"\w+", lambda match: SYNONYMS.get(match[0].lower(), match[0]), name)
        case "beginning":
            return chance.choice(BEGINNINGS) + name
        case "typing" if words := re.findall(r"[A-Za-z]{6,}", name):
            word = chance.choice(words)
            at = chance.randrange(1, len(word) - 1)
            return name.replace(word, word[:at] + word[at + 1] + word[at] + word[at + 2 :], 1)
        case "left out" if len(words := name.split(" ")) > 4:
            del words[chance.randrange(len(words))]
            return " ".join(words)
        case "capitals":
            return name.upper()
    return name


def _other_words(text: str, chance: Random) -> str:
    return " ".join(SYNONYMS.get(word.lower(), word) for word in text.split(" ") if chance.random() > 0.15)
