"""What stands for a record in addresses: ids of rows, and the references of agencies."""

from __future__ import annotations

from typing import Final

from werkzeug.routing import BaseConverter, Map, ValidationError

ROW_ID: Final = "row_id"
EXTERNAL_ID: Final = "external_id"


class RowIdConverter(BaseConverter):
    """The id of a row: a positive number that the database's integers hold, in ASCII digits."""

    regex = "[1-9][0-9]{0,9}"
    LARGEST = 2**31 - 1

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map)

    def to_python(self, value: str) -> int:
        """The number; a larger one names no row."""
        number = int(value)
        if number > self.LARGEST:
            raise ValidationError
        return number


class ExternalIdConverter(BaseConverter):
    """An agency's own reference: the rest of the path, decoded, with every character that it has."""

    regex = "(?s:.+)"
    part_isolating = False
