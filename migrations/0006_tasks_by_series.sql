-- no-transaction
-- update, delete with scope=following or scope=all: the tasks of a series. Built while others write.
CREATE INDEX CONCURRENTLY IF NOT EXISTS tasks_by_series ON tasks (user_id, series_id, series_number) WHERE series_id IS NOT NULL;
