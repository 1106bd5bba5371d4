//! Whether one PostgreSQL could become several, each with some of the users: every key has to have the user in it, and every statement to
//! say whose rows it is about. What does not is named here, with what would become of it; `infra/README.md` says when that would be.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sqlx::{Connection as _, PgConnection};
use tests::database::rows;
use tests::plan;
use tests::world::World;

use super::{Statement, statements};

/// Tables without a user in each key: small ones that every node would have whole, or one node alone.
const OF_NO_USER: [(&str, &str); 4] = [
    ("_sqlx_migrations", "on the coordinator: one row for each migration"),
    (
        "accounts",
        "a reference table: who signs in is known by an e-mail address only, and one row per user is few",
    ),
    (
        "erasures",
        "a reference table: one row for each user who is gone, looked up by a hash for whole batches",
    ),
    (
        "sign_in_attempts",
        "a reference table, or distributed by its own key: whoever tries to sign in is no user yet, and rows are swept",
    ),
];

/// Statements about rows of several users, whom they are given: each node does its part.
const OF_GIVEN_USERS: [(&str, &str); 16] = [
    (
        "INSERT INTO audit_heads (user_id, seq, hash) SELECT DISTINCT",
        "write-audit: the chains of a batch of events",
    ),
    (
        "SELECT user_id, seq, hash FROM audit_heads WHERE user_id = ANY",
        "write-audit: the chains of a batch of events",
    ),
    ("UPDATE audit_heads h SET seq = new.seq", "write-audit: the chains of a batch of events"),
    ("INSERT INTO audit_logs", "write-audit: a batch of events"),
    (
        "WITH new AS ( SELECT * FROM UNNEST($1::text[], $2::uuid[], $3::timestamptz[])",
        "write-audit: a batch of events",
    ),
    (
        "INSERT INTO events (user_id, event_id, topic_name, event_type, key, subject, shard, payload, correlation_id, traceparent, source_service, timestamp) SELECT",
        "what a batch of reminders tells; of one user everywhere else",
    ),
    ("UPDATE events e SET status = 'processed'", "relay-events: a batch that was published"),
    ("UPDATE events e SET status = new.status", "relay-events: a batch that was not"),
    (
        "UPDATE reminders r SET status = 'queued', next_attempt_at = $3",
        "scan-reminders: a batch that was claimed",
    ),
    ("INSERT INTO reminders (user_id, id, delivery_method", "scan-reminders: new digests"),
    ("SELECT DISTINCT user_id, delivery_method, destination FROM reminders", "scan-reminders: digests"),
    ("UPDATE reminders SET trigger_time = CASE", "scan-reminders: digests that wait already"),
    ("WITH missed AS ( SELECT r.user_id, r.id, digest.id AS digest_id", "scan-reminders: digests"),
    ("WITH account AS ( SELECT user_id FROM accounts", "sign-in: the user is that of the account"),
    ("SELECT COALESCE(h.user_id, l.user_id)", "verify-audit: each chain by itself, all of them"),
    (
        "UPDATE reminders r SET status = 'pending', retry_count = 0",
        "replay: dead letters, with the reminder that each is of",
    ),
];

/// Statements about rows of whoever it is: each node would be asked, or a worker of each node.
const OF_ALL_USERS: [(&str, &str); 18] = [
    ("WITH due AS ( SELECT user_id, id, task_id", "scan-reminders: what is due; one scan for each node"),
    (
        "SELECT LEAST( (SELECT min(trigger_time)",
        "scan-reminders: when the next is due; one scan for each node",
    ),
    (
        "SELECT user_id FROM reminders WHERE status = 'pending'",
        "scan-reminders: what was missed; one scan for each node",
    ),
    ("WITH open AS MATERIALIZED", "relay-events: what is to be published; one relay for each node"),
    ("SELECT open.user_id", "relay-events: what is to be published; one relay for each node"),
    ("SELECT min(next_attempt_at) FROM events", "relay-events: when to try again; one relay for each node"),
    ("SELECT ( SELECT min(first.timestamp)", "relay-events: how the outbox stands, for monitoring"),
    (
        "SELECT event_id, event_type, topic_name, timestamp, attempts, error FROM events WHERE status = 'failed'",
        "dead-letters: a command",
    ),
    ("UPDATE events SET status = 'pending'", "replay: a command"),
    ("SELECT user_id, seq, hash FROM audit_heads WHERE seq > 0", "audit-heads: a command"),
    ("SELECT user_id, start_seq AS seq", "verify-audit: a command"),
    ("SELECT user_id FROM audit_heads WHERE user_id >", "trim-audit: a command"),
    ("WITH old AS MATERIALIZED", "the sweep; on each node"),
    ("DELETE FROM conversations WHERE (user_id, conversation_id) IN", "the sweep; on each node"),
    ("DELETE FROM idempotency_keys WHERE (user_id, route, key) IN", "the sweep; on each node"),
    ("DELETE FROM link_uses WHERE (user_id, link_id) IN", "the sweep; on each node"),
    ("DELETE FROM sessions WHERE (user_id, session_id) IN", "the sweep; on each node"),
    ("DELETE FROM undone_events WHERE (user_id, event_id) IN", "the sweep; on each node"),
];

/// Statements that move rows from one user to another, which a distributed table does not let happen.
const MOVING: [(&str, &str); 3] = [
    (
        "UPDATE audit_heads SET user_id",
        "erase-user: a pseudonym instead of the user; there it is a DELETE and an INSERT",
    ),
    ("UPDATE audit_logs SET user_id", "likewise"),
    ("UPDATE events SET user_id", "likewise"),
];

#[tokio::test]
async fn every_key_has_the_user_in_it_but_those_of_tables_of_no_user() {
    let world = World::new().await;
    // Primary keys, unique ones, and keys to other tables; and indexes that are unique without a constraint.
    let keys = "SELECT c.relname AS table, o.conname AS name, o.contype::text AS kind,
                       ARRAY (
                           SELECT a.attname::text
                           FROM UNNEST(o.conkey) WITH ORDINALITY AS part (number, place)
                           JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = part.number
                           ORDER BY part.place
                       ) AS columns,
                       ARRAY (
                           SELECT a.attname::text
                           FROM UNNEST(o.confkey) WITH ORDINALITY AS part (number, place)
                           JOIN pg_attribute a ON a.attrelid = o.confrelid AND a.attnum = part.number
                           ORDER BY part.place
                       ) AS to_columns
                FROM pg_constraint o
                JOIN pg_class c ON c.oid = o.conrelid AND c.relnamespace = current_schema()::regnamespace
                WHERE o.contype IN ('p', 'u', 'f')
                UNION ALL
                SELECT c.relname, i.indexrelid::regclass::text, 'u',
                       ARRAY (SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = i.indexrelid ORDER BY a.attnum),
                       '{}'
                FROM pg_index i
                JOIN pg_class c ON c.oid = i.indrelid AND c.relnamespace = current_schema()::regnamespace
                WHERE i.indisunique AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = i.indexrelid)";
    let keys = rows(&world.database_url, keys).await;
    assert!(keys.len() > 20, "there are keys: {keys:?}");
    let mut of_no_user = BTreeSet::new();
    for key in &keys {
        let columns =
            |name: &str| -> Vec<String> { serde_json::from_value(key[name].clone()).expect("an array") };
        let table = key["table"].as_str().expect("a name");
        let is_led = columns("columns")[0] == "user_id";
        if OF_NO_USER.iter().any(|(name, _)| *name == table) {
            if !is_led {
                of_no_user.insert(table);
            }
            continue;
        }
        assert!(is_led, "{table} has a key that the user does not lead: {key}");
        let leads_to = key["kind"] != "f" || columns("to_columns")[0] == "user_id";
        assert!(leads_to, "{table} refers to rows of any user: {key}");
    }
    let listed: BTreeSet<_> = OF_NO_USER.iter().map(|(name, _)| *name).collect();
    assert_eq!(of_no_user, listed, "what is listed has a key without the user");
    // Each table has a primary key: without one nothing could be replicated to another node.
    let without = "SELECT c.relname
                   FROM pg_class c
                   WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
                     AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)";
    assert_eq!(rows(&world.database_url, without).await, [Value::Null; 0]);
}

/// Whose rows a statement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum About {
    /// Those of the user whom a parameter names, or none: one node has them.
    OneUser,
    /// Those of users whom it is given, or finds: each row says which node has it.
    GivenUsers,
    /// Those of whoever it is: every node has some.
    AllUsers,
}

/// Gives what is compared with a column `user_id` in a condition of a plan: the column, and a parameter, an array or another column.
fn compared(condition: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = condition;
    while let Some(place) = rest.find("user_id = ") {
        let before = &rest[..place + "user_id".len()];
        let left = before.rfind(['(', ' ']).map_or(before, |start| &before[start + 1..]);
        rest = &rest[place + "user_id = ".len()..];
        let is_array = rest.starts_with("ANY ");
        let right = rest.trim_start_matches("ANY ").trim_start_matches('(');
        let right = right.split([')', ' ', ':']).next().unwrap_or_default();
        let right = if is_array { format!("any of {right}") } else { right.to_owned() };
        found.push((left.to_owned(), right));
    }
    found
}

/// Gives every node of a plan.
fn nodes<'a>(plan: &'a Value, all: &mut Vec<&'a Value>) {
    all.push(plan);
    for part in plan["Plans"].as_array().into_iter().flatten() {
        nodes(part, all);
    }
}

/// Finds out whose rows each table of a plan is read or written for, and gives the widest.
pub(super) fn about(plan: &Value) -> About {
    let mut all = Vec::new();
    nodes(plan, &mut all);
    let is_distributed = |table: &str| OF_NO_USER.iter().all(|(name, _)| *name != table);
    let mut pairs = Vec::new();
    for node in &all {
        for kind in ["Index Cond", "Recheck Cond", "Filter", "Hash Cond", "Merge Cond", "Join Filter"] {
            pairs.extend(compared(node[kind].as_str().unwrap_or_default()));
        }
    }
    // What is the same user as something, from parameters on.
    let reached = |from: &dyn Fn(&str) -> bool| -> BTreeSet<&str> {
        let mut reached: BTreeSet<&str> = pairs
            .iter()
            .flat_map(|(one, other)| [one.as_str(), other.as_str()])
            .filter(|name| from(name))
            .collect();
        loop {
            let known = reached.len();
            for (one, other) in &pairs {
                if reached.contains(one.as_str()) || reached.contains(other.as_str()) {
                    reached.extend([one.as_str(), other.as_str()]);
                }
            }
            if reached.len() == known {
                return reached;
            }
        }
    };
    let of_one = reached(&|name| name.starts_with('$'));
    let compared_at_all = reached(&|_| true);
    let mut widest = About::OneUser;
    for node in &all {
        let Some(table) = node["Relation Name"].as_str().filter(|table| is_distributed(table)) else {
            continue;
        };
        let found = match (node["Node Type"].as_str(), node["Operation"].as_str()) {
            (Some("ModifyTable"), Some("Insert")) => {
                let outer = node["Plans"].as_array().into_iter().flatten();
                let outer = outer.into_iter().find(|part| part["Parent Relationship"] == "Outer");
                let first = outer.and_then(|part| part["Output"][0].as_str()).unwrap_or_default();
                if first.trim_start_matches('(').starts_with('$') {
                    About::OneUser
                } else {
                    assert!(
                        first.contains("user_id") || first.contains("unnest"),
                        "whose rows go into {table}: {first}"
                    );
                    if of_one.contains(first) { About::OneUser } else { About::GivenUsers }
                }
            }
            // By the scan below it.
            (Some("ModifyTable"), _) => continue,
            _ => {
                // Of a single table columns stand alone.
                let names = [format!("{}.user_id", text(node, "Alias")), "user_id".to_owned()];
                let is_in = |set: &BTreeSet<&str>| names.iter().any(|name| set.contains(name.as_str()));
                match () {
                    () if is_in(&of_one) => About::OneUser,
                    () if is_in(&compared_at_all) => About::GivenUsers,
                    () => About::AllUsers,
                }
            }
        };
        widest = widest.max(found);
    }
    widest
}

fn text<'a>(node: &'a Value, name: &str) -> &'a str {
    node[name].as_str().unwrap_or_default()
}

#[tokio::test]
async fn every_statement_says_whose_rows_it_is_about_but_those_that_work_for_all() {
    let world = World::new().await;
    let mut connection = PgConnection::connect(&world.database_url).await.expect("the database is there");
    sqlx::raw_sql("SET plan_cache_mode = force_generic_plan")
        .execute(&mut connection)
        .await
        .expect("a setting");
    let mut found: BTreeMap<About, Vec<Statement>> = BTreeMap::new();
    let mut moving = BTreeSet::new();
    for statement in statements() {
        // As the owner, who sees all rows: what row-level security adds would hide what a statement forgets.
        let plan = plan::generic(&mut connection, &statement.sql, statement.parameters)
            .await
            .expect("the owner may");
        if statement.text.contains("SET user_id =") {
            moving.insert(statement.text.clone());
        }
        found.entry(about(&plan)).or_default().push(statement);
    }
    let mut wrong = Vec::new();
    let mut hold = |about: About, listed: &[(&str, &str)]| {
        let statements = found.get(&about).map_or(&[][..], Vec::as_slice);
        for statement in statements {
            if !listed.iter().any(|(start, _)| statement.text.starts_with(start)) {
                wrong.push(format!("{about:?}, and not listed as that: {}", statement.text));
            }
        }
        for (start, why) in listed {
            if !statements.iter().any(|statement| statement.text.starts_with(start)) {
                wrong.push(format!("listed as {about:?} ({why}), and none is: {start}"));
            }
        }
    };
    hold(About::GivenUsers, &OF_GIVEN_USERS);
    hold(About::AllUsers, &OF_ALL_USERS);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(found[&About::OneUser].len() > 80, "most are about one user");
    assert_eq!(moving.len(), MOVING.len());
    for (start, why) in MOVING {
        assert!(moving.iter().any(|statement| statement.starts_with(start)), "{why}: {start}");
    }
}
