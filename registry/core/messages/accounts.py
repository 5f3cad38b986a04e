"""Messages about accounts, passwords, tokens and sign-in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.core.translations import lazy_text

MESSAGES: Final[Mapping[str, str]] = {
    "account-changed": lazy_text("The account {name} has changed: its role is {role} now. Look at it again."),
    "account-name-taken": lazy_text("The account {taken} exists, and {name} looks the same. Choose another name."),
    "account-not-confirmed": lazy_text(
        "A second person, an administrator or a supervisor, has to confirm your account. Then you can sign in."
    ),
    "account-not-found": lazy_text("There is no such account."),
    "account-not-pending": lazy_text("The account {name} does not wait for a confirmation."),
    "accounts-need-a-person": lazy_text("Accounts and tokens are managed by people, not by a service account."),
    "confirmation-needs-another-person": lazy_text(
        "The person who changed the account {name} or issued a token for it cannot confirm it: another administrator "
        "or a supervisor must confirm it."
    ),
    "enter-current-password": lazy_text("Enter your current password."),
    "enter-new-password": lazy_text("Enter a new password."),
    "new-account-needs-role": lazy_text("There is no account {name}. A new service account needs a role."),
    "not-yourself": lazy_text("You cannot change your own account: another administrator must do it."),
    "old-password-wrong": lazy_text("The current password is wrong."),
    "password-length": lazy_text("A password has {shortest} to {longest} characters."),
    "password-like-name": lazy_text("The password is too much like the name. Choose another."),
    "password-must-change": lazy_text("Change your password first."),
    "password-not-accepted": lazy_text(
        "The name or the password is wrong. Check the keyboard’s language and type them again."
    ),
    "password-not-new": lazy_text("The new password must differ from the current one."),
    "people-make-their-own-tokens": lazy_text("{name} is a person: people create their own tokens."),
    "person-not-found": lazy_text("There is no such person."),
    "role-needs-agency": lazy_text("The role {role} needs an agency."),
    "role-not-allowed": lazy_text("The role {role} does not have the permission {permission}."),
    "role-takes-no-agency": lazy_text("The role {role} cannot have an agency."),
    "sign-in-busy": lazy_text("Too many people are signing in at this moment. Try again in a few seconds."),
    "token-not-accepted": lazy_text("The token is not accepted. Ask an administrator for a new one."),
    "token-not-found": lazy_text("There is no token with key id {key_id}."),
    "token-not-pending": lazy_text("The token {key_id} does not wait for a confirmation."),
    "token-wider-than-account": lazy_text("The role {role} is wider than the rights of the account {name}."),
    "too-many-attempts": lazy_text(
        "Too many attempts failed. Try again in {minutes} minutes, or ask the administrator for a new password."
    ),
    "account-disabled": lazy_text("Your account is disabled. Ask the administrator of the register."),
    "identity-name-not-usable": lazy_text(
        "Single sign-on did not send a name that the register can use. Ask its administrator."
    ),
    "identity-without-agency": lazy_text(
        "Your role acts for an agency, but the BIN that single sign-on sent ({agency}) is not registered. Ask"
        " the administrator of the register."
    ),
    "identity-without-role": lazy_text(
        "Single sign-on gives you no role in this register. Ask the administrator of the register."
    ),
    "provider-answer-invalid": lazy_text(
        "The answer of single sign-on could not be verified. Sign in again. If it happens again, tell the "
        "administrator."
    ),
    "provider-denied": lazy_text("Single sign-on did not let you in, or you cancelled. Sign in again."),
    "provider-unavailable": lazy_text("Single sign-on does not respond. Try again in a few minutes."),
    "sign-in-expired": lazy_text("This sign-in has expired or was already used. Start again."),
}
