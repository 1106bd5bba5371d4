-- The outbox (which is also the log), idempotency keys, the audit log. There is no inbox table: each consumer is saved from doing
-- a thing twice by a key of its effect (tasks_follow_once, audit_logs_once, the attempt that a reminder waits for).

CREATE TABLE events (
    user_id         text NOT NULL,
    event_id        uuid NOT NULL,
    seq             bigint GENERATED ALWAYS AS IDENTITY,
    topic_name      text NOT NULL,
    event_type      text NOT NULL,
    key             text NOT NULL,        -- the partition key
    subject         text NOT NULL,
    shard           smallint NOT NULL,    -- of the key; a relay holds whole shards, so a key's events stay in order
    payload         jsonb NOT NULL,
    correlation_id  text NOT NULL,
    traceparent     text NOT NULL,
    source_service  text NOT NULL,
    timestamp       timestamptz NOT NULL,
    status          text NOT NULL DEFAULT 'pending',
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    error           text,
    processed_at    timestamptz,
    PRIMARY KEY (user_id, event_id),
    CONSTRAINT events_status_known CHECK (status IN ('pending', 'processed', 'retrying', 'failed'))
);

-- relay-events: what is still to be published, by topic and shard, in order. Small: published rows leave it.
CREATE INDEX events_open ON events (topic_name, shard, seq) WHERE status IN ('pending', 'retrying');
-- relay-events: keys that wait for a retry hold back their later events.
CREATE INDEX events_retrying ON events (topic_name, shard, key, seq) WHERE status = 'retrying';
-- replay: dead letters, oldest first.
CREATE INDEX events_failed ON events (seq) WHERE status = 'failed';

CREATE TABLE idempotency_keys (
    user_id     text NOT NULL,
    route       text NOT NULL,            -- method and path
    key         text NOT NULL,
    fingerprint bytea NOT NULL,           -- SHA-256 of the body
    status      smallint NOT NULL,
    headers     jsonb NOT NULL,
    body        bytea NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (user_id, route, key)
);

-- The sweep of keys older than 24 hours.
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE audit_logs (
    user_id        text NOT NULL,
    seq            bigint NOT NULL,       -- 1, 2, …: the link in the user's chain
    event_id       uuid NOT NULL,
    entity_type    text NOT NULL,
    entity_id      text NOT NULL,
    action         text NOT NULL,
    actor_type     text NOT NULL,
    actor_id       text NOT NULL,
    old_values     jsonb,
    new_values     jsonb,
    timestamp      timestamptz NOT NULL,
    correlation_id text NOT NULL,
    previous_hash  bytea NOT NULL,
    hash           bytea NOT NULL,        -- SHA-256 over the previous hash and this row
    PRIMARY KEY (user_id, seq),
    CONSTRAINT audit_logs_once UNIQUE (user_id, event_id)
);

-- GET /api/tasks/{id}/history
CREATE INDEX audit_logs_by_entity ON audit_logs (user_id, entity_type, entity_id, seq);

-- The end of each user's chain: locked by a batch of write-audit, compared by the verifier.
CREATE TABLE audit_heads (
    user_id text PRIMARY KEY,
    seq     bigint NOT NULL,
    hash    bytea NOT NULL
);
