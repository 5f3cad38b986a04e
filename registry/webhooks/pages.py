"""Pages of webhooks: the list, one webhook with its deliveries, and its forms."""

from typing import Any

from flask import render_template, request, url_for

from registry.accounts.account_management import can_manage
from registry.accounts.roles import Actor, Permission
from registry.core.database import transaction
from registry.web.blueprint import BOTH, Answer, flash_changes, flash_message, pages, redirect_to
from registry.web.formats import gettext as _
from registry.web.forms import FormPage, answer_form, form_field, question_page
from registry.web.labels import options
from registry.web.lists import first_address, next_address, render_list, requested_filters, requested_page
from registry.webhooks import service
from registry.webhooks.models import TEST_EVENT
from registry.webhooks.queries import WEBHOOK_LIST, find_own, find_visible, list_deliveries, webhook_row
from registry.webhooks.schemas import REPLAY_BODY, WEBHOOK_BODY, WEBHOOK_PATCH, conditions_text


@pages.page("/webhooks", needs=Permission.OWN_ACCOUNT_READ)
def webhooks(actor: Actor) -> Answer:
    """List the webhooks that the user sees."""
    return render_list("webhooks/list.html", WEBHOOK_LIST.read(actor, {}, requested_page()))


@pages.page("/webhooks/new", needs=Permission.OWN_ACCOUNT_MANAGE, methods=BOTH)
def new_webhook(actor: Actor) -> Answer:
    """Create a webhook; its secret is displayed once."""

    def act(values: dict[str, Any]) -> Answer:
        webhook, secret = service.create_webhook(
            actor, {name: value for name, value in values.items() if value is not None}
        )
        return _display_secret(webhook.id, webhook.url, secret)

    page = _form(_("Add webhook"), _("Add webhook"), url_for("web.webhooks"))
    return answer_form(page, act)


@pages.page("/webhooks/<row_id:webhook_id>", needs=Permission.OWN_ACCOUNT_READ)
def webhook(actor: Actor, webhook_id: int) -> Answer:
    """Show a webhook; to its owner with its deliveries."""
    row, account = webhook_row(actor, webhook_id), find_visible(actor, webhook_id)[1]
    filters = requested_filters(("state",))
    listing = list_deliveries(actor, webhook_id, filters, requested_page()) if row["is_own"] else None
    answers_for_it = account.owner_account_id is not None and account.owner_account_id == actor.account_id
    return render_template(
        "webhooks/detail.html",
        webhook=row,
        conditions=conditions_text(row["conditions"]),
        may_delete=row["is_own"] or answers_for_it or can_manage(actor, account),
        deliveries=None if listing is None else listing.items,
        filters=filters,
        next_address=None if listing is None else next_address(listing.next),
        first_address=first_address(),
    )


@pages.page("/webhooks/<row_id:webhook_id>/edit", needs=Permission.OWN_ACCOUNT_MANAGE, methods=BOTH)
def edit_webhook(actor: Actor, webhook_id: int) -> Answer:
    """Change a webhook."""
    row = _own_row(actor, webhook_id)

    def act(values: dict[str, Any]) -> Answer:
        with transaction():
            changes = service.change_webhook(actor, service.webhook_to_change(actor, webhook_id), values)
        flash_changes(changes)
        return redirect_to("webhook", webhook_id=webhook_id)

    present = {
        "url": row["url"],
        "events": " ".join(row["events"]),
        "conditions": conditions_text(row["conditions"]),
        "agency": row["agency"] or "",
    }
    page = _form(_("Change webhook"), _("Save"), _address(webhook_id), edits=True)
    return answer_form(page, act, present)


@pages.page("/webhooks/<row_id:webhook_id>/enabled", needs=Permission.OWN_ACCOUNT_MANAGE, methods=("POST",))
def enable_webhook(actor: Actor, webhook_id: int) -> Answer:
    """Enable or disable a webhook."""
    enabled = request.form.get("enabled") == "yes"
    with transaction():
        service.change_webhook(actor, service.webhook_to_change(actor, webhook_id), {"enabled": enabled})
    done = _("The webhook is enabled and continues where it stopped.") if enabled else _("The webhook is disabled.")
    flash_message(done)
    return redirect_to("webhook", webhook_id=webhook_id)


@pages.page("/webhooks/<row_id:webhook_id>/test", needs=Permission.OWN_ACCOUNT_MANAGE, methods=("POST",))
def try_webhook(actor: Actor, webhook_id: int) -> Answer:
    """Send a test message."""
    service.queue_test(actor, webhook_id)
    flash_message(_("The test message is on its way. Reload the page to see its result."))
    return redirect_to("webhook", webhook_id=webhook_id)


@pages.page("/webhooks/<row_id:webhook_id>/secret-rotation", needs=Permission.OWN_ACCOUNT_MANAGE, methods=BOTH)
def rotate_webhook_secret(actor: Actor, webhook_id: int) -> Answer:
    """Give a webhook another secret, after a confirmation page; it is displayed once."""
    row = _own_row(actor, webhook_id)
    if request.method == "GET":
        explanation = _("For 24 hours messages are signed with both secrets. Then the former one is no longer used.")
        return question_page(row["url"], _("Rotate secret"), explanation, _address(webhook_id))
    changed, secret = service.rotate_secret(actor, webhook_id)
    return _display_secret(webhook_id, changed.url, secret)


@pages.page("/webhooks/<row_id:webhook_id>/replay", needs=Permission.OWN_ACCOUNT_MANAGE, methods=BOTH)
def replay_webhook(actor: Actor, webhook_id: int) -> Answer:
    """Deliver again what changed since a day."""
    row = _own_row(actor, webhook_id)
    hint = _(
        "From the beginning of this day. Messages have the same ids as before, so that the receiver can skip them."
    )
    page = FormPage(
        _("Deliver again"),
        _("Deliver again"),
        _address(webhook_id),
        [form_field("since", "day", label=_("First day"), hint=hint)],
        REPLAY_BODY,
        subject=row["url"],
    )

    done = _("The events are delivered again.")
    return answer_form(page, lambda values: service.replay(actor, webhook_id, values["since"]), done=done)


@pages.page("/webhooks/<row_id:webhook_id>/deletion", needs=Permission.OWN_ACCOUNT_MANAGE, methods=BOTH)
def remove_webhook(actor: Actor, webhook_id: int) -> Answer:
    """Delete a webhook with its log, after a confirmation page."""
    if request.method == "GET":
        explanation = _("The receiver gets no more messages, and the log of deliveries is deleted.")
        return question_page(
            webhook_row(actor, webhook_id)["url"], _("Delete webhook"), explanation, _address(webhook_id)
        )
    service.delete_webhook(actor, webhook_id)
    flash_message(_("Webhook deleted."))
    return redirect_to("webhooks")


def _address(webhook_id: int) -> str:
    return url_for("web.webhook", webhook_id=webhook_id)


def _own_row(actor: Actor, webhook_id: int) -> dict[str, Any]:
    """Return the row of an own webhook. Raises WebhookNotFound and WebhookNotYours."""
    find_own(actor, webhook_id)
    return webhook_row(actor, webhook_id)


def _display_secret(webhook_id: int, url: str, secret: str) -> str:
    return render_template(
        "shown_once.html",
        whose=url,
        what=_("Secret of the webhook"),
        secret=secret,
        explanation=_("Copy the secret now: it is displayed only once and cannot be recovered."),
        hint=_("The receiver verifies with it that messages come from this service and are unchanged."),
        back=_address(webhook_id),
    )


def _form(title: str, submit: str, back: str, *, edits: bool = False) -> FormPage:
    events = [(code, f"{label} ({code})") for code, label in options("webhook_event") if code != TEST_EVENT]
    conditions = _(
        "Optional, one a line: an event, statuses before, “>” and statuses after. Of such an event only those that fit "
        "are sent. Example: case.changed: new > under_review, remediation"
    )
    agency = _("Optional. BIN: only what concerns this agency and those below it.")
    return FormPage(
        title,
        submit,
        back,
        [
            form_field("url", "text", label=_("Address of the receiver"), hint=_("It begins with https://.")),
            form_field("events", "checkboxes", label=_("Events"), hint=_("None ticked: all events."), choices=events),
            form_field("conditions", "area", label=_("Conditions on statuses"), hint=conditions),
            form_field("agency", "digits", hint=agency),
        ],
        WEBHOOK_PATCH if edits else WEBHOOK_BODY,
        edits=edits,
        check=lambda texts: service.url_problems(texts.get("url", "")),
    )
