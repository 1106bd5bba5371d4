-- trim-audit, verify-audit: where each user's chain begins whose older entries went away: after this one. None did: 0 and nothing. In the row
-- of the chain's end, which an erasure gives a pseudonym; the previous version adds and changes rows without them.
ALTER TABLE audit_heads ADD COLUMN start_seq bigint NOT NULL DEFAULT 0;
ALTER TABLE audit_heads ADD COLUMN start_hash bytea NOT NULL DEFAULT '';
