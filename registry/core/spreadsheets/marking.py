"""Process that marks cells of somebody's own workbook: formats, other sheets, merged cells and widths stay.

Run as ``python -m registry.core.spreadsheets.marking``. Stdin: a line of JSON, ``{"sheet", "marks": [[row, column,
text]], "title", "header"}``, then the workbook. Stdout: the workbook with these cells filled and commented, and a last
sheet that lists them with links.
"""

import io
import json
import re
import resource
import sys
import zipfile

from registry.core.child_processes import limit_itself
from registry.core.spreadsheets.csv_and_xlsx import column_number

FILL = "FFF6D7D2"
LINK = "FF0B5D8A"
# Excel opens files with more comments slowly.
MAX_COMMENTS = 20_000
MAX_TITLE_LENGTH = 31
# openpyxl makes an object of each merged cell; the texts alone are given back where it would take too long.
MAX_MERGED = 100_000
CPU_SECONDS = 15
MERGED = re.compile(rb"""<(?:\w+:)?mergeCell\s[^<>]*?ref\s*=\s*["']([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})""")
COMMENT_SIZE = (120, 320)
WIDTHS = {"A": 12, "B": 100}


def main() -> None:
    """Read the task and the workbook from stdin and write the workbook to stdout."""
    limit_itself()
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    head, _, content = sys.stdin.buffer.read().partition(b"\n")
    task = json.loads(head)
    if _merged_cells(content) > MAX_MERGED:
        sys.exit("too many merged cells")
    # Imported after the limits are set, so that they also cover the import.
    from openpyxl import load_workbook
    from openpyxl.comments import Comment
    from openpyxl.styles import Font, PatternFill
    from openpyxl.worksheet.hyperlink import Hyperlink

    book = load_workbook(io.BytesIO(content), keep_links=False)
    sheet = book[task["sheet"]]
    errors = book.create_sheet(task["title"][:MAX_TITLE_LENGTH])
    # Of merged cells the first one has the text and the comment.
    anchors = {
        (row, column): (area.min_row, area.min_col)
        for area in sheet.merged_cells.ranges
        for row in range(area.min_row, area.max_row + 1)
        for column in range(area.min_col, area.max_col + 1)
    }
    errors.append(task["header"])
    for number, (row, column, text) in enumerate(task["marks"], 2):
        cell = sheet.cell(*anchors.get((row, column), (row, column)))
        cell.fill = PatternFill("solid", fgColor=FILL)
        if number <= MAX_COMMENTS:
            before = f"{cell.comment.text}\n" if cell.comment else ""
            cell.comment = Comment(before + text, "", *COMMENT_SIZE)
        quoted = sheet.title.replace("'", "''")
        link = errors.cell(number, 1, cell.coordinate)
        link.hyperlink = Hyperlink(ref=link.coordinate, location=f"'{quoted}'!{cell.coordinate}")
        link.font = Font(color=LINK, underline="single")
        errors.cell(number, 2, text).data_type = "s"
    for letter, width in WIDTHS.items():
        errors.column_dimensions[letter].width = width
    book.save(sys.stdout.buffer)


def _merged_cells(content: bytes) -> int:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        areas = [area for name in archive.namelist() for area in MERGED.findall(archive.read(name))]
    return sum(
        (abs(int(bottom) - int(top)) + 1) * (abs(column_number(right) - column_number(left)) + 1)
        for left, top, right, bottom in areas
    )


if __name__ == "__main__":
    main()
