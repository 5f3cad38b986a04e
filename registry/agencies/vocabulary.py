"""Regions of agencies and projects. The kinds of agencies are in ``freeze/vocabulary.py``."""

from __future__ import annotations

from registry.core.translations import lazy_text
from registry.freeze.choices import Choices


class Region(Choices):
    """The first two digits of KATO, the national classifier of administrative and territorial units."""

    ABAI = "10", lazy_text("Abai region")
    AKMOLA = "11", lazy_text("Akmola region")
    AKTOBE = "15", lazy_text("Aktobe region")
    ALMATY_REGION = "19", lazy_text("Almaty region")
    ATYRAU = "23", lazy_text("Atyrau region")
    WEST_KAZAKHSTAN = "27", lazy_text("West Kazakhstan region")
    ZHAMBYL = "31", lazy_text("Zhambyl region")
    ZHETISU = "33", lazy_text("Zhetisu region")
    KARAGANDA = "35", lazy_text("Karaganda region")
    KOSTANAY = "39", lazy_text("Kostanay region")
    KYZYLORDA = "43", lazy_text("Kyzylorda region")
    MANGYSTAU = "47", lazy_text("Mangystau region")
    PAVLODAR = "55", lazy_text("Pavlodar region")
    NORTH_KAZAKHSTAN = "59", lazy_text("North Kazakhstan region")
    TURKISTAN = "61", lazy_text("Turkistan region")
    ULYTAU = "62", lazy_text("Ulytau region")
    EAST_KAZAKHSTAN = "63", lazy_text("East Kazakhstan region")
    ASTANA = "71", lazy_text("Astana")
    ALMATY = "75", lazy_text("Almaty")
    SHYMKENT = "79", lazy_text("Shymkent")
