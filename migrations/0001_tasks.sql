-- Tasks, reminders, users. user_id leads every key, so that the tables can be distributed by it.

-- Read by every function that needs a user's zone or address. No row: the user never chose, the defaults hold.
CREATE TABLE users (
    user_id            text PRIMARY KEY,
    email              text,
    time_zone          text NOT NULL,
    locale             text NOT NULL,
    reminder_time      time NOT NULL,
    quiet_start        time,
    quiet_end          time,
    push_subscriptions jsonb NOT NULL DEFAULT '[]',
    version            bigint NOT NULL,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    CONSTRAINT users_quiet_hours_whole CHECK ((quiet_start IS NULL) = (quiet_end IS NULL))
);

CREATE TABLE tasks (
    user_id         text NOT NULL,
    id              uuid NOT NULL,
    title           text NOT NULL,
    description     text,
    due_local       timestamp,            -- the wall time; midnight for a whole day
    due_at          timestamptz,          -- the instant it means; derived, for sorting and filtering
    all_day         boolean NOT NULL,
    time_zone       text,                 -- NULL: the user's, wherever the user goes
    priority        smallint NOT NULL,    -- 1 low, 2 medium, 3 high: it sorts
    tags            text[] NOT NULL,
    status          text NOT NULL,
    reminder_config jsonb,
    recurrence_rule jsonb,
    series_id       uuid,                 -- the first task of the series
    series_start    timestamp,            -- the wall time that the rule counts from
    series_slot     timestamp,            -- the wall time that the rule gave this occurrence
    series_number   integer,
    follows         uuid,                 -- the completed task that this one followed
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    completed_at    timestamptz,
    version         bigint NOT NULL,
    PRIMARY KEY (user_id, id),
    CONSTRAINT tasks_title_length CHECK (char_length(title) BETWEEN 1 AND 500),
    CONSTRAINT tasks_description_length CHECK (char_length(description) <= 10000),
    CONSTRAINT tasks_priority_known CHECK (priority BETWEEN 1 AND 3),
    CONSTRAINT tasks_status_known CHECK (status IN ('active', 'completed', 'deleted')),
    CONSTRAINT tasks_due_whole CHECK ((due_local IS NULL) = (due_at IS NULL)),
    CONSTRAINT tasks_series_whole CHECK (
        (series_id IS NULL) = (series_start IS NULL)
        AND (series_id IS NULL) = (series_slot IS NULL)
        AND (series_id IS NULL) = (series_number IS NULL)
    )
);

-- GET /api/tasks, one index for each `sort`; keyset pages walk them in either direction.
CREATE INDEX tasks_by_created ON tasks (user_id, created_at, id);
CREATE INDEX tasks_by_updated ON tasks (user_id, updated_at, id);
CREATE INDEX tasks_by_priority ON tasks (user_id, priority, id);
-- sort=due_date, tasks without one last: NULLs sort last upwards; downwards they are read in a second range.
CREATE INDEX tasks_by_due ON tasks (user_id, due_at, id);
-- spawn-recurrence and reopen: a completed task has at most one successor.
CREATE UNIQUE INDEX tasks_follow_once ON tasks (user_id, follows) WHERE follows IS NOT NULL;

CREATE TABLE reminders (
    user_id         text NOT NULL,
    id              uuid NOT NULL,        -- derived from task, instant, method and destination
    task_id         uuid NOT NULL,
    trigger_time    timestamptz NOT NULL,
    status          text NOT NULL,
    delivery_method text NOT NULL,
    destination     text,                 -- NULL: the user's address at the time of sending
    retry_count     integer NOT NULL DEFAULT 0,
    last_retry_at   timestamptz,
    next_attempt_at timestamptz,          -- while queued: when scan-reminders announces it again
    lease_until     timestamptz,          -- while a send-reminder holds it
    lease_token     uuid,
    sent_at         timestamptz,
    PRIMARY KEY (user_id, id),
    CONSTRAINT reminders_task FOREIGN KEY (user_id, task_id) REFERENCES tasks (user_id, id) ON DELETE CASCADE,
    CONSTRAINT reminders_status_known
        CHECK (status IN ('pending', 'queued', 'sent', 'failed', 'cancelled', 'skipped')),
    CONSTRAINT reminders_method_known CHECK (delivery_method IN ('email', 'push'))
);

-- scan-reminders: what is due, whoever's it is.
CREATE INDEX reminders_due ON reminders (trigger_time) WHERE status = 'pending';
-- scan-reminders: what is to be tried again.
CREATE INDEX reminders_retry ON reminders (next_attempt_at) WHERE status = 'queued';
-- GET /api/tasks/{id}/reminders, and every change of a task.
CREATE INDEX reminders_by_task ON reminders (user_id, task_id, trigger_time);

-- "Why was I (not) reminded?"
CREATE TABLE reminder_attempts (
    user_id      text NOT NULL,
    reminder_id  uuid NOT NULL,
    attempt      integer NOT NULL,
    attempted_at timestamptz NOT NULL,
    outcome      text NOT NULL,
    reason       text,
    PRIMARY KEY (user_id, reminder_id, attempt),
    CONSTRAINT reminder_attempts_reminder
        FOREIGN KEY (user_id, reminder_id) REFERENCES reminders (user_id, id) ON DELETE CASCADE,
    CONSTRAINT reminder_attempts_outcome_known
        CHECK (outcome IN ('sent', 'retrying', 'failed', 'cancelled', 'postponed'))
);

-- Search finds what looks the same: without case, in one Unicode form, Arabic ye and kaf as the Urdu ones, without
-- joiners and direction marks. The needle and the text go through the same function.
CREATE FUNCTION kaam_fold(value text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    RETURN translate(
        lower(normalize(value, NFC)),
        U&'\064A\0649\0643\200C\200D\200E\200F\202A\202B\202C\202D\202E\2066\2067\2068\2069',
        U&'\06CC\06CC\06A9'
    );
