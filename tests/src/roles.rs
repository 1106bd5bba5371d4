//! Login roles of the functions, in the cluster of the tests.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use store::grants::ROLES;

/// Makes the functions' roles, and a login role as a member of each.
///
/// # Errors
/// When the database refuses it.
pub async fn make(url: &str) -> anyhow::Result<()> {
    store::roles::grant(url).await?;
    let mut connection = PgConnection::connect(url).await?;
    for role in &ROLES {
        let create = format!("CREATE ROLE {} LOGIN IN ROLE {}", login(role.name), role.name);
        sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await?;
    }
    connection.close().await?;
    Ok(())
}

/// Gives the URL under which a function, such as `create-task`, connects as its role.
pub fn url_of(owner_url: &str, function: &str) -> String {
    let role = ROLES
        .iter()
        .find(|role| role.of == function)
        .unwrap_or_else(|| panic!("{function} has no role in store::grants"));
    let (_, rest) = owner_url.split_once('@').expect("the owner has a name");
    format!("postgres://{}@{rest}", login(role.name))
}

fn login(role: &str) -> String {
    format!("{role}_login")
}
