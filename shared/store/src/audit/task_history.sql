-- What happened to a task ($1: the user; $2: the task), each change once and in the order of the events, wherever an event is on its
-- way: in the outbox, on the bus, parked or in the audit log. Read from the indexes events_by_task and audit_logs_by_entity. Of old
-- events the audit log alone may be left (sweep.sql); up to the last of those the order is that of time, since an event among them that is
-- parked is kept.
SELECT event_id AS "event_id!", COALESCE(a.action, e.event_type) AS "action!",
       COALESCE(a.timestamp, e.timestamp) AS "timestamp!", COALESCE(a.correlation_id, e.correlation_id) AS "correlation_id!",
       a.actor_type AS "actor_type?", a.actor_id AS "actor_id?", a.old_values AS "old_values?", a.new_values AS "new_values?",
       CASE WHEN a.event_id IS NULL THEN e.payload END AS "payload?"
FROM (
    SELECT seq, event_id, event_type, timestamp, correlation_id, payload
    FROM events
    WHERE user_id = $1 AND key = $2 AND topic_name = 'task-events'
) AS e
FULL JOIN (
    SELECT seq, event_id, action, timestamp, correlation_id, actor_type, actor_id, old_values, new_values
    FROM audit_logs
    WHERE user_id = $1 AND entity_type = 'task' AND entity_id = $2
) AS a USING (event_id)
ORDER BY CASE
             WHEN COALESCE(a.timestamp, e.timestamp) <= max(a.timestamp) FILTER (WHERE e.seq IS NULL) OVER ()
             THEN COALESCE(a.timestamp, e.timestamp)
         END NULLS LAST,
         e.seq NULLS FIRST, a.seq
