"""Successful controls of an HTML form: what a browser submits for an unchanged form."""

from __future__ import annotations

from html.parser import HTMLParser

# Submitted only by the button that is pressed.
BUTTONS = ("submit", "button", "image", "reset")


class _Forms(HTMLParser):
    """Controls of each form with a ``csrf_token``, by HTML's rules of form submission."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[list[tuple[str, str]]] = []
        self._inside = False
        self._area: tuple[str, list[str]] | None = None
        self._select: tuple[str, list[tuple[str, bool]]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name, value = given.get("name") or "", given.get("value") or ""
        if tag == "form":
            self._inside = True
            self.forms.append([])
        elif not self._inside:
            return
        elif tag == "textarea":
            self._area = (name, [])
        elif tag == "select":
            self._select = (name, [])
        elif tag == "option" and self._select is not None:
            self._select[1].append((value, "selected" in given))
        elif tag == "input" and name and given.get("type") not in BUTTONS:
            chosen = given.get("type") not in ("radio", "checkbox") or "checked" in given
            if chosen:
                self.forms[-1].append((name, value.replace("\r", "").replace("\n", "")))

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "textarea" and self._area is not None:
            name, parts = self._area
            # A line break directly after the tag is not part of the value.
            text = "".join(parts).replace("\r\n", "\n").removeprefix("\n")
            self.forms[-1].append((name, text.replace("\n", "\r\n")))
            self._area = None
        elif tag == "select" and self._select is not None:
            name, options = self._select
            chosen = [value for value, selected in options if selected] or [value for value, _ in options[:1]]
            self.forms[-1] += [(name, value) for value in chosen[-1:]]
            self._select = None


def untouched_form(page: str, field: str) -> dict[str, str]:
    """Return what the page's form with that field submits unchanged."""
    parser = _Forms()
    parser.feed(page)
    (matching,) = [dict(form) for form in parser.forms if field in dict(form)]
    return matching
