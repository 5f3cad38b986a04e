-- What the service's role may do, when the schema belongs to another role. `registry db upgrade` and `registry restore`
-- run this as the owner after their work, in the same transaction; run again, it changes nothing. By hand:
--     psql -v service=registry_service -f migrations/grants.sql 'host=… dbname=registry user=registry_owner'

-- Nobody makes objects in the schema but its owner. (Before PostgreSQL 15 everybody could.)
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM :"service";
GRANT USAGE ON SCHEMA public TO :"service";

-- Records are read and written, tables are neither emptied nor altered.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM :"service";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :"service";
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO :"service";

-- The journal is added to and read. Its head moves on; there is one, and it stays.
REVOKE UPDATE, DELETE ON journal FROM :"service";
REVOKE INSERT, DELETE ON journal_head FROM :"service";

-- So it is with the change feed, whose old rows the service deletes.
REVOKE UPDATE ON changes FROM :"service";
REVOKE INSERT, DELETE ON change_head FROM :"service";
REVOKE INSERT, DELETE ON flag_writer FROM :"service";

-- What was written down stays as it was written: who changed what, who decided what, what was sent and received. A column
-- that must still change, such as the end of an order, is guarded by a trigger (registry/core/record_guards.py).
REVOKE UPDATE, DELETE ON agency_counts FROM :"service";
REVOKE UPDATE, DELETE ON journal_blocks FROM :"service";
REVOKE UPDATE, DELETE ON checkpoints FROM :"service";
GRANT UPDATE (cosignatures) ON checkpoints TO :"service";
REVOKE DELETE ON checkpoint_keys FROM :"service";
REVOKE UPDATE, DELETE ON case_documents FROM :"service";
REVOKE UPDATE, DELETE ON case_events FROM :"service";
REVOKE UPDATE, DELETE ON letters FROM :"service";
REVOKE UPDATE, DELETE ON confirmations FROM :"service";
REVOKE UPDATE, DELETE ON daily_counts FROM :"service";
REVOKE UPDATE, DELETE ON documents FROM :"service";
REVOKE UPDATE, DELETE ON exemption_documents FROM :"service";
REVOKE UPDATE, DELETE ON former_contracts FROM :"service";
REVOKE UPDATE, DELETE ON former_deployments FROM :"service";
REVOKE UPDATE, DELETE ON former_flags FROM :"service";
REVOKE UPDATE, DELETE ON former_matches FROM :"service";
REVOKE UPDATE, DELETE ON former_names FROM :"service";
REVOKE UPDATE, DELETE ON former_records FROM :"service";
REVOKE UPDATE, DELETE ON import_writes FROM :"service";
REVOKE UPDATE, DELETE ON installation FROM :"service";
GRANT UPDATE (key_fingerprint) ON installation TO :"service";
REVOKE UPDATE, DELETE ON inventories FROM :"service";
REVOKE UPDATE, DELETE ON policy_texts FROM :"service";
REVOKE UPDATE, DELETE ON proposed_inventories FROM :"service";
REVOKE UPDATE, DELETE ON revisions FROM :"service";
REVOKE UPDATE, DELETE ON signatures FROM :"service";
-- Encrypted anew after a change of the secret key.
GRANT UPDATE (cms) ON signatures TO :"service";
REVOKE UPDATE ON audit_changes FROM :"service";
REVOKE DELETE ON absences FROM :"service";
REVOKE DELETE ON agencies FROM :"service";
REVOKE DELETE ON appeals FROM :"service";
REVOKE DELETE ON approvals FROM :"service";
REVOKE DELETE ON audits FROM :"service";
REVOKE DELETE ON case_decisions FROM :"service";
REVOKE DELETE ON cases FROM :"service";
REVOKE DELETE ON external_confirmations FROM :"service";
REVOKE DELETE ON exemptions FROM :"service";
REVOKE DELETE ON flags FROM :"service";
REVOKE DELETE ON platform_deployments FROM :"service";
REVOKE DELETE ON procurement_contracts FROM :"service";
REVOKE DELETE ON procurement_matches FROM :"service";
REVOKE DELETE ON orders FROM :"service";
REVOKE DELETE ON people FROM :"service";
REVOKE DELETE ON accounts FROM :"service";
REVOKE DELETE ON platform_products FROM :"service";
REVOKE DELETE ON project_links FROM :"service";
REVOKE DELETE ON projects FROM :"service";
REVOKE DELETE ON requests FROM :"service";
REVOKE DELETE ON tokens FROM :"service";

-- The state of the schema is the owner's.
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM :"service";
