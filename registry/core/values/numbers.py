"""Numbers as people write them: amounts with blanks, separators and ₸, and codes whose zeros a spreadsheet dropped."""

from __future__ import annotations

import re
from typing import Final

from registry.core.value_checks import InvalidValue
from registry.core.values.texts import BLANKS, is_blank

WHOLE: Final = re.compile(r"([-\u2212]?)([0-9]+)")
# More digits than the largest valid number has. Further ones are cut: Python converts no texts of thousands of digits.
MAX_DIGITS: Final = 20
MAX_LENGTH: Final = 60
TENGE: Final = re.compile(r"^(?:₸|kzt)|(?:₸|тг|тенге|теңге|kzt|tenge)\.?$", re.IGNORECASE)
FOREIGN: Final = re.compile(r"[$€£₽]|\b(?:usd|eur|rub|руб|долл|евро|доллар)", re.IGNORECASE)
MAGNITUDE: Final = re.compile(
    r"[0-9]\s*(?:млн|миллион|mln|million|млрд|миллиард|mlrd|bln|billion|bn|тыс|тысяч|мың|k\b|трлн|trln)",
    re.IGNORECASE,
)
BLANK_GROUPS: Final = re.compile(r"[0-9]{1,3}(?: [0-9]{3})+|[0-9]+(?: [0-9]{3})*")
GROUPED: Final = re.compile(r"[0-9]{1,3}(?:([.,])[0-9]{3})(?:\1[0-9]{3})+")
# Digits, or groups of three, then another separator and a fraction.
WITH_FRACTION: Final = re.compile(r"([0-9]+|[0-9]{1,3}(?:,[0-9]{3})+(?=\.)|[0-9]{1,3}(?:\.[0-9]{3})+(?=,))[.,]([0-9]+)")
ONE_GROUP: Final = 3
EXPONENT: Final = re.compile(r"([0-9])[.,]?([0-9]*)e\+?([0-9]{1,2})", re.IGNORECASE)
CODE_PREFIX: Final = re.compile(r"^(?:бин|иин|бсн|жсн|bin|iin)[:№]?", re.IGNORECASE)
ZERO_FRACTION: Final = re.compile(r"([0-9]+)[.,]0+")
# Three digits of a year 2000 and its month are the most zeros that a BIN begins with.
MAX_LOST_ZEROS: Final = 3


def read_whole_number(text: str) -> int | str | None:
    """The number that a text writes out, with ₸ or without; None for a blank text or a dash; other texts as they are.

    Raises InvalidValue for a fraction, which is never rounded away, for "1.2 млн", for other currencies, for an
    exponent, and for ``1,200``, which some read as a thousand and others as a fraction.
    """
    if plain := WHOLE.fullmatch(text):
        return _number(*plain.groups())
    if is_blank(text):
        return None
    written = " ".join(text.replace("'", " ").replace("\u2019", " ").split())
    if plain := WHOLE.fullmatch(written):
        return _number(*plain.groups())
    if len(written) > MAX_LENGTH or not written.isprintable():
        return written
    if MAGNITUDE.search(written):
        raise InvalidValue("number-in-words")
    if FOREIGN.search(written):
        raise InvalidValue("amount-not-in-tenge")
    amount = TENGE.sub("", TENGE.sub("", written)).strip()
    sign = amount[:1] if amount[:1] in ("-", "\u2212") else ""
    digits = _without_fraction(amount.removeprefix(sign).strip())
    return written if digits is None else _number(sign, digits)


def read_digits(text: str, width: int, lost: int) -> str:
    """A code of ``width`` digits without blanks; up to ``lost`` leading zeros, which spreadsheets drop, are restored.

    A text that is no such code is returned without its blanks, a dash as "". Raises InvalidValue for an exponent.
    """
    if len(text) == width and text.isascii() and text.isdigit():
        return text
    code = "" if is_blank(text) else text.translate(BLANKS)
    if code.isascii() and code.isdigit():
        return code.zfill(width) if width - lost <= len(code) < width else code
    code = CODE_PREFIX.sub("", code)
    if exponent := EXPONENT.fullmatch(code):
        first, fraction, power = exponent.groups()
        if len(fraction) != int(power):
            raise InvalidValue("number-shortened")
        code = first + fraction
    elif whole := ZERO_FRACTION.fullmatch(code):
        code = whole[1]
    is_short = code.isascii() and code.isdigit() and width - lost <= len(code) < width
    return code.zfill(width) if is_short else code


def _number(sign: str, digits: str) -> int:
    return int(f"{'-' if sign else ''}{digits.lstrip('0')[:MAX_DIGITS] or '0'}")


def _without_fraction(amount: str) -> str | None:
    """The digits of an amount, without separators and a fraction of zeros; None for other texts."""
    if EXPONENT.fullmatch(amount):
        raise InvalidValue("number-shortened")
    parts = re.split(r"[.,]", amount, maxsplit=1)
    has_blanks = " " in amount
    if has_blanks and not BLANK_GROUPS.fullmatch(parts[0]):
        return None
    amount = amount.replace(" ", "")
    if amount.isascii() and amount.isdigit():
        return amount
    if GROUPED.fullmatch(amount) and not has_blanks:
        return re.sub(r"[.,]", "", amount)
    split = WITH_FRACTION.fullmatch(amount)
    if split is None:
        return None
    whole, fraction = split.groups()
    is_grouped = not whole.isdigit()
    if len(fraction) == ONE_GROUP and not is_grouped and whole.strip("0"):
        raise InvalidValue("number-ambiguous")
    if fraction.strip("0"):
        raise InvalidValue("number-with-fraction")
    return re.sub(r"[.,]", "", whole)
