//! Roles, what they may do, and the policies of row-level security, brought in line with [`grants`](crate::grants).
//!
//! Roles belong to the whole server, and passwords to the operator: a role that is missing is made without a login, and then either
//! given a password (`ALTER ROLE kaam_create_task LOGIN PASSWORD …`) or login roles as members. One that is there already, made by
//! whoever manages the server, is taken as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use crate::grants::{ROLES, Role, Rows};
use crate::{Error, TIMEOUTS};

/// Held by whoever grants.
const GRANTING: i64 = 0x006b_6161_6d00_0002;
/// The policy of roles that work for one user at a time, as `pg_policies` shows it.
const OWN: &str = "(user_id = current_setting('kaam.user_id'::text, true))";

/// What became of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// Which.
    pub role: &'static str,
    /// Whether it was made now.
    pub is_new: bool,
    /// Whether the role itself has the time limits; one that somebody else has made may not be changed, and then only what connects
    /// sets them.
    pub has_limits: bool,
}

/// Makes the roles that are missing, grants each what it needs and takes away what it has beyond that, and has row-level security
/// hold on every table of a user's rows. Doing it again changes nothing, and locks no table. The one who connects must own the
/// tables, and may make roles (`CREATEROLE`).
///
/// # Errors
/// [`Error::Unavailable`], [`Error::Mismatched`], [`Error::Url`], [`Error::NotOwner`], or [`Error::Unexpected`] for one who may not.
pub async fn grant(url: &str) -> Result<Vec<Granted>, Error> {
    let options = PgConnectOptions::from_str(url)?
        .application_name("kaam-grant")
        // Whoever waits for a table has everybody else wait for it.
        .options([("lock_timeout", "5s")]);
    let mut connection = PgConnection::connect_with(&options).await?;
    sqlx::query("SELECT pg_advisory_lock($1)").bind(GRANTING).execute(&mut connection).await?;
    let mut granted = Vec::new();
    for role in &ROLES {
        let is_new = create(&mut connection, role).await?;
        let has_limits = limit(&mut connection, role).await?;
        granted.push(Granted { role: role.name, is_new, has_limits });
    }
    let mut transaction = connection.begin().await?;
    let tables = own_tables(&mut transaction).await?;
    for role in &ROLES {
        grant_to(&mut transaction, role, &tables).await?;
    }
    protect(&mut transaction).await?;
    transaction.commit().await?;
    connection.close().await?;
    Ok(granted)
}

/// Gives the tables in which roles of one user see that user's rows only.
pub fn protected_tables() -> BTreeSet<&'static str> {
    let roles = ROLES.iter().filter(|role| role.rows == Rows::OfOneUser);
    roles.flat_map(|role| role.grants().into_keys().map(|(table, _)| table)).collect()
}

/// Makes a role unless it is there; says whether it was not.
async fn create(connection: &mut PgConnection, role: &Role) -> Result<bool, Error> {
    let is_there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)")
        .bind(role.name)
        .fetch_one(&mut *connection)
        .await?;
    if is_there {
        return Ok(false);
    }
    match run(connection, format!("CREATE ROLE {} NOLOGIN", role.name)).await {
        // Meanwhile, for another database of this server: duplicate_object, unique_violation.
        Err(sqlx::Error::Database(error))
            if error.code().is_some_and(|code| ["42710", "23505"].contains(&&*code)) =>
        {
            Ok(false)
        }
        made => Ok(made.map(|()| true)?),
    }
}

/// Sets a role's time limits unless it has them; says whether it has.
async fn limit(connection: &mut PgConnection, role: &Role) -> Result<bool, Error> {
    let known: Vec<String> =
        sqlx::query_scalar("SELECT COALESCE(rolconfig, '{}') FROM pg_roles WHERE rolname = $1")
            .bind(role.name)
            .fetch_one(&mut *connection)
            .await?;
    for (name, value) in TIMEOUTS {
        if known.contains(&format!("{name}={value}")) {
            continue;
        }
        match run(connection, format!("ALTER ROLE {} SET {name} = '{value}'", role.name)).await {
            // insufficient_privilege: somebody else made it. Or somebody sets it just now.
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42501") => {
                return Ok(false);
            }
            Err(sqlx::Error::Database(error)) if error.message().contains("concurrently") => {}
            done => done?,
        }
    }
    Ok(true)
}

/// Has a role's privileges on our tables be just those of [`ROLES`].
async fn grant_to(connection: &mut PgConnection, role: &Role, tables: &str) -> Result<(), Error> {
    let (schema, name) = (schema(connection).await?, role.name);
    run(connection, format!("REVOKE ALL ON {tables} FROM {name}")).await?;
    run(connection, format!("GRANT USAGE ON SCHEMA {schema} TO {name}")).await?;
    for ((table, privilege), columns) in role.grants() {
        let columns = columns.map(|columns| columns.into_iter().collect::<Vec<_>>().join(", "));
        let columns = columns.map_or_else(String::new, |columns| format!(" ({columns})"));
        run(connection, format!("GRANT {}{columns} ON {table} TO {name}", privilege.as_str())).await?;
    }
    Ok(())
}

/// Gives the names of our tables, as a list: an extension may have put its own beside them.
async fn own_tables(connection: &mut PgConnection) -> Result<String, Error> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text
         FROM pg_class
         WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND relowner = current_user::regrole
         ORDER BY 1",
    )
    .fetch_all(connection)
    .await?;
    if names.is_empty() {
        // What one who owns nothing grants is only warned of.
        return Err(Error::NotOwner);
    }
    Ok(names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", "))
}

/// Has row-level security hold, also for the owner, with just the policies that belong to the roles.
async fn protect(connection: &mut PgConnection) -> Result<(), Error> {
    let owner: String = sqlx::query_scalar("SELECT current_user::text").fetch_one(&mut *connection).await?;
    for table in protected_tables() {
        let known = policies(connection, table).await?;
        for (policy, condition, rows) in
            [("own_rows", OWN, Rows::OfOneUser), ("every_row", "true", Rows::OfAllUsers)]
        {
            let mut roles: BTreeSet<String> = ROLES
                .iter()
                .filter(|role| role.rows == rows && role.grants().keys().any(|(of, _)| *of == table))
                .map(|role| role.name.to_owned())
                .collect();
            if rows == Rows::OfAllUsers {
                roles.insert(owner.clone());
            }
            if known.get(policy) == Some(&(roles.clone(), condition.to_owned())) {
                continue;
            }
            let roles: Vec<_> = roles.iter().map(|role| quoted(role)).collect();
            run(connection, format!("DROP POLICY IF EXISTS {policy} ON {table}")).await?;
            let create =
                format!("CREATE POLICY {policy} ON {table} TO {} USING ({condition})", roles.join(", "));
            run(connection, create).await?;
        }
        let is_on: bool = sqlx::query_scalar(
            "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = $1::regclass",
        )
        .bind(table)
        .fetch_one(&mut *connection)
        .await?;
        if !is_on {
            let both = "ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY";
            run(connection, format!("ALTER TABLE {table} {both}")).await?;
        }
    }
    Ok(())
}

/// Gives a table's policies: for whom each is, and what it demands.
async fn policies(
    connection: &mut PgConnection,
    table: &str,
) -> Result<BTreeMap<String, (BTreeSet<String>, String)>, Error> {
    let rows = sqlx::query(
        "SELECT policyname::text, roles::text[], qual
         FROM pg_policies
         WHERE schemaname = current_schema() AND tablename = $1 AND cmd = 'ALL' AND permissive = 'PERMISSIVE'",
    )
    .bind(table)
    .fetch_all(connection)
    .await?;
    let policy = |row: sqlx::postgres::PgRow| {
        let roles: Vec<String> = row.try_get(1)?;
        Ok((row.try_get(0)?, (roles.into_iter().collect(), row.try_get(2)?)))
    };
    rows.into_iter().map(policy).collect::<Result<_, sqlx::Error>>().map_err(Error::from)
}

/// Gives the name of the schema that the tables are in, quoted.
async fn schema(connection: &mut PgConnection) -> Result<String, Error> {
    let name: String = sqlx::query_scalar("SELECT current_schema()::text").fetch_one(connection).await?;
    Ok(quoted(&name))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Runs a statement that takes no parameters; what it is made of are names of this crate, and those of the database, quoted.
async fn run(connection: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.map(|_| ())
}
