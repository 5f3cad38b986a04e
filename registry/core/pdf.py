"""Documents as PDF/A-2u and PDF/UA-1. The same data, layout and version of typst give the same bytes: none is stored.

The texts go to a child process (``child_processes.py``) as data, never as markup.
"""

import json
import logging
import sys
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from registry.core.child_processes import ChildFailed, ServiceBusy, limit_itself, run_child
from registry.core.errors import Unavailable

CHILD: Final = "registry.core.pdf"
# What the fonts of typst can display; PDF/A forbids a character without a glyph. The tests print each of them.
DISPLAYED: Final = (
    (0x20, 0x7E),
    (0xA1, 0xAC),
    (0xAE, 0x24F),
    (0x391, 0x3A1),
    (0x3A3, 0x482),
    (0x48A, 0x4FF),
    (0x2010, 0x2027),
    (0x2030, 0x2040),
    (0x20A0, 0x20C0),
    (0x2100, 0x211E),
    (0x2122, 0x2122),
    (0x2190, 0x219F),
    (0x2200, 0x226F),
    (0x25A0, 0x25CF),
)
SUBSTITUTE: Final = "□"
SPACES: Final = "\t\u00a0\u202f"
# A longer run without a space would leave the page: 40 wide characters, or 66 of an address or a digest.
MAX_WORD_WIDTH: Final = 40
NARROW: Final = frozenset("abcdefghijklnopqrstuvxyz0123456789./:-")
NARROW_WIDTH: Final = 0.6
ZERO_WIDTH_SPACE: Final = "\u200b"
logger = logging.getLogger(__name__)


class DocumentNotMade(Unavailable):
    """The document could not be made: the child process failed or took too long, or too many are at work."""

    retry_after = None


def make_pdf(layout: Path, number: str, data: Mapping[str, Any]) -> bytes:
    """Return the document as PDF/A-2u. ``layout``: the typst file that lays ``data`` out, which it reads as
    ``sys.inputs.data``. ``number`` is for the error. Raises DocumentNotMade.
    """
    try:
        return run_child(CHILD, json.dumps(_displayable(data)).encode(), str(layout))
    except (ChildFailed, ServiceBusy) as error:
        logger.warning("document %s was not made: %r", number, error)
        raise DocumentNotMade(number=number) from error


def displayable(text: str) -> str:
    """Return the text with a box for each character that the fonts lack, and places to break long words."""
    shown = []
    run = 0.0
    for character in unicodedata.normalize("NFC", text):
        if character == "\n" or character in SPACES or unicodedata.category(character) == "Zs":
            shown.append("\n" if character == "\n" else " ")
            run = 0.0
        elif unicodedata.category(character) in ("Cf", "Cc", "Mn"):
            continue
        else:
            shown.append(character if any(first <= ord(character) <= last for first, last in DISPLAYED) else SUBSTITUTE)
            run += NARROW_WIDTH if character in NARROW else 1
        if run >= MAX_WORD_WIDTH:
            shown.append(ZERO_WIDTH_SPACE)
            run = 0.0
    return "".join(shown)


def _displayable(value: Any) -> Any:
    match value:
        case str():
            return displayable(value)
        case list() | tuple():
            return [_displayable(each) for each in value]
        case dict():
            return {name: _displayable(each) for name, each in value.items()}
    return value


# Process that makes a PDF. Run as ``python -m registry.core.pdf LAYOUT``, with the path of a typst file.
#
# Reads the data of the document as JSON from stdin and writes the PDF to stdout. It limits itself before it loads
# typst, which reads no file but the layout and nothing from the network.


def main() -> None:
    """Make the document. Ends with a traceback where typst fails."""
    layout = Path(sys.argv[1]).read_bytes()
    limit_itself()
    # Imported after the limits are set, so that they also cover the import.
    import typst

    made = typst.compile(
        layout,
        format="pdf",
        pdf_standards=["a-2u", "ua-1"],
        sys_inputs={"data": sys.stdin.buffer.read().decode()},
        ignore_system_fonts=True,
    )
    sys.stdout.buffer.write(made)


if __name__ == "__main__":
    main()
