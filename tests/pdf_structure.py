"""What PDF/A-2u asks of the structure of a PDF, as far as it can be read without a validator; and its text."""

from __future__ import annotations

import re
import subprocess
import zlib
from pathlib import Path

OBJECT = re.compile(rb"(\d+) 0 obj\r?\n(.*?)endobj", re.DOTALL)
STREAM = re.compile(rb"(.*?)stream\r?\n(.*)\r?\nendstream", re.DOTALL)
# ISO 19005-2, 6.1 and 6.5 to 6.9: no encryption, no actions, no embedded or external files, no LZW.
FORBIDDEN = (
    b"Encrypt",
    b"JavaScript",
    b"JS",
    b"Launch",
    b"AA",
    b"OpenAction",
    b"EmbeddedFile",
    b"LZWDecode",
    b"SubmitForm",
)


def dictionaries_of(pdf: bytes) -> dict[int, bytes]:
    """Return the objects of a PDF by number, without their streams."""
    objects = {}
    for match in OBJECT.finditer(pdf):
        parts = STREAM.match(match[2])
        objects[int(match[1])] = match[2] if parts is None else parts[1]
    return objects


def stream_of(pdf: bytes, number: int) -> bytes:
    """Return the stream of an object, inflated where it is deflated."""
    body = next(match[2] for match in OBJECT.finditer(pdf) if int(match[1]) == number)
    parts = STREAM.match(body)
    return zlib.decompress(parts[2]) if b"/FlateDecode" in parts[1] else parts[2]


def referred(dictionary: bytes, name: str) -> int:
    """Return the number of the object to which a name refers."""
    match = re.search(rf"/{name}\s*\[?\s*(\d+) 0 R".encode(), dictionary)
    assert match is not None, name
    return int(match[1])


def assert_pdf_a_2u(pdf: bytes) -> None:
    """Assert the header, the metadata, the output intent, the tags, the fonts, and that nothing forbidden is there."""
    assert re.match(rb"%PDF-1\.[0-7]\n%[\x80-\xff]{4}", pdf) and pdf.rstrip().endswith(b"%%EOF")
    assert re.search(rb"/ID\s*\[", pdf[pdf.rindex(b"trailer") :])
    objects = dictionaries_of(pdf)
    names = {name for each in objects.values() for name in re.findall(rb"/([A-Za-z]+)", each)}
    assert names.isdisjoint(FORBIDDEN)
    [catalog] = [each for each in objects.values() if b"/Type/Catalog" in each]
    metadata = referred(catalog, "Metadata")
    assert b"/Filter" not in objects[metadata]
    xmp = stream_of(pdf, metadata)
    assert b"<pdfaid:part>2</pdfaid:part>" in xmp and b"<pdfaid:conformance>U</pdfaid:conformance>" in xmp
    assert b"<pdfuaid:part>1</pdfuaid:part>" in xmp
    intents = objects[referred(catalog, "OutputIntents")]
    intent = objects[int(re.findall(rb"(\d+) 0 R", intents)[0])]
    assert b"/S/GTS_PDFA1" in intent
    assert stream_of(pdf, referred(intent, "DestOutputProfile"))[36:40] == b"acsp"
    # Tagged, with the language of the document.
    assert b"/Marked true" in catalog and b"/Lang(" in catalog
    assert b"/Type/StructTreeRoot" in objects[referred(catalog, "StructTreeRoot")]
    assert all(b"/StructParents" in each for each in objects.values() if re.search(rb"/Type/Page\b", each))
    fonts = [each for each in objects.values() if re.search(rb"/Type/Font\b", each)]
    composite = [each for each in fonts if b"/Subtype/Type0" in each]
    assert composite and len(fonts) == 2 * len(composite)
    for font in composite:
        assert b"beginbf" in stream_of(pdf, referred(font, "ToUnicode"))
        descriptor = objects[referred(objects[referred(font, "DescendantFonts")], "FontDescriptor")]
        assert re.search(rb"/FontFile[23] ", descriptor)


def text_of(pdf: bytes, folder: Path) -> str | None:
    """Return the text of a PDF as poppler reads it, pages separated by form feeds; None without poppler."""
    file = folder / "document.pdf"
    file.write_bytes(pdf)
    try:
        read = subprocess.run(["pdftotext", "-layout", str(file), "-"], capture_output=True, check=True, timeout=30)
    except FileNotFoundError:
        return None
    return read.stdout.decode()
