-- Accounts, of deployments that have no other issuer of tokens.

-- register, sign-in: whose address this is. The one table that no user leads: nobody is known yet when it is read. In a distributed
-- database it is a reference table.
CREATE TABLE accounts (
    email_key           text PRIMARY KEY,     -- in lower case
    user_id             text NOT NULL,
    password_hash       text NOT NULL,        -- Argon2id, as a PHC string
    created_at          timestamptz NOT NULL,
    password_changed_at timestamptz NOT NULL,
    -- password: by the user that the token names
    CONSTRAINT accounts_user UNIQUE (user_id)
);

-- refresh, sign-out: each signed-in device is a session, and its refresh tokens follow each other.
CREATE TABLE sessions (
    user_id       text NOT NULL,
    session_id    uuid NOT NULL,
    token_hash    bytea NOT NULL,             -- SHA-256 of the newest refresh token's secret
    previous_hash bytea,                      -- and of the one before, whose holder may not have got the newest
    rotated_at    timestamptz NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    PRIMARY KEY (user_id, session_id)
);
-- The sweep of those that have expired.
CREATE INDEX sessions_by_age ON sessions (expires_at);

-- sign-in: who has to wait after how many failures.
CREATE TABLE sign_in_attempts (
    subject     bytea PRIMARY KEY,            -- SHA-256 of an e-mail address, or of that of the caller
    failures    integer NOT NULL,
    tried_at    timestamptz NOT NULL,
    waits_until timestamptz NOT NULL
);
-- The sweep of those that are a day old.
CREATE INDEX sign_in_attempts_by_age ON sign_in_attempts (tried_at);
