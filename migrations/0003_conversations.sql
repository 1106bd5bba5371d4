-- What was said, and what a conversation is about.

CREATE TABLE conversations (
    user_id         text NOT NULL,
    conversation_id text NOT NULL,
    dapr_state_key  text NOT NULL,        -- conversation:{id}
    state           jsonb NOT NULL,       -- what was asked, what is proposed, which tasks were shown
    created_at      timestamptz NOT NULL,
    last_message_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, conversation_id)
);

-- The sweep of conversations older than 30 days.
CREATE INDEX conversations_by_age ON conversations (last_message_at);

CREATE TABLE messages (
    user_id            text NOT NULL,
    conversation_id    text NOT NULL,
    id                 uuid NOT NULL,     -- UUIDv7: in order
    role               text NOT NULL,
    content            text NOT NULL,
    intent_detected    text,
    skill_agent_used   text,
    confidence_score   double precision,
    processing_time_ms double precision,
    created_at         timestamptz NOT NULL,
    PRIMARY KEY (user_id, conversation_id, id),
    CONSTRAINT messages_conversation FOREIGN KEY (user_id, conversation_id)
        REFERENCES conversations (user_id, conversation_id) ON DELETE CASCADE,
    CONSTRAINT messages_role_known CHECK (role IN ('user', 'assistant', 'system'))
);
