"""Public check of a letter by its code: a page and JSON, without signing in and without personal data.

``registry/app.py`` counts its requests by address, as those of the sign-in form, also in a session.
"""

from __future__ import annotations

from typing import Final

from flask import jsonify, render_template, request

from registry.http.error_handlers import problem_response
from registry.http.required_permission import Public
from registry.letters.queries import MAX_CODE_LENGTH, LetterCodeUnknown, check_letter
from registry.web.blueprint import Answer, pages, redirect_to

OPEN: Final = Public("whoever holds a letter may check it; its code is the proof")


@pages.page("/verify", needs=OPEN)
def check_letters() -> Answer:
    """Ask for the code of a letter, or go on to the letter that it names."""
    code = request.args.get("code", "").strip()[:MAX_CODE_LENGTH].replace("/", "")
    if code:
        return redirect_to("checked_letter", code=code)
    return render_template("letters/verify.html", checked=None, code="", unknown=False)


@pages.page("/verify/<code>", needs=OPEN)
def checked_letter(code: str) -> Answer:
    """Say whether a letter with this code was issued and stands."""
    try:
        checked = check_letter(code)
    except LetterCodeUnknown:
        return render_template("letters/verify.html", checked=None, code=code[:MAX_CODE_LENGTH], unknown=True), 404
    return render_template("letters/verify.html", checked=checked, code=code, unknown=False)


@pages.page("/verify/<code>.json", needs=OPEN)
def checked_letter_as_json(code: str) -> Answer:
    """Return the same as JSON; of an unknown code problem+json, as the API does."""
    try:
        return jsonify(check_letter(code))
    except LetterCodeUnknown as error:
        return problem_response(error)
