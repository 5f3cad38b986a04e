"""Blocked document types: programs, scripts, and pages that a browser would execute.

Detected from the content first, then from the file name; the declared content type is ignored. Documents are always
served as downloads (``projects/api/documents.py``); this check protects the computers of people who download them.
Archives are not unpacked.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Files that a double click executes or installs, or that servers or browsers execute.
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
BLOCKED_EXTENSIONS: Final = frozenset(extension for line in EXTENSIONS for extension in line.split())
BLOCKED_SIGNATURES: Final = (
    b"MZ",  # Windows and DOS programs, libraries and drivers
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",  # Mach-O, 32 and 64 bits, both byte orders
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",  # universal Mach-O, and Java classes
    b"dex\n",  # Android
    b"\x00asm",  # WebAssembly
    b"!<arch>\n",  # Debian packages and static libraries
    b"\xed\xab\xee\xdb",  # RPM packages
    b"L\x00\x00\x00\x01\x14\x02\x00",  # Windows shortcuts
    b"ITSF",  # compiled HTML help
)
ZIP: Final = b"PK\x03\x04"
# Archive entries that mark a program for Java, Android or Windows.
PROGRAM_ENTRIES: Final = (b"META-INF/MANIFEST.MF", b"AndroidManifest.xml", b"AppxManifest.xml")
COMPOUND_FILE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# The root class id of a Windows Installer file, {000C1084-0000-0000-C000-000000000046}; .doc and .xls have others.
INSTALLER_CLASS: Final = bytes.fromhex("84100c0000000000c000000000000046")
# More than the bytes in which browsers look for markup (WHATWG MIME Sniffing), with room for leading comments.
SNIFFED_BYTES: Final = 4096
# The tags by which browsers recognise HTML, and the SVG root element.
MARKUP: Final = re.compile(
    r"<(?:!doctype\s+(?:html|svg)|html|head|body|script|iframe|style|title|meta|link|base|object|embed|form|img|svg"
    r"|h1|div|font|table|a|br|b|p)(?:[\s/>]|$)",
    re.IGNORECASE,
)
PROLOG: Final = re.compile(r"\s*(?:<\?.*?\?>|<!--.*?-->)", re.DOTALL)
NAMESPACES: Final = ("http://www.w3.org/1999/xhtml", "http://www.w3.org/2000/svg")
BYTE_ORDER_MARKS: Final = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


# What scanners and offices make of a signed paper: PDF, PNG, JPEG, TIFF (both byte orders).
SCAN_SIGNATURES: Final = (b"%PDF-", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*")


def is_scan(content: bytes) -> bool:
    """True for a PDF or an image, by its content."""
    return content.startswith(SCAN_SIGNATURES)


def is_blocked_file(name: str, content: bytes) -> bool:
    """True for a program, a script or a page, by content or by file extension."""
    return _is_program(content) or _is_script_or_page(content) or _has_blocked_extension(name)


def _has_blocked_extension(name: str) -> bool:
    # Windows ignores trailing dots and spaces in a name, and everything after a colon.
    # People read full-width letters as an extension too.
    plain = unicodedata.normalize("NFKC", name).partition(":")[0].rstrip(". ").lower()
    return plain.rpartition(".")[2].strip() in BLOCKED_EXTENSIONS if "." in plain else False


def _is_program(content: bytes) -> bool:
    if content.startswith(BLOCKED_SIGNATURES):
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
    start = content[:SNIFFED_BYTES]
    for mark, encoding in BYTE_ORDER_MARKS:
        if start.startswith(mark):
            return start[len(mark) :].decode(encoding, errors="replace")
    return start.decode("latin-1")
