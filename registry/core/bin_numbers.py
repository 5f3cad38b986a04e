"""Business identification numbers (BIN) of Kazakhstan: 12 digits, the last a check digit computed in two passes.

``YYMM``, type (4 resident, 5 non-resident, 6 sole trader), unit (0 head, 1 branch, 2 representative office, 3 farm),
five digits of serial, check digit. python-stdnum has no module for it.
"""

from __future__ import annotations

import re

LENGTH = 12
SHAPE = re.compile(r"[0-9]{2}(0[1-9]|1[0-2])[456][0-3][0-9]{6}")
FIRST_WEIGHTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
SECOND_WEIGHTS = (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)


def is_bin(text: str) -> bool:
    """True for 12 ASCII digits in the format of a BIN with a correct check digit."""
    return SHAPE.fullmatch(text) is not None and check_digit(text[:11]) == int(text[11])


def check_digit(eleven: str) -> int | None:
    """The check digit of eleven digits; None when both passes give 10, since such a number is never issued."""
    digits = [int(digit) for digit in eleven]
    for weights in (FIRST_WEIGHTS, SECOND_WEIGHTS):
        rest = sum(digit * weight for digit, weight in zip(digits, weights, strict=True)) % 11
        if rest < 10:
            return rest
    return None
