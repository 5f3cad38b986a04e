"""Flask's configuration and that of its extensions, and the files that the settings name."""

from typing import Any, Final

from registry.accounts.models import PUBLIC_URL, SECOND_FACTOR_ROLES
from registry.accounts.oidc_configuration import SignInConfiguration, load_sign_in_file, set_sign_in_configuration
from registry.accounts.passwords import BY_EMAIL
from registry.core.clock import load_calendar, set_calendar
from registry.freeze.policy import set_policy
from registry.freeze.policy_file import load_policy
from registry.http.requests import MAX_BODY
from registry.http.responses import CSV, NDJSON
from registry.notifications.aitu import AITU_BOT_NAME
from registry.open_data.models import PUBLICATION
from registry.platform.inventory import PLATFORM_ACCOUNT
from registry.procurement.classification import PROCUREMENT_WORDS
from registry.settings import Settings
from registry.signatures.service import SIGNATURES
from registry.state_systems.sources import STATE_SYSTEMS
from registry.webhooks.sender import WEBHOOK_NETWORKS

ALGORITHMS: Final = ("zstd", "br", "gzip")


def use_configuration_files(settings: Settings) -> None:
    """Load policy, calendar and, with single sign-on, the sign-in file, for web processes and commands alike.

    Raises PolicyInvalid, CalendarInvalid and SignInFileInvalid.
    """
    set_policy(load_policy(settings.policy_file))
    set_calendar(load_calendar(settings.calendar_file))
    set_sign_in_configuration(load_sign_in_file(settings.sign_in_file) if settings.oidc else SignInConfiguration())


def flask_config(settings: Settings) -> dict[str, Any]:
    """Return the values for ``app.config``; the database and the API add theirs."""
    return {
        "SECRET_KEY": settings.secret_key,
        # registry/accounts/models.py reads these two.
        SECOND_FACTOR_ROLES: settings.second_factor_roles,
        PUBLIC_URL: settings.public_url,
        # Pages show commands that work when they are pasted.
        "COMMAND": settings.command,
        BY_EMAIL: settings.mail is not None,
        AITU_BOT_NAME: None if settings.aitu is None else settings.aitu.name,
        PLATFORM_ACCOUNT: settings.platform_account,
        PROCUREMENT_WORDS: settings.procurement_words,
        STATE_SYSTEMS: settings.state_systems,
        SIGNATURES: settings.signatures,
        WEBHOOK_NETWORKS: settings.webhook_networks,
        # Pages name it where people cannot go on.
        "SUPPORT_CONTACT": settings.support_contact,
        "LETTERHEAD": settings.letterhead,
        PUBLICATION: settings.open_data_licence,
        "MAX_CONTENT_LENGTH": MAX_BODY,
        # Not less (Flask has 500 kB): error pages name one limit.
        "MAX_FORM_MEMORY_SIZE": MAX_BODY,
        # Flask's session holds flash messages and the CSRF token; who is signed in says the cookie registry_session.
        "SESSION_COOKIE_NAME": "registry_notice",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": (settings.public_url or "").startswith("https:"),
        # Pages call csrf.protect() once they know who sent the form; the API takes bearer tokens only.
        "WTF_CSRF_CHECK_DEFAULT": False,
        # A form stays valid as long as its session: nobody loses what took two hours to write.
        "WTF_CSRF_TIME_LIMIT": None,
        # http/security.py checks the origin, also over plain HTTP and behind a proxy that changes the host.
        "WTF_CSRF_SSL_STRICT": False,
        # Tables that are streamed too; workbooks and documents are sent as they are. There is no cache: pages belong to
        # one person.
        "COMPRESS_ALGORITHM": ALGORITHMS,
        "COMPRESS_ALGORITHM_STREAMING": ALGORITHMS,
        "COMPRESS_MIMETYPES": (
            *("text/html", "text/css", "text/javascript", "image/svg+xml", "application/json"),
            *(CSV, NDJSON),
        ),
        # http/responses.py compares entity tags.
        "COMPRESS_EVALUATE_CONDITIONAL_REQUEST": False,
    }
