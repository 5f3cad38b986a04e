"""Which files are refused as documents: programs, scripts, and pages that a browser would run.

Judged by the bytes first, then by the name; the type that a sender declares proves nothing. Documents are sent as
downloads in any case (``projects/api/documents.py``): this keeps programs off the machines of those who download them.
Archives are not unpacked.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# A double click opens these, servers or browsers run them, or they install something.
EXTENSIONS: Final = (
    "exe com scr pif dll sys drv ocx cpl msi msp msix msixbundle appx appxbundle xll",
    "bat cmd ps1 psm1 psd1 vb vbs vbe js jse mjs cjs ws wsf wsh wsc sct hta lnk url scf reg inf gadget application",
    "settingcontent-ms chm msc",
    "sh bash zsh csh ksh fish command run bin elf so dylib app dmg pkg deb rpm appimage desktop",
    "jar war ear class jnlp apk aab xapk ipa dex wasm",
    "py pyw pyc pyz pl pm rb php phtml php5 phar asp aspx ashx jsp jspx cgi",
    "iso img vhd vhdx one iqy slk library-ms search-ms appref-ms",
    "html htm xhtml xht shtml mht mhtml svg svgz xsl xslt swf",
)
REFUSED_EXTENSIONS: Final = frozenset(extension for line in EXTENSIONS for extension in line.split())
REFUSED_STARTS: Final = (
    b"MZ",  # Windows and DOS programs, libraries and drivers
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",  # Mach-O, in both widths and both orders of bytes
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",  # Mach-O for several processors, and Java classes
    b"dex\n",  # Android
    b"\x00asm",  # WebAssembly
    b"!<arch>\n",  # Debian packages and static libraries
    b"\xed\xab\xee\xdb",  # RPM packages
    b"L\x00\x00\x00\x01\x14\x02\x00",  # Windows shortcuts
    b"ITSF",  # compiled HTML help
)
ZIP: Final = b"PK\x03\x04"
# Names of entries that make an archive a program: of Java, Android and Windows.
PROGRAM_ENTRIES: Final = (b"META-INF/MANIFEST.MF", b"AndroidManifest.xml", b"AppxManifest.xml")
COMPOUND_FILE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Class of the root of a Windows Installer file, {000C1084-0000-0000-C000-000000000046}; .doc and .xls have others.
INSTALLER_CLASS: Final = bytes.fromhex("84100c0000000000c000000000000046")
# How far browsers look for markup (WHATWG, MIME Sniffing), and room for comments in front of it.
LOOKED_AT: Final = 4096
# The tags by which browsers recognise HTML, and the root of SVG.
MARKUP: Final = re.compile(
    r"<(?:!doctype\s+(?:html|svg)|html|head|body|script|iframe|style|title|meta|link|base|object|embed|form|img|svg"
    r"|h1|div|font|table|a|br|b|p)(?:[\s/>]|$)",
    re.IGNORECASE,
)
PROLOG: Final = re.compile(r"\s*(?:<\?.*?\?>|<!--.*?-->)", re.DOTALL)
NAMESPACES: Final = ("http://www.w3.org/1999/xhtml", "http://www.w3.org/2000/svg")
BYTE_ORDER_MARKS: Final = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


def is_refused(name: str, content: bytes) -> bool:
    """True for a program, a script or a page, by its bytes or by the ending of its name."""
    return _is_program(content) or _is_script_or_page(content) or _has_refused_extension(name)


def _has_refused_extension(name: str) -> bool:
    # Windows drops dots and blanks at the end of a name, and what follows a colon.
    # Full-width letters are those of an extension to a person.
    plain = unicodedata.normalize("NFKC", name).partition(":")[0].rstrip(". ").lower()
    return plain.rpartition(".")[2].strip() in REFUSED_EXTENSIONS if "." in plain else False


def _is_program(content: bytes) -> bool:
    if content.startswith(REFUSED_STARTS):
        return True
    if content.startswith(ZIP):
        return any(entry in content for entry in PROGRAM_ENTRIES)
    return content.startswith(COMPOUND_FILE) and INSTALLER_CLASS in content


def _is_script_or_page(content: bytes) -> bool:
    text = _beginning(content)
    if text.startswith("#!"):
        return True
    while prolog := PROLOG.match(text):
        if any(namespace in text for namespace in NAMESPACES):
            return True
        text = text[prolog.end() :]
    text = text.lstrip()
    return MARKUP.match(text) is not None or (text.startswith("<") and any(name in text for name in NAMESPACES))


def _beginning(content: bytes) -> str:
    start = content[:LOOKED_AT]
    for mark, encoding in BYTE_ORDER_MARKS:
        if start.startswith(mark):
            return start[len(mark) :].decode(encoding, errors="replace")
    return start.decode("latin-1")
