"""Stops of the tour: people, tokens and the own account."""

from __future__ import annotations

from collections.abc import Mapping

from registry.accounts.roles import Role
from tests.web.tour_stop import Stop


def stops_of_people(known: Mapping[str, object]) -> list[Stop]:
    """Pages of accounts, those of others and the own one."""
    return [
        Stop("people", Role.ADMINISTRATOR, "/people"),
        Stop("people-none", Role.ADMINISTRATOR, "/people?q=такогонет"),
        Stop("people-move", Role.ADMINISTRATOR, f"/people/agency?person={known['person']}"),
        Stop("people-move-error", Role.ADMINISTRATOR, f"/people/agency?person={known['person']}", {}),
        Stop("people-import", Role.ADMINISTRATOR, "/people/import"),
        Stop("people-import-error", Role.ADMINISTRATOR, "/people/import", {}),
        Stop("person", Role.ADMINISTRATOR, f"/people/{known['absent']}"),
        Stop("person-handover", Role.ADMINISTRATOR, f"/people/{known['person']}/handover"),
        Stop("person-handover-error", Role.ADMINISTRATOR, f"/people/{known['person']}/handover", {}),
        Stop("person-second-factor", Role.ADMINISTRATOR, f"/people/{known['person']}/second-factor"),
        Stop("absences", Role.SUPERVISOR, "/absences"),
        Stop("my-notifications", Role.LEADER, "/account/notifications"),
        Stop("absence-new", Role.ADMINISTRATOR, f"/absences/{known['account_of_absent']}/new"),
        Stop(
            "absence-new-error", Role.ADMINISTRATOR, f"/absences/{known['account_of_absent']}/new", {"first_day": "x"}
        ),
        Stop("invitation", None, f"/invitation?key={known['invitation']}"),
        Stop("invitation-error", None, f"/invitation?key={known['invitation']}", {"password": ""}),
        Stop("invitation-used", None, "/invitation?key=used"),
        Stop("person-new", Role.ADMINISTRATOR, "/people/new"),
        Stop("person-new-error", Role.ADMINISTRATOR, "/people/new", {"name": "a:b"}),
        Stop("person-edit", Role.ADMINISTRATOR, f"/people/{known['person']}/edit"),
        Stop("person-disable", Role.ADMINISTRATOR, f"/people/{known['person']}/disabled"),
        Stop("person-enable", Role.ADMINISTRATOR, f"/people/{known['person']}/enabled"),
        Stop("restricted-access", Role.ADMINISTRATOR, f"/people/accounts/{known['person_account']}/restricted-access"),
        Stop(
            "restricted-access-error",
            Role.ADMINISTRATOR,
            f"/people/accounts/{known['person_account']}/restricted-access",
            {"reason": ""},
        ),
        Stop("person-password", Role.ADMINISTRATOR, f"/people/{known['person']}/password"),
        Stop("tokens", Role.ADMINISTRATOR, "/tokens"),
        Stop("tokens-inactive", Role.ADMINISTRATOR, "/tokens?show=inactive"),
        Stop("service-account-owner", Role.ADMINISTRATOR, f"/tokens/accounts/{known['account']}/owner"),
        Stop("service-account-new", Role.ADMINISTRATOR, "/tokens/accounts/new"),
        Stop("service-account-new-error", Role.ADMINISTRATOR, "/tokens/accounts/new", {"name": ""}),
        Stop("service-account-disable", Role.ADMINISTRATOR, f"/tokens/accounts/{known['account']}/disabled"),
        Stop("service-account-enable", Role.ADMINISTRATOR, f"/tokens/accounts/{known['account']}/enabled"),
        Stop("token-new", Role.ADMINISTRATOR, f"/tokens/accounts/{known['account']}/token"),
        Stop("token-revoke", Role.ADMINISTRATOR, f"/tokens/{known['own_key']}/revocation"),
        Stop("pending-accounts", Role.ADMINISTRATOR, "/people/pending"),
        Stop("pending-accounts-supervisor", Role.SUPERVISOR, "/people/pending"),
        Stop("confirm-accounts", Role.SUPERVISOR, "/people/pending/confirmation?account=all"),
        Stop("my-account", Role.AGENCY_EDITOR, "/account"),
        Stop("my-account-none", Role.AGENCY_VIEWER, "/account"),
        Stop("own-password", Role.AGENCY_EDITOR, "/account/password"),
        Stop(
            "own-password-error",
            Role.AGENCY_EDITOR,
            "/account/password",
            {"old_password": "wrong", "new_password": "short"},
        ),
        Stop("own-aitu", Role.AGENCY_VIEWER, "/account/aitu"),
        Stop("own-aitu-linked", Role.AGENCY_EDITOR, "/account/aitu"),
        Stop("own-aitu-code", Role.AGENCY_VIEWER, "/account/aitu", {}),
        Stop("factor-new", Role.AGENCY_EDITOR, "/account/factors/new"),
        Stop("step-up", Role.AGENCY_EDITOR, "/sign-in/second-factor?unsaved=yes"),
        Stop("step-up-error", Role.AGENCY_EDITOR, "/sign-in/second-factor", {"password": ""}),
        Stop("step-up-done", Role.AGENCY_EDITOR, "/sign-in/second-factor/done"),
        Stop("own-token-new-error", Role.AGENCY_EDITOR, "/account/tokens/new", {"addresses": "nowhere"}),
        Stop("own-token-new", Role.AGENCY_EDITOR, "/account/tokens/new"),
        Stop("own-token-revoke", Role.AGENCY_EDITOR, f"/account/tokens/{known['own_key']}/revocation"),
        Stop("forbidden", Role.AGENCY_EDITOR, "/people"),
    ]
