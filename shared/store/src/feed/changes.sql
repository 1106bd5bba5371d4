-- What a user ($1) has not seen whose snapshot is $2: in one row each, and the epoch and the snapshot of this statement in each row, also in
-- the one that there is without any. Of the transactions from $3 to $4, after event $6 of transaction $5; the first $7. Read from the index events_feed, from
-- the oldest transaction on that was not over when the user looked last; those that were are left out by the filter. Each row says also whether a
-- change may be gone that the user has not seen: the newest one that is gone came after the snapshot $2, or something came before it that ran then.
SELECT feed_epoch() AS "epoch!", pg_current_snapshot()::text AS "now!", new.transaction_id AS "transaction_id?", new.seq AS "seq?",
       new.event_type AS "event_type?", new.subject AS "subject?", new.version AS "version?",
       EXISTS (
           SELECT FROM swept_feeds s
           WHERE s.user_id = $1
             -- As below: of another server.
             AND s.transaction_id < pg_snapshot_xmax(pg_current_snapshot())
             -- What still runs has nothing that could be gone.
             AND (s.transaction_id >= pg_snapshot_xmax($2::text::pg_snapshot)
                  OR EXISTS (
                      SELECT FROM pg_snapshot_xip($2::text::pg_snapshot) AS unseen (id)
                      WHERE unseen.id <= s.transaction_id AND pg_visible_in_snapshot(unseen.id, pg_current_snapshot())
                  ))
       ) AS "is_swept!"
FROM (VALUES (true)) AS always
LEFT JOIN LATERAL (
    SELECT e.transaction_id::text AS transaction_id, e.seq, e.event_type, e.subject,
           (e.payload -> 'task' ->> 'version')::bigint AS version
    FROM events e
    WHERE e.user_id = $1
      AND e.transaction_id >= pg_snapshot_xmin($2::text::pg_snapshot)
      AND e.transaction_id BETWEEN $3::text::xid8 AND $4::text::xid8
      AND (e.transaction_id, e.seq) > ($5::text::xid8, $6::bigint)
      AND (e.topic_name = 'task-events' OR e.event_type = 'settings.updated')
      AND NOT pg_visible_in_snapshot(e.transaction_id, $2::text::pg_snapshot)
      -- What was restored from another server has numbers that say nothing here.
      AND pg_visible_in_snapshot(e.transaction_id, pg_current_snapshot())
    ORDER BY e.transaction_id, e.seq
    LIMIT $7
) AS new ON true
ORDER BY new.transaction_id::xid8, new.seq
