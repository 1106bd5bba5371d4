-- no-transaction
-- GET /api/tasks/{id}/history: what a task's events say that are not in the audit log yet. Built while others write.
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_by_task ON events (user_id, key) WHERE topic_name = 'task-events';
