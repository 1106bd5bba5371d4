-- Whose rows a statement is about. Its parameter of this type sets what the policies of row-level security compare with, before the
-- statement runs and until its transaction ends (shared/store/src/row_security.rs). No column has this type. The policies come with
-- the roles (`backend migrate --roles`).
CREATE DOMAIN kaam_user_id AS text
    CONSTRAINT kaam_user_id_is_set CHECK (set_config('kaam.user_id', VALUE, true) IS NOT NULL);

-- erase-user: what an entry of the audit log says can be taken away, and the chain still verifies. In version 2 the chain is over
-- content_hash, which is over the content and the salt; without the salt it tells nothing about what was there. What the previous
-- version still appends is of version 1, and verifies as before.
ALTER TABLE audit_logs ADD COLUMN hash_version smallint NOT NULL DEFAULT 1;
ALTER TABLE audit_logs ADD COLUMN salt bytea;
ALTER TABLE audit_logs ADD COLUMN content_hash bytea;
ALTER TABLE audit_logs ADD COLUMN is_erased boolean NOT NULL DEFAULT false;

-- write-audit: events of erased users that come late, from the bus or out of the dead letters, are not written down. SHA-256 of the
-- user's id; kept for good, since a dead letter can be sent again at any time.
CREATE TABLE erasures (
    user_hash bytea PRIMARY KEY,
    erased_at timestamptz NOT NULL
);
