-- no-transaction
-- GET /api/updates: a user's events since a snapshot, in an order that does not change. Built while others write.
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_feed ON events (user_id, transaction_id, seq)
    WHERE topic_name = 'task-events' OR event_type = 'settings.updated';
