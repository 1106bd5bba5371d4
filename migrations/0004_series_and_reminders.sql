-- Occurrences that differ from their series, snoozed tasks, digests of missed reminders, undo, links in mails.

-- complete, skip, update: what the series has where this occurrence differs from it; NULL: it does not.
ALTER TABLE tasks ADD COLUMN series_template jsonb;
-- spawn-recurrence: deleted as one of a series that goes on.
ALTER TABLE tasks ADD COLUMN skipped boolean NOT NULL DEFAULT false;
-- The reminder that a snooze asked for; neither the due time nor the rule knows of it.
ALTER TABLE tasks ADD COLUMN snoozed_until timestamptz;

-- A digest of missed reminders is a reminder itself, of no one task; what it tells of names it.
ALTER TABLE reminders ALTER COLUMN task_id DROP NOT NULL;
ALTER TABLE reminders ADD COLUMN digest_id uuid;
-- send-reminder: the push endpoints that have it already, while others are tried again.
ALTER TABLE reminders ADD COLUMN delivered_to text[] NOT NULL DEFAULT '{}';

-- undo: what was there before and the payload does not tell.
ALTER TABLE events ADD COLUMN before jsonb;

-- undo: each event is undone at most once, however many ask at the same time.
CREATE TABLE undone_events (
    user_id   text NOT NULL,
    event_id  uuid NOT NULL,
    undone_by uuid NOT NULL,              -- the event that took it back
    is_redo   boolean NOT NULL,           -- what took it back does again what an undo had taken back
    undone_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, event_id)
);
-- undo: what was done in order to take something back is not taken back by the next undo.
CREATE INDEX undone_events_by_undo ON undone_events (user_id, undone_by);
-- The sweep of those that are too old to matter.
CREATE INDEX undone_events_by_age ON undone_events (undone_at);

-- Links in mails: each is followed at most once.
CREATE TABLE link_uses (
    user_id text NOT NULL,
    link_id uuid NOT NULL,
    used_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, link_id)
);
-- The sweep of those that have expired.
CREATE INDEX link_uses_by_age ON link_uses (used_at);
