-- Removes events that were published and happened before $1, of the first 1,000 after the one of $2 and $3 (an instant and a number) those
-- that the audit log has: what is on its way, parked or not audited stays, however old it is. Says how many were looked at and removed, and
-- which was the last one looked at. By the index events_by_age, and then by the places of the rows: the planner would rather read all of
-- events than look a thousand of them up.
WITH old AS MATERIALIZED (
    SELECT ctid, user_id, event_id, timestamp, seq
    FROM events
    WHERE status = 'processed' AND timestamp < $1 AND (timestamp, seq) > ($2, $3)
    ORDER BY timestamp, seq
    LIMIT 1000
), gone AS (
    DELETE FROM events
    -- Looked at again in a row that somebody else changes just now.
    WHERE status = 'processed' AND ctid = ANY (ARRAY (
        SELECT ctid
        FROM old
        -- OFFSET 0 keeps PostgreSQL from making a join of it, for which it would read all of audit_logs.
        WHERE EXISTS (SELECT FROM audit_logs a WHERE a.user_id = old.user_id AND a.event_id = old.event_id OFFSET 0)
    ))
    RETURNING user_id, transaction_id, topic_name, event_type
), told AS (
    INSERT INTO swept_feeds (user_id, transaction_id)
    SELECT user_id, max(transaction_id)
    FROM gone
    -- What streams of updates tell of (changes.sql); who was erased has none.
    WHERE transaction_id IS NOT NULL AND NOT starts_with(user_id, 'erased:') AND (topic_name = 'task-events' OR event_type = 'settings.updated')
    GROUP BY user_id
    ORDER BY user_id
    ON CONFLICT (user_id) DO UPDATE SET transaction_id = GREATEST(swept_feeds.transaction_id, EXCLUDED.transaction_id)
)
SELECT (SELECT count(*) FROM old) AS "looked_at!", (SELECT count(*) FROM gone) AS "gone!", last.timestamp AS "timestamp?", last.seq AS "seq?"
FROM (VALUES (true)) AS always
LEFT JOIN (SELECT timestamp, seq FROM old ORDER BY timestamp DESC, seq DESC LIMIT 1) AS last ON true
