-- chat-command: how often a model was asked for a user on the last day of UTC that one was asked on, written down before it is asked.
-- One row for each user, which the next day overwrites; so nothing is to be swept, and the primary key is the only index: by it the
-- row is found that a further call is added to.
CREATE TABLE model_calls (
    user_id text PRIMARY KEY,
    day     date NOT NULL,
    calls   bigint NOT NULL
);
