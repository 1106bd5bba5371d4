//! What each function may do in the database: one table, which `backend migrate --roles` grants, which `functions/README.md` shows, and
//! which the tests hold the database against.
//!
//! A privilege is checked for every table that a statement names, whether it gets there or not; so functions that save a task share
//! what the statement of a change names. Locking a row (`FOR SHARE`) takes the right to update a column: where nothing is to be
//! changed that is `created_at`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What may be done with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Privilege {
    /// Reading.
    Select,
    /// Adding rows.
    Insert,
    /// Changing rows, or locking them.
    Update,
    /// Removing rows.
    Delete,
}

impl Privilege {
    /// Gives its name in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

/// Which rows a role sees where there is a `user_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Those of the user whom the statement names.
    OfOneUser,
    /// All: it works for all users at once.
    OfAllUsers,
}

/// A privilege on a table, or on some of its columns.
type Grant = (Privilege, &'static str, &'static [&'static str]);

/// The columns that a privilege is for; `None`: all of them, those that come later too.
pub type Columns = Option<BTreeSet<&'static str>>;

/// A role of the database: a group, which an operator's login roles are members of, or which is given a password itself.
#[derive(Debug, Clone, Copy)]
pub struct Role {
    /// Its name in the database.
    pub name: &'static str,
    /// The function that connects as it, or what else does.
    pub of: &'static str,
    /// Which rows it sees.
    pub rows: Rows,
    parts: &'static [&'static [Grant]],
}

impl Role {
    /// Gives what it may do, by table and privilege.
    pub fn grants(&self) -> BTreeMap<(&'static str, Privilege), Columns> {
        let mut grants = BTreeMap::new();
        for &(privilege, table, columns) in self.parts.iter().copied().flatten() {
            let new = (!columns.is_empty()).then(|| columns.iter().copied().collect::<BTreeSet<_>>());
            grants
                .entry((table, privilege))
                .and_modify(|known: &mut Columns| {
                    *known = known.take().zip(new.clone()).map(|(known, new)| &known | &new);
                })
                .or_insert(new);
        }
        grants
    }
}

use Privilege::{Delete, Insert, Select, Update};

/// Every column.
const ALL: &[&str] = &[];

/// Settings, read.
const SETTINGS: &[Grant] = &[(Select, "users", ALL)];
/// Tasks with their next reminder and the version of the settings.
const TASKS: &[Grant] = &[(Select, "tasks", ALL), (Select, "reminders", ALL), (Select, "users", ALL)];
/// What both statements that save a task name: the event, the reminders, the answer to keep, the lock on the settings.
const SAVING: &[Grant] = &[
    (Insert, "events", ALL),
    (Insert, "reminders", ALL),
    (Select, "idempotency_keys", ALL),
    (Insert, "idempotency_keys", ALL),
    (Select, "users", &["user_id", "version"]),
    (Update, "users", &["created_at"]),
];
/// A new task; of a series, with a lock on the one that it follows.
const NEW_TASK: &[Grant] = &[
    (Insert, "tasks", ALL),
    (Select, "tasks", &["user_id", "id", "version", "status", "skipped"]),
    (Update, "tasks", &["created_at"]),
];
/// A changed task, and its reminders brought in line.
const CHANGED_TASK: &[Grant] = &[
    (Update, "tasks", ALL),
    (
        Update,
        "reminders",
        &["status", "retry_count", "next_attempt_at", "sent_at", "digest_id", "delivered_to"],
    ),
];
/// What is counted for quotas where nothing else is read.
const COUNTING: &[Grant] =
    &[(Select, "tasks", &["user_id", "created_at"]), (Select, "reminders", &["user_id", "trigger_time"])];
/// The answer to a repeated request; one that is too old is forgotten.
const ANSWERS: &[Grant] = &[(Select, "idempotency_keys", ALL), (Delete, "idempotency_keys", ALL)];
/// Events by themselves.
const EVENTS: &[Grant] = &[(Insert, "events", ALL), (Select, "events", &["user_id", "event_id"])];
/// New settings, with what waits for the end of quiet hours.
const NEW_SETTINGS: &[Grant] = &[
    (Insert, "users", ALL),
    (Update, "users", ALL),
    (Select, "reminders", ALL),
    (Update, "reminders", &["next_attempt_at"]),
    (Select, "reminder_attempts", ALL),
];
/// What was done, to take it back.
const UNDO: &[Grant] =
    &[(Select, "events", ALL), (Select, "undone_events", ALL), (Insert, "undone_events", ALL)];

/// The history of a task, and what became of its reminders.
const LOOKING: &[Grant] =
    &[(Select, "reminder_attempts", ALL), (Select, "events", ALL), (Select, "audit_logs", ALL)];
/// What is new since somebody looked.
const FEED: &[Grant] = &[
    (
        Select,
        "events",
        &["user_id", "transaction_id", "seq", "topic_name", "event_type", "subject", "payload"],
    ),
    (Select, "swept_feeds", ALL),
];
/// Links in mails.
const LINKS: &[Grant] = &[(Select, "link_uses", ALL), (Insert, "link_uses", ALL)];
/// What was said, and what it is about.
const CHAT: &[Grant] = &[
    (Select, "conversations", ALL),
    (Insert, "conversations", ALL),
    (Update, "conversations", &["dapr_state_key", "state", "last_message_at"]),
    (Select, "messages", ALL),
    (Insert, "messages", ALL),
];
/// How often a model was asked.
const ASKING: &[Grant] =
    &[(Select, "model_calls", ALL), (Insert, "model_calls", ALL), (Update, "model_calls", &["day", "calls"])];
/// Claiming reminders, and gathering missed ones.
const SCANNING: &[Grant] = &[
    (Select, "reminders", ALL),
    (Insert, "reminders", ALL),
    (Update, "reminders", &["status", "next_attempt_at", "digest_id", "trigger_time"]),
];
/// Leasing reminders, and what became of each attempt.
const SENDING: &[Grant] = &[
    (
        Update,
        "reminders",
        &[
            "status",
            "retry_count",
            "last_retry_at",
            "next_attempt_at",
            "lease_until",
            "lease_token",
            "sent_at",
            "digest_id",
            "delivered_to",
        ],
    ),
    (Select, "reminder_attempts", ALL),
    (Insert, "reminder_attempts", ALL),
];
/// The chains: appending to them, and nothing of what they say.
const AUDITING: &[Grant] = &[
    (Select, "audit_logs", &["user_id", "event_id"]),
    (Insert, "audit_logs", ALL),
    (Select, "audit_heads", ALL),
    (Insert, "audit_heads", &["user_id", "seq", "hash"]),
    (Update, "audit_heads", &["seq", "hash"]),
    (Select, "erasures", ALL),
];
/// The outbox: what became of an event, and nothing of what it says.
const RELAYING: &[Grant] = &[
    (Select, "events", ALL),
    (Update, "events", &["status", "attempts", "next_attempt_at", "error", "processed_at"]),
];
/// Events that are too old to be kept, once the audit log has them; and who has to be told that they are gone.
const SWEEPING: &[Grant] = &[
    (Delete, "events", ALL),
    (Select, "audit_logs", &["user_id", "event_id"]),
    (Select, "swept_feeds", ALL),
    (Insert, "swept_feeds", ALL),
    (Update, "swept_feeds", &["transaction_id"]),
];
/// Accounts with their sessions, and who has to wait after how many failures.
const SIGNING_IN: &[Grant] = &[
    (Select, "accounts", ALL),
    (Insert, "accounts", ALL),
    (Update, "accounts", &["password_hash", "password_changed_at"]),
    (Select, "sessions", ALL),
    (Insert, "sessions", ALL),
    (Update, "sessions", &["token_hash", "previous_hash", "rotated_at", "expires_at"]),
    (Delete, "sessions", ALL),
    (Select, "sign_in_attempts", ALL),
    (Insert, "sign_in_attempts", ALL),
    (Update, "sign_in_attempts", &["failures", "tried_at", "waits_until"]),
    (Delete, "sign_in_attempts", ALL),
];
/// What is kept for a time only.
const FORGETTING: &[Grant] = &[
    (Select, "idempotency_keys", &["user_id", "route", "key", "created_at"]),
    (Delete, "idempotency_keys", ALL),
    (Select, "conversations", &["user_id", "conversation_id", "last_message_at"]),
    (Delete, "conversations", ALL),
    (Select, "undone_events", &["user_id", "event_id", "undone_at"]),
    (Delete, "undone_events", ALL),
    (Select, "link_uses", ALL),
    (Delete, "link_uses", ALL),
    (Select, "sessions", &["user_id", "session_id", "expires_at"]),
    (Delete, "sessions", ALL),
    (Select, "sign_in_attempts", &["subject", "tried_at"]),
    (Delete, "sign_in_attempts", ALL),
];
/// The audit log, read.
const VERIFYING: &[Grant] = &[(Select, "audit_logs", ALL), (Select, "audit_heads", ALL)];
/// Whether the schema is up to date.
const SCHEMA: &[Grant] = &[(Select, "_sqlx_migrations", ALL)];

const fn of_one(name: &'static str, of: &'static str, parts: &'static [&'static [Grant]]) -> Role {
    Role { name, of, rows: Rows::OfOneUser, parts }
}

const fn of_all(name: &'static str, of: &'static str, parts: &'static [&'static [Grant]]) -> Role {
    Role { name, of, rows: Rows::OfAllUsers, parts }
}

/// Every role but the owner of the tables, who migrates.
pub const ROLES: [Role; 16] = [
    of_one("kaam_create_task", "create-task", &[SETTINGS, SAVING, NEW_TASK, COUNTING, ANSWERS]),
    of_one("kaam_query_tasks", "query-tasks", &[SETTINGS, TASKS, LOOKING]),
    of_one(
        "kaam_update_task",
        "update-task",
        &[SETTINGS, TASKS, SAVING, NEW_TASK, CHANGED_TASK, ANSWERS, NEW_SETTINGS, EVENTS, UNDO],
    ),
    of_one("kaam_complete_task", "complete-task", &[SETTINGS, TASKS, SAVING, CHANGED_TASK, ANSWERS]),
    of_one("kaam_delete_task", "delete-task", &[SETTINGS, TASKS, SAVING, CHANGED_TASK, ANSWERS]),
    of_one("kaam_follow_link", "follow-link", &[SETTINGS, TASKS, SAVING, CHANGED_TASK, LINKS]),
    of_one(
        "kaam_chat_command",
        "chat-command",
        &[SETTINGS, TASKS, SAVING, NEW_TASK, CHANGED_TASK, ANSWERS, UNDO, CHAT, ASKING],
    ),
    of_one("kaam_stream_updates", "stream-updates", &[FEED]),
    of_all("kaam_sign_in", "sign-in", &[SIGNING_IN, SETTINGS, NEW_SETTINGS, EVENTS]),
    of_all("kaam_scan_reminders", "scan-reminders", &[SCANNING, EVENTS]),
    of_one("kaam_send_reminder", "send-reminder", &[SETTINGS, TASKS, SENDING, NEW_SETTINGS, EVENTS]),
    of_one("kaam_spawn_recurrence", "spawn-recurrence", &[SETTINGS, TASKS, SAVING, NEW_TASK, CHANGED_TASK]),
    of_all("kaam_write_audit", "write-audit", &[AUDITING]),
    of_all("kaam_relay_events", "relay-events", &[RELAYING, SWEEPING, FORGETTING]),
    of_all("kaam_verify_audit", "`backend verify-audit`, `backend audit-heads`", &[VERIFYING, SCHEMA]),
    of_all(
        "kaam_backend",
        "backend",
        &[
            SETTINGS,
            TASKS,
            SAVING,
            NEW_TASK,
            CHANGED_TASK,
            ANSWERS,
            NEW_SETTINGS,
            EVENTS,
            UNDO,
            LOOKING,
            FEED,
            LINKS,
            CHAT,
            ASKING,
            SCANNING,
            SENDING,
            AUDITING,
            RELAYING,
            SWEEPING,
            FORGETTING,
            SIGNING_IN,
            VERIFYING,
            SCHEMA,
        ],
    ),
];

/// Gives the table of roles as `functions/README.md` has it.
pub fn as_markdown() -> String {
    let mut text = "| role | of | rows | may |\n|---|---|---|---|\n".to_owned();
    for role in &ROLES {
        let rows = match role.rows {
            Rows::OfOneUser => "one user's",
            Rows::OfAllUsers => "all",
        };
        let mut by_privilege: BTreeMap<Privilege, Vec<String>> = BTreeMap::new();
        for ((table, privilege), columns) in role.grants() {
            let columns = columns.map(|columns| columns.into_iter().collect::<Vec<_>>().join(", "));
            let table = columns.map_or_else(|| table.to_owned(), |columns| format!("{table} ({columns})"));
            by_privilege.entry(privilege).or_default().push(table);
        }
        let may = by_privilege
            .into_iter()
            .map(|(privilege, tables)| format!("{} {}", privilege.as_str(), tables.join(", ")));
        let may = may.collect::<Vec<_>>().join("; ");
        writeln!(text, "| {} | {} | {rows} | {may} |", role.name, role.of).expect("a text takes anything");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table_is_more_than_some_of_its_columns() {
        const SOME: &[Grant] = &[(Update, "users", &["version"])];
        const WHOLE: &[Grant] = &[(Update, "users", ALL)];
        const OTHER: &[Grant] = &[(Update, "users", &["email"])];
        let columns =
            |parts: &'static [&'static [Grant]]| of_one("r", "f", parts).grants()[&("users", Update)].clone();
        assert_eq!(columns(&[SOME, OTHER]), Some(BTreeSet::from(["email", "version"])));
        assert_eq!(columns(&[SOME, WHOLE]), None);
        assert_eq!(columns(&[WHOLE, SOME]), None);
    }

    #[test]
    fn the_backend_may_do_what_its_functions_may_and_no_more() {
        let [.., _, backend] = &ROLES;
        let mut sum: BTreeMap<(&str, Privilege), Columns> = BTreeMap::new();
        for role in &ROLES[..ROLES.len() - 1] {
            for (what, columns) in role.grants() {
                sum.entry(what)
                    .and_modify(|known| {
                        *known = known.take().zip(columns.clone()).map(|(known, new)| &known | &new);
                    })
                    .or_insert(columns);
            }
        }
        assert_eq!(backend.grants(), sum);
    }
}
