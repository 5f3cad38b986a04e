"""Messages of commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.core.translations import lazy_text

MESSAGES: Final[Mapping[str, str]] = {
    "cli-address-not-usable": lazy_text(
        "Cannot listen on {host}:{port}: {reason}. Choose another REGISTRY_HOST or REGISTRY_PORT."
    ),
    "cli-another-database": lazy_text("it does not hold the tables of this registry"),
    "cli-another-schema": lazy_text("the database has the schema of another version."),
    "cli-argument-not-text": lazy_text("One of the arguments is not text: it has bytes that are not UTF-8."),
    "cli-audit-held": lazy_text(
        "Audit {id} is held: it would change too many projects at once. Nothing was changed. See why: registry audits "
        "show {id}. If it is right, confirm it: registry audits run --confirm-held --reason REASON. If a mistake is "
        "behind it: registry audits reject {id} --reason REASON."
    ),
    "cli-audit-differs": lazy_text("Audit {id} differs from what was recorded."),
    "cli-audit-matches": lazy_text("Audit {id} matches what was recorded."),
    "cli-audit-voided": lazy_text(
        "Audit {id} is voided. The next audit checks every project again. To run one now: registry audits run."
    ),
    "cli-backup-deleted": lazy_text("Deleted the older backup {path}."),
    "cli-backup-done": lazy_text("Backup written to {path}. The line above is the digest of its contents."),
    "cli-backup-not-journalled": lazy_text("The backup is complete. The journal has no entry of it: {reason}"),
    "cli-backup-of-another": lazy_text(
        "The backup is not one of this registry: its last entry of the journal is not in the present journal."
    ),
    "cli-backup-onto-itself": lazy_text("{path} is the database itself. Name another file for the copy."),
    "cli-bad-cell": lazy_text("row {row}, column {column}, {code}: {message}"),
    "cli-bad-value": lazy_text('row {row}, column {column}, {code}: {message} In the file: "{value}".'),
    "cli-bad-row": lazy_text("row {row}, {code}: {message}"),
    "cli-bad-rows-more": lazy_text("… and more errors: {count}. All of them with --json."),
    "cli-calendar-invalid": lazy_text("The calendar file is invalid:"),
    "cli-sign-in-file-invalid": lazy_text("The sign-in file is invalid:"),
    "cli-clause": lazy_text("Clause"),
    "cli-confirm-needs-reason": lazy_text(
        "--confirm-held needs --reason: what was checked, and what it showed. --reason goes with nothing else."
    ),
    "cli-confirm-not-dry": lazy_text("--confirm-held and --dry-run do not go together: a dry run confirms nothing."),
    "cli-database-busy": lazy_text(
        "Another process has held the database for {seconds} seconds. Stop the service and try again."
    ),
    "cli-database-damaged": lazy_text(
        "The database file is damaged: {reason}. Stop the service and restore the last backup: registry restore "
        "--replace FILE."
    ),
    "cli-database-in-use": lazy_text(
        "Other sessions use the database: {sessions}. Stop the service first, web and scheduler. Add --force only in "
        "an emergency: the latest records are then lost, although they were shown as saved."
    ),
    "cli-database-unusable": lazy_text(
        "The database cannot be used: {reason}. Check REGISTRY_DATABASE_URL and the space on the disk."
    ),
    "cli-demo-done": lazy_text(
        "Demo data loaded: {agencies} agencies, {projects} projects, {cases} cases. Last audit: {on}, projects "
        "flagged: {flagged}."
    ),
    "cli-demo-telling": lazy_text("Five weeks of history"),
    "cli-demo-there": lazy_text("The demo data is already loaded; nothing was changed."),
    "cli-keep-without-file": lazy_text("--keep deletes backups in REGISTRY_BACKUP_DIR. Leave FILE out."),
    "cli-no-backup-folder": lazy_text("Name a file, or set REGISTRY_BACKUP_DIR."),
    "cli-no-backup-there": lazy_text("There is no backup in {path}."),
    "cli-file-not-writable": lazy_text("A file cannot be written or read: {reason}."),
    "cli-file-there": lazy_text("The file {path} already exists. Name another one, or add --force."),
    "cli-answer-wrong": lazy_text("--answer is written ROW=same or ROW=new, not {text}."),
    "cli-column-wrong": lazy_text("--column is written HEADER=FIELD, not {text}."),
    "cli-filter-twice": lazy_text("The filter {name} is given twice. Write several values with commas."),
    "cli-filter-wrong": lazy_text("“{text}” is not a filter: expected name=value, such as stage=pilot."),
    "cli-head-wrong": lazy_text(
        "“{value}” is not a head of the journal: expected SEQ:HASH, as “registry journal head” prints it."
    ),
    "cli-import-checked": lazy_text("Only checked: nothing was written."),
    "cli-import-done": lazy_text("The import is done."),
    "cli-import-failed": lazy_text("The import failed: {reason}"),
    "cli-downgrade-loses": lazy_text("What only newer tables and columns hold is lost. Take a backup, then add --yes."),
    "cli-drill-done": lazy_text("The backup can be restored: {seconds} seconds, with the check of its journal."),
    "cli-drill-not-journalled": lazy_text("The journal has no entry of the drill: {reason}"),
    "cli-drill-needs-right": lazy_text(
        "The role cannot create the temporary database. As a superuser: ALTER ROLE {role} CREATEDB."
    ),
    "cli-importing": lazy_text("Importing"),
    "cli-init-done": lazy_text(
        "The configuration is in place. Next:\n"
        "  1. Check {settings} and load it:  set -a; . {settings}; set +a\n"
        "  2. Create the database:  registry db upgrade\n"
        "  3. Add the first administrator (the password is displayed once):  registry users add --name administrator "
        "--role administrator\n"
        "  4. Start the service:  registry serve"
    ),
    "cli-init-files-exist": lazy_text("Nothing was written, because these files exist:"),
    "cli-init-path": lazy_text(
        "{path}: the path of the folder may contain only letters, digits and / . , + @ : ~ _ -."
    ),
    "cli-inventory-applied": lazy_text("The platform inventory is applied."),
    "cli-inventory-proposed": lazy_text(
        "Nothing is applied yet: the inventory waits for a second person as approval {id}."
    ),
    "cli-inventory-checked": lazy_text("Only checked: nothing was written. Leave out --dry-run to apply it."),
    "cli-inventory-checked-for-approval": lazy_text(
        "Only checked: nothing was written. Leave out --dry-run and add --reason to propose it: it then waits for a "
        "second person."
    ),
    "cli-journal-broken": lazy_text("The journal is broken: {fault}"),
    "cli-journal-whole": lazy_text("The journal is intact: entries {entries}, head {head}."),
    "cli-lifetime-wrong": lazy_text(
        "“{value}” is not a lifetime: expected a whole number and s, m, h or d, such as 90d, at most 36500d."
    ),
    "cli-mail-server-unusable": lazy_text(
        "The mail server could not be used: {reason}. Waiting mails are sent at the next delivery run."
    ),
    "cli-aitu-unusable": lazy_text(
        "The bot API of Aitu could not be used: {reason}. Waiting messages are sent at the next delivery run."
    ),
    "cli-more-changes": lazy_text("{count} more changes; all of them: registry audits show {id}"),
    "cli-no-database": lazy_text("There is no database {path}. Check REGISTRY_DATA_DIR or REGISTRY_DATABASE_URL."),
    "cli-no-mail": lazy_text("REGISTRY_SMTP_URL is not set: notifications are discarded."),
    "cli-no-such-folder": lazy_text("There is no folder {path}. Create it first."),
    "cli-not-a-backup": lazy_text("{path} is not a backup of a registry, or is damaged: {reason}."),
    "cli-observed": lazy_text("Your values"),
    "cli-outcome-clear": lazy_text("clear"),
    "cli-outcome-exempt": lazy_text("exempt"),
    "cli-outcome-flagged": lazy_text("flagged"),
    "cli-outcome-out-of-scope": lazy_text("out of scope"),
    "cli-outcome-to-migrate": lazy_text("to migrate"),
    "cli-policy-activated": lazy_text("Version {version} of the policy is in force from {on}."),
    "cli-policy-only-dry": lazy_text("--policy goes with --dry-run only: another policy changes nothing."),
    "cli-policy-wrong": lazy_text("The policy file cannot be used:"),
    "cli-records-there": lazy_text(
        "The present database has records, and restoring would erase them. Back them up first (registry backup), then "
        "add --replace (in an emergency, while the service runs: --force)."
    ),
    "cli-remedy": lazy_text("What to do"),
    "cli-required": lazy_text("What is required"),
    "cli-restored": lazy_text(
        "Restored from {path}; the journal is intact. The line above is the digest of the contents."
    ),
    "cli-restored-broken-journal": lazy_text("Restored, but the journal is broken: {fault}"),
    "cli-restored-old-schema": lazy_text(
        "The backup is of another version. Before starting the service run: registry db upgrade."
    ),
    "cli-scheduling": lazy_text("The scheduler runs. Stop it with Ctrl-C or SIGTERM."),
    "cli-revision-unknown": lazy_text("There is no revision {revision} of the schema."),
    "cli-schema-downgraded": lazy_text("The schema is taken back to {revision}. Install the release that needs it."),
    "cli-schema-not-current": lazy_text(
        "The database's schema is not the one that this version needs. Run: registry db upgrade."
    ),
    "cli-schema-unknown": lazy_text(
        "This version does not know revision {revision} of the database's schema; nothing was changed. Upgrade a "
        "database of release 0.1 with release 0.2 first. A database of a later release needs that release."
    ),
    "cli-schema-upgraded": lazy_text("The database's schema is upgraded."),
    "cli-schema-was-current": lazy_text("The database's schema is current already; nothing was changed."),
    "cli-service-role-missing": lazy_text(
        "The database's server has no role {role}; nothing was changed. Create the role and try again "
        "(docs/operations.md)."
    ),
    "cli-serving": lazy_text("The registry serves at {address}. Stop it with Ctrl-C or SIGTERM."),
    "cli-sessions-not-ended": lazy_text(
        "The other sessions of the database may not be ended: {reason}. Stop the service, or give the role the right: "
        "GRANT pg_signal_backend TO role."
    ),
    "cli-settings-wrong": lazy_text("The settings are wrong, so nothing was started:"),
    "cli-stopped": lazy_text("Stopped."),
    "cli-stopping": lazy_text("Stopping after the current work."),
    "cli-token-confirmed": lazy_text("The token {key_id} is confirmed."),
    "cli-token-issued": lazy_text("Token for {name} ({role}), key id {key_id}. It is displayed only once."),
    "cli-token-pending": lazy_text("The token {key_id} waits until another person confirms it on Accounts to confirm."),
    "cli-token-needs-agency": lazy_text("The role {role} needs an agency: --agency BIN."),
    "cli-token-refused": lazy_text("No token was issued:"),
    "cli-token-revoked": lazy_text("The token {key_id} is revoked."),
    "cli-tool-failed": lazy_text(
        "{tool} failed: {reason}. Its version must not be below the server's ({version}); Debian's package: "
        "postgresql-client-{version}."
    ),
    "cli-tool-missing": lazy_text(
        "The program {tool} is not installed. Install PostgreSQL's client; Debian's package: postgresql-client."
    ),
    "cli-unexpected": lazy_text(
        "An unexpected error ({error}); no incomplete change was saved. The details are in commands.log in the data "
        "folder."
    ),
    "cli-people-added": lazy_text("People added: {count}, rows with errors: {refused}."),
    "cli-people-unchanged": lazy_text("Already added, unchanged: {count}."),
    "cli-people-checked": lazy_text("Dry run. People to add: {count}, rows with errors: {refused}."),
    "cli-user-added": lazy_text("{name} may now sign in as {role}."),
    "cli-nothing-to-set": lazy_text("Choose what to change."),
    "cli-user-changed": lazy_text("The account {name} is changed."),
    "cli-user-handed-over": lazy_text("The work of {name} is handed over to {receiver}."),
    "cli-user-not-changed": lazy_text("The account was not changed:"),
    "cli-user-confirmed": lazy_text("The account {name} is confirmed as {role}."),
    "cli-user-disabled": lazy_text("The account {name} is disabled: its password, sessions and tokens no longer work."),
    "cli-user-enabled": lazy_text("The account {name} is enabled. Earlier tokens stay revoked."),
    "cli-user-password": lazy_text("Password"),
    "cli-user-pending": lazy_text(
        "The account {name} ({role}) has no access until another person confirms it on Accounts to confirm."
    ),
    "cli-user-refused": lazy_text("The person was not added:"),
    "cli-verdict": lazy_text("On {on}: {outcome} (policy {policy})"),
    "cli-xlsx-to-terminal": lazy_text(
        "XLSX cannot be written to a terminal. Write it to a file: … --format xlsx > projects.xlsx."
    ),
    "cli-journal-explained": lazy_text(
        "The time of entry {seq} is explained. To see that nothing else is wrong: registry journal verify."
    ),
    "cli-nothing-to-explain": lazy_text(
        "Entry {seq} is not dated before the one before it. Only such a time can be explained."
    ),
    "cli-restored-access": lazy_text(
        "All sessions have ended. Tokens that wait for a confirmation: {tokens}. Webhooks to be enabled again: "
        "{webhooks}."
    ),
    "cli-restored-disabled": lazy_text("Disabled since the backup was taken, and still disabled: {names}."),
    "cli-restored-unknown": lazy_text(
        "The replaced journal could not be read. Accounts that were disabled since the backup was taken are active "
        "again: disable them."
    ),
    "journal-clock-not-yours": lazy_text(
        "The demo tells a year that is over, and the database takes no entries of the past into the journal. Only the "
        "owner of the tables can allow it: set REGISTRY_DATABASE_OWNER_URL for this command."
    ),
    "cli-tokens-rekeyed": lazy_text(
        "Tokens that go on under the present key: {rekeyed}. Tokens that neither key has signed, and that stay invalid:"
        " {foreign}."
    ),
    "demo-too-early": lazy_text(
        "The demo covers five weeks under the freeze, so it can be loaded from {earliest} on. By the clock of this "
        "machine, today is {today}."
    ),
    "registry-in-use": lazy_text(
        "This registry has records of its own, and demo data does not mix with them. Name a folder of its own with "
        "REGISTRY_DATA_DIR."
    ),
    "cli-connection-is-pooled": lazy_text(
        "The database's address leads to PgBouncer or another pooler. This command needs the address of the server "
        "itself; nothing was changed (docs/operations.md)."
    ),
    "cli-schema-upgrade-running": lazy_text(
        "Another process is still upgrading the database's schema. Try again later."
    ),
}
