-- no-transaction
-- send-reminder: what a digest tells of. Built while others write.
CREATE INDEX CONCURRENTLY IF NOT EXISTS reminders_by_digest ON reminders (user_id, digest_id) WHERE digest_id IS NOT NULL;
