"""Process that makes a PDF. Run as ``python -m registry.core.pdf_child LAYOUT``, with the path of a typst file.

Reads the data of the document as JSON from stdin and writes the PDF to stdout. It limits itself before it loads typst,
which reads no file but the layout and nothing from the network.
"""

from __future__ import annotations

import sys
from pathlib import Path

from registry.core.child_processes import limit_itself


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
