-- no-transaction
-- relay-events: the sweep of events that are too old to be kept (EVENTS_RETENTION_DAYS). Built while others write.
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_by_age ON events (timestamp, seq) WHERE status = 'processed';
