"""The page of one's own link with the Aitu messenger: a code for the bot, the channels of notices, unlinking."""

from flask import current_app, render_template, request

from registry.accounts.attempts import TooManyAttempts
from registry.accounts.models import own_person
from registry.accounts.roles import Actor
from registry.core.errors import Invalid
from registry.core.fields import BaseSchema, Choice
from registry.notifications import aitu
from registry.notifications.models import ChannelChoice
from registry.web.blueprint import ANY_SIGNED_IN, BOTH, Answer, flash_message, pages, redirect_to
from registry.web.current_user import factor_session
from registry.web.errors import error_message
from registry.web.formats import gettext as _
from registry.web.forms import Form, form_field, problems_by_control, typed_values

FIELD = "notice_channels"


class ChannelsForm(BaseSchema):
    """The channels of a person's notices."""

    notice_channels = Choice(ChannelChoice, required=True)


@pages.page("/account/aitu", needs=ANY_SIGNED_IN, methods=BOTH)
def own_aitu(actor: Actor) -> Answer:
    """Display the link, and choose the channels of notices."""
    bot = _bot()
    link = aitu.own_link(actor)
    if request.method != "POST":
        return _page(actor, bot, Form({FIELD: "" if link is None else link.channels}))
    if link is None:
        raise aitu.AituNotLinked
    texts = typed_values([FIELD])
    values, problems = ChannelsForm().load_texts({FIELD: texts.get(FIELD, "")})
    if problems:
        named = problems_by_control(problems, [form_field(FIELD, "radios")])
        return _page(actor, bot, Form(texts, named)), Invalid(problems).status
    aitu.choose_channels(actor, ChannelChoice(values[FIELD]))
    flash_message(_("Changes saved."))
    return redirect_to("own_aitu")


@pages.page("/account/aitu/code", needs=ANY_SIGNED_IN, methods=("POST",))
def new_aitu_code(actor: Actor) -> Answer:
    """Create a code for the bot; it is displayed once."""
    bot = _bot()
    try:
        code = aitu.create_code(factor_session())
    except TooManyAttempts as error:
        flash_message(error_message(error), "error")
        return redirect_to("own_aitu")
    return _page(actor, bot, Form(), code)


@pages.page("/account/aitu/unlinking", needs=ANY_SIGNED_IN, methods=("POST",))
def unlink_own_aitu(actor: Actor) -> Answer:
    """Unlink the Aitu account, without a confirmation page."""
    try:
        aitu.unlink(actor)
    except aitu.AituNotLinked as error:
        flash_message(error_message(error), "information")
    else:
        flash_message(_("The Aitu account is unlinked. Notices go by e-mail."))
    return redirect_to("own_aitu")


def _bot() -> str:
    """Return the name of the bot. Raises AituNotConfigured."""
    name: str | None = current_app.config.get(aitu.AITU_BOT_NAME)
    if name is None:
        raise aitu.AituNotConfigured
    return name


def _page(actor: Actor, bot: str, form: Form, code: str | None = None) -> str:
    person = own_person(actor)
    return render_template(
        "notifications/aitu.html",
        form=form,
        bot=bot,
        link=aitu.own_link(actor),
        code=code,
        minutes=int(aitu.CODE_VALID_FOR.total_seconds() // 60),
        has_email=person is not None and person.email is not None,
    )
