//! A reply claims only what is committed: here no commit succeeds.

use devkit::testing::TestDatabase;
use serde_json::{Value, json};

use crate::user::{User, words};

/// Acts: what is said before, what is said then, and the effect that it has when it can be committed.
const ACTS: [(&[&str], &str, &str); 7] = [
    (&[], "add a task to buy milk tomorrow at 5pm", "task_created"),
    (&[MILK], "complete it", "task_completed"),
    (&[MILK], "move it to friday", "task_updated"),
    (&[MILK, "delete it"], "yes", "task_deleted"),
    (&[MILK, "complete it"], "reopen it", "task_updated"),
    (&[MILK], "snooze it for 10 minutes", "task_updated"),
    (&[MILK, "move it to friday"], "undo", "task_updated"),
];
const MILK: &str = "remind me to buy milk tomorrow at 5pm";

/// Everything that a turn can leave behind.
const ROWS: &str = "
    SELECT concat_ws(' ',
        (SELECT jsonb_agg(to_jsonb(t) ORDER BY t.id) FROM tasks t),
        (SELECT jsonb_agg(to_jsonb(r) ORDER BY r.id) FROM reminders r),
        (SELECT jsonb_agg(to_jsonb(e) ORDER BY e.event_id) FROM events e),
        (SELECT jsonb_agg(to_jsonb(u) ORDER BY u.event_id) FROM undone_events u),
        (SELECT jsonb_agg(to_jsonb(c)) FROM conversations c),
        (SELECT jsonb_agg(to_jsonb(m) ORDER BY m.id) FROM messages m),
        (SELECT jsonb_agg(to_jsonb(k)) FROM idempotency_keys k))";

/// Lets every insertion of a message fail in this way, at the end of the transaction.
async fn break_with(database: &TestDatabase, failure: &str) {
    let statements = format!(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {failure}; RETURN NULL; END $$;
         CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON messages DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION fail();"
    );
    database.run(&statements).await;
}

async fn nothing_is_claimed(failure: &str) {
    for (before, text, effect) in ACTS {
        let database = devkit::testing::database(async |url| Ok(store::migrate(url).await?)).await;
        let user = User::with_database(&database.url);
        for text in before {
            user.say(text).await;
        }
        let kept = database.text(ROWS).await;
        break_with(&database, failure).await;

        let body = json!({"user_input": text, "conversation_id": "test-conv-1"});
        let (status, problem) = user.post("/chat/command", &body).await;
        assert!(status >= 500, "{text}: {problem}");
        for claim in ["response", effect] {
            assert_eq!(problem[claim], Value::Null, "{text}: {problem}");
        }
        assert_eq!(database.text(ROWS).await, kept, "{text}");

        database.run("DROP FUNCTION fail CASCADE").await;
        let answer = user.say(text).await;
        assert!(answer[effect].is_object(), "{text}: nothing was forgotten meanwhile: {answer}");
        assert!(!words(&answer).is_empty());
    }
}

#[tokio::test]
async fn a_commit_that_the_database_refuses_is_no_deed() {
    nothing_is_claimed("RAISE 'refused'").await;
}

#[tokio::test]
async fn a_connection_that_is_lost_in_a_commit_leaves_no_claim() {
    nothing_is_claimed("PERFORM pg_terminate_backend(pg_backend_pid())").await;
}
