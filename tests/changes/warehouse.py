"""A warehouse: a copy of what one reader may see, kept by following the change feed as the integrator guide says."""

from __future__ import annotations

from typing import Any

from tests.api.callers import BASE, Caller

LISTS = {
    "projects": ("/projects?withdrawn=include", "number"),
    "flags": ("/flags?", "id"),
    "cases": ("/cases?", "id"),
    "exemptions": ("/exemptions?", "id"),
    "agencies": ("/agencies?", "bin"),
}
OF_PROJECT = ("flags", "cases", "exemptions")
Records = dict[str, dict[Any, dict[str, Any]]]


class Warehouse:
    """Follows the feed from the number on that was the last one when the warehouse was made."""

    def __init__(self, reader: Caller) -> None:
        self.reader = reader
        self.after = reader.get("/changes").get_json()["after"]
        self.records = lists_of(reader)

    def follow(self, limit: int) -> bool:
        """Read one page of the feed; True when there are more."""
        page = self.reader.get(f"/changes?after={self.after}&limit={limit}").get_json()
        for item in page["items"]:
            self._take(item)
        self.after = page["after"]
        return bool(page["has_more"])

    def _take(self, item: dict[str, Any]) -> None:
        kind, links = item["subject"].partition(":")[0], item["links"]
        if item["type"] == "project.withdrawn-from-view":
            self._forget(item["data"]["project"])
            return
        for collection in OF_PROJECT:
            if collection in links:
                self._drop(collection, item["data"]["project"])
                for record in self._read(links[collection])["items"]:
                    self.records[collection][record["id"]] = record
        if kind in ("project", "exemption", "agency"):
            collection = "agencies" if kind == "agency" else f"{kind}s"
            key = LISTS[collection][1]
            record = self._read(links["self"])
            # What is not there any more left the view meanwhile: a later change says so.
            if record is not None:
                self.records[collection][record[key]] = record

    def _forget(self, number: str) -> None:
        self.records["projects"].pop(number, None)
        for collection in OF_PROJECT:
            self._drop(collection, number)

    def _drop(self, collection: str, number: str) -> None:
        kept = {key: record for key, record in self.records[collection].items() if record["project"] != number}
        self.records[collection] = kept

    def _read(self, link: str) -> Any:
        answer = self.reader.get(link.removeprefix(BASE))
        assert answer.status_code in (200, 404)
        return answer.get_json() if answer.status_code == 200 else None


def lists_of(reader: Caller) -> Records:
    """Every record that the reader's lists have."""
    records: Records = {}
    for collection, (path, key) in LISTS.items():
        page = reader.get(f"{path}&limit=500").get_json()
        assert page["next"] is None
        records[collection] = {record[key]: record for record in page["items"]}
    return records


def shown_by_lists(records: Records, lists: Records) -> Records:
    """The records with the fields alone that lists show: single records have more."""
    fields = {name: next(iter(by_key.values()), {}).keys() for name, by_key in lists.items()}
    return {
        name: {key: {field: record.get(field) for field in fields[name]} for key, record in by_key.items()}
        for name, by_key in records.items()
    }
