"""Messages about accounts, passwords, tokens and sign-in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.core.translations import lazy_text

MESSAGES: Final[Mapping[str, str]] = {
    "absence-ends-before-it-begins": lazy_text("The last day must not be before the first day."),
    "absence-in-the-past": lazy_text("Enter a last day that is not in the past."),
    "absence-not-found": lazy_text("There is no such absence."),
    "absence-too-long": lazy_text("An absence has at most {days} days."),
    "absences-overlap": lazy_text("{name} has another absence in these days. End it first, or choose other days."),
    "account-changed": lazy_text("The account {name} has changed: its role is {role} now. Look at it again."),
    "account-name-taken": lazy_text(
        "The name {taken} is taken. Choose another one; for a namesake, add the patronymic."
    ),
    "account-name-unknown": lazy_text("There is no account {name}."),
    "account-not-confirmed": lazy_text(
        "A second person, an administrator or a supervisor, has to confirm your account. Then you can sign in."
    ),
    "account-not-found": lazy_text("There is no such account."),
    "account-not-invited": lazy_text("The account {name} does not wait for its person to choose a password."),
    "account-not-pending": lazy_text("The account {name} does not wait for a confirmation."),
    "account-not-yours": lazy_text(
        "You do not manage the account {name}: an agency administrator manages only the viewers and editors of the own "
        "agency and those below it."
    ),
    "mail-not-configured": lazy_text("The service has no mail server. The operator sets one in REGISTRY_SMTP_URL."),
    "no-own-address": lazy_text("Your account has no e-mail address. Another administrator adds it under People."),
    "accounts-need-a-person": lazy_text("Accounts and tokens are managed by people, not by a service account."),
    "address-range-invalid": lazy_text("{value} is neither an address nor a CIDR range. Example: 10.1.0.0/16."),
    "address-of-another-account": lazy_text(
        "The account {other} has the e-mail address of {name} too, and nobody may have two accounts when one of them "
        "is a reviewer, supervisor, auditor, operator, administrator or leader. Disable one of them, or correct the "
        "address."
    ),
    "confirmation-needs-another-person": lazy_text(
        "The person who changed the account {name} or issued a token for it cannot confirm it: another administrator "
        "or a supervisor must confirm it."
    ),
    "deputy-not-usable": lazy_text(
        "Choose a deputy with an active account and the same role in the same agency; for a reviewer also a supervisor."
    ),
    "deputy-of-deputy": lazy_text(
        "{name} is absent or a deputy in these days, and a deputy cannot have a deputy. Choose another person."
    ),
    "enter-code": lazy_text("Enter the code."),
    "enter-current-password": lazy_text("Enter your current password."),
    "enter-new-password": lazy_text("Enter a new password."),
    "invitation-not-found": lazy_text(
        "This invitation has expired or was already used. Ask the administrator of the register for another one."
    ),
    "address-ranges-expected": lazy_text("Enter a list of addresses and CIDR ranges. Example: 10.1.0.0/16."),
    "field-of-people": lazy_text("Only people have this field, not service accounts."),
    "field-of-services": lazy_text("Only service accounts have this field, not people."),
    "halves-need-two-people": lazy_text(
        "You confirmed the account {name} and have the second half of its password. Another administrator is shown the "
        "first half."
    ),
    "confirmation-needs-a-supervisor": lazy_text(
        "One of the two people who give {name} a role of oversight is a supervisor: a supervisor must confirm it."
    ),
    "last-supervisor": lazy_text(
        "{name} is the last active supervisor. Add another supervisor first and have the account confirmed, or change "
        "this one on the server with registry users."
    ),
    "last-administrator": lazy_text(
        "{name} is the last active administrator. Add another administrator first and have the account confirmed."
    ),
    "lifetime-wrong": lazy_text("{value} is not a lifetime. Enter a number with a unit: s, m, h or d. Example: 90d."),
    "lifetime-too-long": lazy_text("The lifetime must not be longer than {days} days."),
    "new-account-needs-role": lazy_text("There is no account {name}. A new service account needs a role."),
    "name-twice": lazy_text("Row {row} has the same name, or one that looks the same."),
    "no-first-half": lazy_text(
        "The first half of the password of {name} was already displayed, or the password has changed. Set a new one."
    ),
    "no-mail-server": lazy_text(
        "No invitation can be sent: there is no mail server, or the person has no e-mail address. Set a password."
    ),
    "not-yourself": lazy_text("You cannot change your own account: another administrator must do it."),
    "old-password-wrong": lazy_text("The current password is wrong."),
    "owner-not-usable": lazy_text("Choose a person with an active account as the owner."),
    "password-length": lazy_text("A password has {shortest} to {longest} characters."),
    "password-like-name": lazy_text("The password is too much like the name. Choose another."),
    "passwords-differ": lazy_text("The two passwords differ. Enter the same password twice."),
    "password-must-change": lazy_text("Change your password first."),
    "password-not-accepted": lazy_text(
        "The name or the password is wrong. Check the keyboard’s language and type them again."
    ),
    "password-not-new": lazy_text("The new password must differ from the current one."),
    "people-make-their-own-tokens": lazy_text("{name} is a person: people create their own tokens."),
    "person-not-found": lazy_text("There is no such person."),
    "proposer-lost-access": lazy_text(
        "{name}, who proposed this, has lost access or the role since. Another person must propose it."
    ),
    "receiver-cannot-register": lazy_text(
        "{name} cannot register projects of this agency, and so cannot take over the drafts."
    ),
    "receiver-not-usable": lazy_text("Choose another person with an active account."),
    "role-needs-agency": lazy_text("The role {role} needs an agency."),
    "rights-changed": lazy_text(
        "Your account was disabled or its role has changed meanwhile, so nothing was saved. Sign in again."
    ),
    "role-not-allowed": lazy_text("The role {role} does not have the permission {permission}."),
    "role-not-yours-to-give": lazy_text("You cannot give the role {role} in this agency."),
    "role-takes-no-agency": lazy_text("The role {role} cannot have an agency."),
    "scope-missing": lazy_text("Choose at least one scope."),
    "scope-not-granted": lazy_text("The token does not have the scope {scope}."),
    "scope-not-of-role": lazy_text("The scope {scope} grants nothing to the role {role}."),
    "scope-only-for-own-tokens": lazy_text(
        "A person gives the scope {scope} to an own token only, signed in to the pages."
    ),
    "sign-in-busy": lazy_text("Too many people are signing in at this moment. Try again in a few seconds."),
    "step-up-required": lazy_text(
        "This action requires a second factor that was verified in the last 15 minutes. Verify it and try again."
    ),
    "token-for-disabled-account": lazy_text("The account {name} is disabled. Enable it first, then create a token."),
    "token-not-accepted": lazy_text("The token is not accepted. Ask an administrator for a new one."),
    "token-not-found": lazy_text("There is no token with key id {key_id}."),
    "token-not-pending": lazy_text("The token {key_id} does not wait for a confirmation."),
    "token-wider-than-account": lazy_text("The role {role} is wider than the rights of the account {name}."),
    "token-wider-than-token": lazy_text(
        "A token that a token creates cannot be wider than it, in scopes, addresses and expiry."
    ),
    "too-many-address-ranges": lazy_text("There can be at most {limit} address ranges."),
    "too-many-people": lazy_text("A table has at most {limit} people."),
    "too-many-attempts": lazy_text(
        "Too many attempts failed. Try again in {minutes} minutes, or ask the administrator for a new password."
    ),
    "ceremony-expired": lazy_text("This step has expired or is already done. Start again."),
    "cli-user-factors-reset": lazy_text("{name}: the second factors are removed; sessions and tokens no longer work."),
    "code-already-used": lazy_text("This code has been used. Wait for the next code of the app and enter that one."),
    "code-not-accepted": lazy_text(
        "The code is wrong. Enter the 6 digits of the app; check that the phone’s clock is right."
    ),
    "factor-already-enrolled": lazy_text(
        "The second factor has already been added in another tab or on another device. There is nothing left to do."
    ),
    "factor-not-found": lazy_text("Your account has no such second factor."),
    "factor-unreadable": lazy_text(
        "The service’s secret key has changed, so the second factor cannot be verified. Ask an administrator "
        "to reset it."
    ),
    "last-factor-required": lazy_text(
        "Your role requires a second factor, and this is the last one. Add another one first."
    ),
    "no-passkey": lazy_text("Your account has no passkey. Choose another second factor."),
    "notice-account-aitu": lazy_text("An Aitu account was linked to your account. It gets notices of the register"),
    "notice-account-factor": lazy_text("A second factor was added to your account"),
    "notice-account-moved": lazy_text("Your account in the register now belongs to another agency. Sign in again"),
    "notice-account-new-device": lazy_text("Somebody signed in to your account on a new device"),
    "notice-account-password": lazy_text("The password of your account was changed"),
    "notice-account-token": lazy_text("A token was issued for your account"),
    "notice-number-account": lazy_text("{number}"),
    "passkey-copied": lazy_text(
        "The passkey was not accepted: it may have been copied. Use another second factor, and remove this passkey."
    ),
    "passkey-not-accepted": lazy_text("The passkey was not accepted. Try again, or choose another second factor."),
    "passkey-of-another-site": lazy_text("The passkey answered another site. Check the address in the browser."),
    "passkeys-unavailable": lazy_text(
        "Passkeys cannot be used here: the registry has no HTTPS address. Choose another second factor."
    ),
    "password-common": lazy_text("Many people use this password, so it is the first to be tried. Choose another."),
    "recovery-code-already-used": lazy_text("This recovery code has been used. Enter another one."),
    "recovery-code-not-accepted": lazy_text("The recovery code is wrong. Enter all 10 characters."),
    "session-ended": lazy_text("Your session has ended. Sign in again."),
    "session-not-found": lazy_text("Your account has no such open session."),
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
    "too-many-pending-accounts": lazy_text(
        "Too many accounts wait for a confirmation. Ask the administrator of the register."
    ),
    "sign-in-expired": lazy_text("This sign-in has expired or was already used. Start again."),
}
