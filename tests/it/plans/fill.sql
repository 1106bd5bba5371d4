-- Rows of a size at which a wrong plan shows: 100,000 tasks, reminders, events and entries of some 1,500 users, of whom one has a quarter
-- of all and most have very few. The same ones each time, all of them looked at by ANALYZE, so that the same plans come out.
SET default_statistics_target = 1000;
-- What is not on disk yet is not known to be visible for good, and plans differ by that.
SET synchronous_commit = on;

DO $$
DECLARE
    name text;
BEGIN
    -- What it did would come at any time.
    FOR name IN SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace LOOP
        EXECUTE format('ALTER TABLE %I SET (autovacuum_enabled = false)', name);
    END LOOP;
END
$$;

CREATE TEMPORARY TABLE made AS
SELECT n,
       'user-' || CASE WHEN n % 5 = 0 THEN 1 ELSE floor(power(2000, n * 7919 % 100000 / 100000.0))::integer END AS user_id,
       ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid AS id,
       timestamptz '2026-06-01T06:00:00Z' - (100000 - n) * interval '1 minute' AS at
FROM generate_series(1, 100000) AS n;
ANALYZE made;

INSERT INTO users (user_id, time_zone, locale, reminder_time, version, created_at, updated_at)
SELECT 'user-' || n, 'UTC', 'en-US', '09:00', 1, '2026-01-01', '2026-01-01'
FROM generate_series(1, 20000) AS n;

INSERT INTO tasks (user_id, id, title, due_local, due_at, all_day, priority, tags, status, created_at, updated_at, version, series_id,
                   series_start, series_slot, series_number, follows)
SELECT user_id, id, 'task ' || n,
       CASE WHEN n % 3 > 0 THEN timestamp '2026-06-01' + n * interval '1 minute' END,
       CASE WHEN n % 3 > 0 THEN timestamptz '2026-06-01' + n * interval '1 minute' END,
       false, n % 3 + 1, '{}', CASE WHEN n % 10 < 6 THEN 'active' WHEN n % 10 < 9 THEN 'completed' ELSE 'deleted' END, at, at, 1,
       CASE WHEN n % 20 = 0 THEN ('01900000-0000-7000-8000-' || lpad(to_hex(n - n % 400), 12, '0'))::uuid END,
       CASE WHEN n % 20 = 0 THEN timestamp '2026-01-01' END,
       CASE WHEN n % 20 = 0 THEN timestamp '2026-01-01' END,
       CASE WHEN n % 20 = 0 THEN n % 400 / 20 END,
       CASE WHEN n % 20 = 0 AND n % 400 > 0 THEN ('01900000-0000-7000-8000-' || lpad(to_hex(n - 20), 12, '0'))::uuid END
FROM made
ORDER BY n;

-- Two in a hundred are due now or were announced, one in a thousand is a digest with its members.
INSERT INTO reminders (user_id, id, task_id, trigger_time, status, delivery_method, next_attempt_at, digest_id)
SELECT user_id, id, CASE WHEN n % 1000 > 0 THEN id END, at + interval '1 hour',
       CASE WHEN n > 98000 OR n % 1000 = 0 THEN 'pending' WHEN n > 97000 THEN 'queued' WHEN n % 10 < 8 THEN 'sent' ELSE 'cancelled' END,
       'email',
       CASE WHEN n > 97000 AND n <= 98000 THEN at END,
       CASE WHEN n % 1000 IN (1, 2) THEN ('01900000-0000-7000-8000-' || lpad(to_hex(n - n % 1000), 12, '0'))::uuid END
FROM made
ORDER BY n;

INSERT INTO reminder_attempts (user_id, reminder_id, attempt, attempted_at, outcome)
SELECT user_id, id, attempt, at, 'sent'
FROM made
CROSS JOIN generate_series(1, 2) AS attempt
WHERE n % 10 < 8
ORDER BY n, attempt;

-- Nearly all are published; of the others some wait for a retry, and a few are dead letters.
INSERT INTO events (user_id, event_id, topic_name, event_type, key, subject, shard, payload, correlation_id, traceparent, source_service,
                    timestamp, status, next_attempt_at)
SELECT user_id, id, CASE WHEN n % 10 < 7 THEN 'task-events' WHEN n % 10 < 9 THEN 'reminders' ELSE 'audit-events' END,
       CASE WHEN n % 10 < 7 THEN 'task.updated' WHEN n % 10 < 9 THEN 'reminder.due' ELSE 'settings.updated' END,
       'key-' || n / 10, 'subject', n % 64, '{"task": {"version": 1}, "actor": {"type": "user"}}', 'c', '', 'update-task', at,
       CASE WHEN n > 99000 THEN 'pending' WHEN n % 1000 = 1 THEN 'retrying' WHEN n % 2000 = 2 THEN 'failed' ELSE 'processed' END,
       CASE WHEN n <= 99000 AND n % 1000 = 1 THEN at END
FROM made
ORDER BY n;

INSERT INTO audit_logs (user_id, seq, event_id, entity_type, entity_id, action, actor_type, actor_id, timestamp, correlation_id,
                        previous_hash, hash)
SELECT user_id, row_number() OVER (PARTITION BY user_id ORDER BY n), id, 'task', 'key-' || n / 10, 'task.updated', 'user', user_id, at, 'c',
       '', ''
FROM made
WHERE n <= 99000
ORDER BY n;
INSERT INTO audit_heads (user_id, seq, hash)
SELECT 'user-' || n, n, ''
FROM generate_series(1, 20000) AS n;

INSERT INTO idempotency_keys (user_id, route, key, fingerprint, status, headers, body, created_at)
SELECT user_id, 'POST /api/tasks', 'key-' || n, '', 200, '{}', '', at
FROM made
WHERE n % 2 = 1
ORDER BY n;

INSERT INTO conversations (user_id, conversation_id, dapr_state_key, state, created_at, last_message_at)
SELECT user_id, 'c-' || n, 'k', '{}', at, at
FROM made
WHERE n % 3 = 0
ORDER BY n;
INSERT INTO messages (user_id, conversation_id, id, role, content, created_at)
SELECT user_id, 'c-' || n, ('01900000-0000-7000-8000-' || lpad(to_hex(n * 10 + part), 12, '0'))::uuid, 'user', 'what was said', at
FROM made
CROSS JOIN generate_series(1, 3) AS part
WHERE n % 3 = 0
ORDER BY n, part;

INSERT INTO undone_events (user_id, event_id, undone_by, is_redo, undone_at)
SELECT user_id, id, ('01900000-0000-7000-8000-' || lpad(to_hex(n + 1), 12, '0'))::uuid, false, at
FROM made
WHERE n % 3 = 1
ORDER BY n;
INSERT INTO link_uses (user_id, link_id, used_at)
SELECT user_id, id, at
FROM made
WHERE n % 3 = 2
ORDER BY n;

INSERT INTO accounts (email_key, user_id, password_hash, created_at, password_changed_at)
SELECT n || '@example.org', 'user-' || n, 'h', '2026-01-01', '2026-01-01'
FROM generate_series(1, 20000) AS n;
INSERT INTO sessions (user_id, session_id, token_hash, rotated_at, created_at, expires_at)
SELECT 'user-' || n % 20000 + 1, ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, '', '2026-05-01', '2026-05-01',
       timestamptz '2026-06-01' + n * interval '1 minute'
FROM generate_series(1, 30000) AS n;
INSERT INTO sign_in_attempts (subject, failures, tried_at, waits_until)
SELECT decode(md5(n::text), 'hex'), 1, timestamptz '2026-05-31' + n * interval '1 second', '2026-06-01'
FROM generate_series(1, 30000) AS n;
INSERT INTO model_calls (user_id, day, calls)
SELECT 'user-' || n, '2026-06-01', 1
FROM generate_series(1, 20000) AS n;
INSERT INTO swept_feeds (user_id, transaction_id)
SELECT 'user-' || n, '3'
FROM generate_series(1, 20000) AS n;
INSERT INTO erasures (user_hash, erased_at)
SELECT decode(md5(n::text), 'hex'), '2026-06-01'
FROM generate_series(1, 20000) AS n;
