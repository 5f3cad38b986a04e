"""Help pages and the setup checklist."""

from typing import Final

from flask import Response, make_response, render_template, url_for

from registry.accounts.roles import Actor, Permission
from registry.core.clock import today
from registry.core.translations import DEFAULT_LANGUAGE
from registry.freeze.policy import policy_in_force
from registry.freeze.vocabulary import Severity
from registry.help.documents import DOCUMENTS, GUIDES, REFERENCES, Document, guides_of, render_document
from registry.help.setup import hide_setup, setup_facts
from registry.http.security import Public
from registry.notifications.email import queue_test_email
from registry.policies.pages import LIMITS, rules_shown, thresholds
from registry.projects.fields import FIELDS, PARTS, REQUIRED
from registry.projects.pages import part_title
from registry.web.blueprint import ANY_SIGNED_IN, Answer, flash_message, pages, redirect_to
from registry.web.current_user import current_user, page_locale
from registry.web.formats import gettext as _
from registry.web.forms import schema_field

# Help pages: the list of the documents, and each of them.

# The documents are public: they hold no data of the register, and whoever cannot sign in needs them most.
OPEN: Final = Public("explains the register, also to those who cannot sign in")


@pages.page("/help", needs=OPEN)
def help_index() -> Answer:
    """List the documents; the guides for the user's role come first."""
    own = own_guides()
    others = [guide for guide in GUIDES if guide not in own]
    return _not_indexed(render_template("help/index.html", own=own, guides=others, references=REFERENCES))


@pages.page(f"/help/<any({', '.join(DOCUMENTS)}):document>", needs=OPEN)
def help_document(document: str) -> Answer:
    """Display a document in the page's language, or in English with a notice."""
    shown = DOCUMENTS[document]
    content = render_document(shown, page_locale())
    is_translated = content.language == page_locale()
    return _not_indexed(
        render_template(
            "help/document.html",
            document=shown,
            content=content,
            content_language=None if is_translated else DEFAULT_LANGUAGE,
            generated=TRANSLATED.get(document),
            guides=GUIDES,
        )
    )


# Pages that are made of what the register itself has, and so are in every language.


@pages.page("/help/rules-in-force", needs=ANY_SIGNED_IN)
def rules_in_force(_actor: Actor) -> Answer:
    """Display the limits and the rules of the policy in force that are in use, the most serious first."""
    policy = policy_in_force()
    rules = [rule for rule in rules_shown(policy, page_locale(), today()) if rule["enabled"]]
    rules.sort(key=lambda rule: Severity(rule["severity"]).rank, reverse=True)
    return render_template("help/rules.html", policy=policy, thresholds=thresholds(policy, LIMITS), rules=rules)


@pages.page("/help/project-fields", needs=OPEN)
def project_fields() -> Answer:
    """Display every field of a project by section: its label, what to enter, and its values."""
    parts = [(part_title(part), [schema_field(FIELDS[name]) for name in names]) for part, names in PARTS.items()]
    return _not_indexed(render_template("help/fields.html", parts=parts, required=REQUIRED))


# The documents of which these pages say the same in the reader's language.
TRANSLATED: Final = {"rules": "web.rules_in_force", "fields": "web.project_fields"}


def own_guides() -> list[Document]:
    """Return the guides for the user's role, none for visitors and auditors."""
    person = current_user().session_actor
    return [] if person is None else guides_of(person.role)


def own_help_address() -> str:
    """Return where *Help* leads: to the guide for the user's role if it is one, else to the list of the documents."""
    own = own_guides()
    return help_address(own[0].name) if len(own) == 1 else url_for("web.help_index")


def help_address(name: str, section: str | None = None) -> str:
    """Return the address of a document, or of one of its sections: by the anchor of the English heading."""
    return url_for("web.help_document", document=name, _anchor=section)


def _not_indexed(page: str) -> Response:
    """Return a page that search engines leave out: each installation has the same texts."""
    response = make_response(page)
    response.headers["X-Robots-Tag"] = "noindex"
    return response


# The setup checklist: its page, and the forms on it.


@pages.page("/setup", needs=Permission.AGENCIES_WRITE)
def setup(actor: Actor) -> Answer:
    """Display the checklist, also when it is complete or hidden."""
    return render_template("help/setup.html", setup=setup_facts(actor))


@pages.page("/setup/hidden", needs=Permission.AGENCIES_WRITE, methods=("POST",))
def setup_hidden(actor: Actor) -> Answer:
    """Take the checklist off the user's home page."""
    hide_setup(actor)
    flash_message(_("The list is no longer on Work. It stays under Help."))
    return redirect_to("home")


@pages.page("/setup/test-email", needs=Permission.AGENCIES_WRITE, methods=("POST",))
def setup_test_email(actor: Actor) -> Answer:
    """Send a test e-mail to the user."""
    address = queue_test_email(actor)
    flash_message(_("A test e-mail to %(address)s is on its way. Reload this page in a minute.") % {"address": address})
    return redirect_to("setup")
