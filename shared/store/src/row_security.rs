//! Row-level security, the second lock: what a role of one function may see are the rows of the user whom its statement names, also
//! where a statement forgets to say so.
//!
//! The policies compare `user_id` with the setting `kaam.user_id`. It is set by the parameter itself: its type `kaam_user_id` is a
//! domain whose check sets it, and PostgreSQL makes the values of parameters (the message Bind) before it runs the statement
//! (Execute). So there is no round trip for it, and it ends with the transaction, which for a statement by itself is the statement.
//!
//! A part of the statement itself, such as `WITH me AS (SELECT set_config(…))`, would not do: what is evaluated first is the planner's
//! choice, and of an `UPDATE … FROM me` it is the table, which then has no rows.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo};
use sqlx::{Encode, Postgres, Type};

/// The user whose rows a statement is about, as its parameter: `UserId(user_id) as _`, since the macros take it for a text.
#[derive(Debug, Clone, Copy)]
pub struct UserId<'a>(pub &'a str);

impl Type<Postgres> for UserId<'_> {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("kaam_user_id")
    }
}

impl Encode<'_, Postgres> for UserId<'_> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <&str as Encode<Postgres>>::encode(self.0, buffer)
    }

    /// Has room for the lengths of all values of its statement, too: no hint counts the four bytes before a value, so that the buffer
    /// would be moved when it is nearly full.
    fn size_hint(&self) -> usize {
        self.0.len() + 512
    }
}
