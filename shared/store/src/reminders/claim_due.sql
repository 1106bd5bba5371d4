-- What is due ($1: now; $2: at most so many of each kind; $3: what is older goes into a digest), read from the indexes
-- reminders_due and reminders_retry.
WITH due AS (
    SELECT user_id, id, task_id, trigger_time, status, delivery_method, destination, retry_count, last_retry_at,
           next_attempt_at, sent_at, delivered_to
    FROM reminders
    WHERE status = 'pending' AND trigger_time <= $1 AND trigger_time >= $3
    ORDER BY trigger_time
    LIMIT $2
    FOR UPDATE SKIP LOCKED
), again AS (
    SELECT user_id, id, task_id, trigger_time, status, delivery_method, destination, retry_count, last_retry_at,
           next_attempt_at, sent_at, delivered_to
    FROM reminders
    WHERE status = 'queued' AND next_attempt_at <= $1
    ORDER BY next_attempt_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
SELECT user_id AS "user_id!", id AS "id!", task_id, trigger_time AS "trigger_time!", status AS "status!",
       delivery_method AS "delivery_method!", destination, retry_count AS "retry_count!", last_retry_at,
       next_attempt_at, sent_at, delivered_to AS "delivered_to!"
FROM (SELECT * FROM due UNION ALL SELECT * FROM again) AS claimed
