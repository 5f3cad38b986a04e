"""Checks of one page in a real browser: no axe finding, no sideways scrolling, no English on a translated page."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page

from registry.core.translations import DEFAULT_LANGUAGE, Language

AXE = Path(__file__).with_name("vendor") / "axe.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Returns violations only: the report of a page is megabytes, which take longer to transfer than to compute.
VIOLATIONS = """([tags, left_out]) => axe.run(
    document, {runOnly: tags, rules: Object.fromEntries(left_out.map(rule => [rule, {enabled: false}]))}
).then(report => report.violations)"""
# Asks for a manual check and is never a violation.
ASKS = ["hidden-content"]
# Colours are the same in every language, and checking them takes half of the time.
OF_COLOURS = ["color-contrast", "link-in-text-block"]
COLOURS_CHECKED_IN: Language = "ru"
NARROW = {"width": 320, "height": 640}
ORDINARY = {"width": 1280, "height": 900}
# Texts that the page displays or a screen reader reads, without those marked as another language or as code.
TEXTS = """() => {
    const own = element => !element.closest("[lang]:not(html), script, style, svg, .code, template");
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const texts = [document.title];
    while (walker.nextNode()) if (own(walker.currentNode.parentElement)) texts.push(walker.currentNode.data);
    for (const name of ["aria-label", "title", "alt", "placeholder", "data-label"])
        for (const element of document.querySelectorAll(`[${name}]`))
            if (own(element)) texts.push(element.getAttribute(name));
    return texts.map(text => text.trim()).filter(Boolean);
}"""
LATIN_WORD = re.compile(r"(?<![\w.@/-])[A-Za-z]{3,}(?![\w@/-]|\.\w)")
# Names of products and formats, the same in every language.
NAMES = frozenset({"API", "CSV", "Chrome", "HTTPS", "HeadlessChrome", "JavaScript", "Linux", "PDF", "QazTech", "TOTP"})


def check_page(page: Page, language: Language, *names: str, in_each_language: bool = False) -> None:
    """Raise AssertionError for a page with an axe finding, sideways scrolling at 320 pixels, or English words.

    ``names``: names on the page that are Latin in every language. ``in_each_language``: the same page is checked in the
    other languages too, and axe, which takes longer than the rest, runs in one of them.
    """
    assert page.evaluate("document.documentElement.lang") == language
    broken = [] if in_each_language and language != COLOURS_CHECKED_IN else violations(page, language)
    assert not broken, (page.url, broken)
    english = [] if language == DEFAULT_LANGUAGE else english_words(page, names)
    assert not english, (page.url, english)
    page.set_viewport_size(NARROW)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= NARROW["width"], (page.url, width)
    page.set_viewport_size(ORDINARY)


def violations(page: Page, language: Language) -> list[tuple[str, str]]:
    """Return rule and first element of each axe finding. The window's scripts must include ``AXE``."""
    left_out = ASKS if language == COLOURS_CHECKED_IN else ASKS + OF_COLOURS
    return [(rule["id"], rule["nodes"][0]["html"]) for rule in page.evaluate(VIOLATIONS, [RULES, left_out])]


def english_words(page: Page, names: tuple[str, ...] = ()) -> list[str]:
    """Return the texts of the page with a Latin word of three letters or more that is not one of the names."""
    known = NAMES | {word for name in names for word in LATIN_WORD.findall(name)}
    return [text for text in page.evaluate(TEXTS) if set(LATIN_WORD.findall(text)) - known]
