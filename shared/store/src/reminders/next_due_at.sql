-- One entry of each index, reminders_due and reminders_retry.
SELECT LEAST(
    (SELECT min(trigger_time) FROM reminders WHERE status = 'pending'),
    (SELECT min(next_attempt_at) FROM reminders WHERE status = 'queued')
)
