"""Process that makes the document of a letter. Run as ``python -m registry.letters.pdf_child``.

Reads the letter as JSON from stdin and writes the PDF to stdout. It limits itself before it loads typst, which reads
no file but the layout and nothing from the network.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

MEMORY_LIMIT = 4 << 30
CPU_SECONDS = 20
LAYOUT = Path(__file__).parent / "data" / "letter.typ"


def main() -> None:
    """Make the document. Ends with a traceback where typst fails."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Imported after the limits are set, so that they also cover the import.
    import typst

    made = typst.compile(
        LAYOUT.read_bytes(),
        format="pdf",
        pdf_standards=["a-2u"],
        sys_inputs={"letter": sys.stdin.buffer.read().decode()},
        ignore_system_fonts=True,
    )
    sys.stdout.buffer.write(made)


if __name__ == "__main__":
    main()
