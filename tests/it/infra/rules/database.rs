//! PostgreSQL: who connects as whom, and how many at once.

use serde_json::Value;
use store::grants::ROLES;

use super::{Checked, Pods};
use crate::infra::chart::Manifest;
use crate::infra::code::Code;
use crate::infra::yaml::{at, items, number, text};

/// Who holds locks of a session, or listens, so that no pooler may be between.
const DIRECT: [&str; 4] = ["relay-events", "backend", "migrations", "stream-updates"];

pub(super) fn check(checked: &mut Checked<'_>) {
    credentials(checked);
    budget(checked);
    for cluster in checked.set.of("Cluster") {
        self::cluster(checked, cluster);
    }
    for pods in Pods::of(checked.set) {
        let Some((secret, key)) = pods.secret_of("DATABASE_URL") else {
            let needs =
                checked.code.functions.get(pods.owner.name()).is_some_and(|function| function.role.is_some());
            checked.hold(pods.owner, !needs, "it has no DATABASE_URL");
            continue;
        };
        // What is run once has a new name each time, and is the owner's.
        let name = if pods.owner.name().is_empty() { "migrations" } else { pods.owner.name() };
        let is_own = secret == "db-credentials" && key == name;
        checked.hold(
            pods.owner,
            is_own,
            format!("its DATABASE_URL is {key:?} of {secret:?}, which is not its own"),
        );
        let is_followed = pods.variable("DATABASE_URL").is_none();
        checked.hold(pods.owner, is_followed, "a new password takes a restart: DATABASE_URL_FILE");
        let pooled = checked.set.of("Pooler").next().is_some() && !DIRECT.contains(&name);
        let is_told = pods.value("DATABASE_POOLER") == "transaction";
        checked.hold(
            pods.owner,
            pooled == is_told,
            "DATABASE_POOLER does not say what is between it and PostgreSQL",
        );
    }
}

/// Each function's URL has its own role, and checks the server's certificate.
fn credentials(checked: &mut Checked<'_>) {
    let secrets = checked.set.manifests.iter();
    let credentials = secrets.filter(|secret| {
        secret.name() == "db-credentials" && ["Secret", "ExternalSecret"].contains(&secret.kind())
    });
    for secret in credentials {
        let urls = match secret.kind() {
            "Secret" => at(&secret.0, "stringData"),
            _ => at(&secret.0, "spec target template data"),
        };
        for (key, url) in urls.as_object().into_iter().flatten() {
            let url = url.as_str().unwrap_or_default();
            let role = ROLES.iter().find(|role| role.of == key).map(|role| role.name);
            let role = role.unwrap_or(match key.as_str() {
                "migrations" => "kaam_owner",
                "state-store" => "kaam_state_store",
                _ => "",
            });
            let is_own = url.starts_with(&format!("postgres://{role}:"));
            checked.hold(secret, is_own, format!("{key} connects as somebody else than {role}"));
            checked.hold(
                secret,
                url.contains("sslmode=verify-full"),
                format!("{key} may meet another server: sslmode"),
            );
            let is_pooled = url.contains("-pooler.");
            checked.hold(
                secret,
                !is_pooled || !DIRECT.contains(&key.as_str()),
                format!("{key} needs a session, which a pooler loses"),
            );
        }
    }
}

/// Gives how many connections an instance has beside its pool: one for each topic that it relays, and one to listen on for its streams.
pub(in crate::infra) fn sessions_of(name: &str, code: &Code) -> i64 {
    let relays = ["relay-events", "backend"].contains(&name);
    let streams = name == "backend" || code.functions.get(name).is_some_and(|function| function.is_endless);
    let relayed = if relays { i64::try_from(code.outbox.len()).unwrap_or(i64::MAX) } else { 0 };
    relayed + i64::from(streams)
}

/// What functions take at most is what PostgreSQL has.
fn budget(checked: &mut Checked<'_>) {
    let Some(cluster) = checked.set.of("Cluster").next() else { return };
    let Some(most) = number(&cluster.0, "spec postgresql parameters max_connections") else {
        checked.say(cluster, "max_connections is left to a default");
        return;
    };
    let pooler = checked.set.of("Pooler").next();
    let (mut direct, mut pooled, mut users) = (0, 0, 0);
    for pods in Pods::of_functions(checked.set) {
        if pods.secret_of("DATABASE_URL").is_none() {
            continue;
        }
        let name = pods.owner.name();
        let own: i64 = pods.value("DATABASE_CONNECTIONS").parse().unwrap_or(100);
        let sessions = sessions_of(name, checked.code);
        let Some(instances) = pods.most(checked.set) else {
            checked.say(pods.owner, "nothing bounds its instances, and so its connections");
            continue;
        };
        let all = instances * (own + sessions);
        if pooler.is_some() && !DIRECT.contains(&name) {
            pooled += all;
            users += 1;
        } else {
            direct += all;
        }
        let said: Option<i64> = pods.value("INSTANCES").parse().ok();
        checked.hold(
            pods.owner,
            said == Some(instances),
            format!("INSTANCES is {said:?}, and there are {instances} at most"),
        );
    }
    if let Some(pooler) = pooler {
        let spec = at(&pooler.0, "spec");
        let instances = number(spec, "instances").unwrap_or(1);
        let parameter =
            |name: &str| number(spec, &format!("pgbouncer parameters {name}")).unwrap_or_default();
        let clients = parameter("max_client_conn") * instances;
        checked.hold(
            pooler,
            pooled <= clients,
            format!("functions take up to {pooled} connections, and it has {clients}"),
        );
        direct += users * parameter("default_pool_size") * instances;
        checked.hold(
            pooler,
            text(spec, "pgbouncer poolMode") == "transaction",
            "functions are told that it is of transactions",
        );
        checked.hold(pooler, text(spec, "type") == "rw", "functions write");
    }
    // Some are for operators, and a version that is coming stands beside the one that goes.
    let reserve = most / 8;
    checked.hold(cluster, direct + reserve <= most, format!("functions take up to {direct} connections, and {reserve} are for others, but max_connections is {most}"));
}

fn cluster(checked: &mut Checked<'_>, cluster: &Manifest) {
    let spec = at(&cluster.0, "spec");
    checked.hold(
        cluster,
        at(spec, "enableSuperuserAccess") == &Value::Bool(false),
        "there is a password for the superuser",
    );
    let is_kept = text(&cluster.0, "metadata annotations helm.sh/resource-policy") == "keep";
    checked.hold(cluster, is_kept, "it goes, with all data, when the release does");
    let roles = items(spec, "managed roles");
    for role in roles {
        let name = text(role, "name");
        let is_super =
            at(role, "superuser") == &Value::Bool(true) || at(role, "bypassrls") == &Value::Bool(true);
        checked.hold(cluster, !is_super, format!("{name} sees everything"));
        let makes =
            at(role, "createrole") == &Value::Bool(true) || at(role, "createdb") == &Value::Bool(true);
        checked.hold(
            cluster,
            makes == (name == "kaam_owner"),
            format!("{name} may make roles, or the owner may not"),
        );
    }
    let mut wanted: Vec<_> =
        checked.code.functions.iter().filter_map(|(name, function)| Some((*name, function.role?))).collect();
    // Only where its tokens are believed.
    let own = checked.set.manifests.iter().any(|manifest| manifest.name() == "db-login-sign-in");
    wanted.retain(|(name, _)| own || *name != "sign-in");
    for (function, role) in wanted {
        let found = roles.iter().find(|found| text(found, "name") == role);
        let secret = found.map_or("", |role| text(role, "passwordSecret name"));
        checked.hold(
            cluster,
            secret == format!("db-login-{function}"),
            format!("{role} can not sign in by its own secret"),
        );
    }
    // Behind a pooler nobody else sets them.
    let first = items(spec, "bootstrap initdb postInitApplicationSQL");
    for role in ROLES.iter().filter(|role| roles.iter().any(|found| text(found, "name") == role.name)) {
        for (name, limit) in store::TIMEOUTS {
            let is_set =
                first.contains(&Value::String(format!("ALTER ROLE {} SET {name} = '{limit}'", role.name)));
            checked.hold(cluster, is_set, format!("{} has no {name} of its own", role.name));
        }
    }
    // What no line says is let in by CloudNativePG's own last one, without TLS.
    let host_based: Vec<_> = items(spec, "postgresql pg_hba").iter().filter_map(Value::as_str).collect();
    let is_strict = host_based.last() == Some(&"hostnossl all all all reject")
        && host_based[..host_based.len() - 1]
            .iter()
            .all(|line| line.starts_with("hostssl ") && line.ends_with("scram-sha-256"));
    checked.hold(cluster, is_strict, "somebody comes in without TLS or a password: pg_hba");
    let owner = text(spec, "bootstrap initdb owner");
    checked.hold(
        cluster,
        owner == "kaam_owner",
        format!("{owner:?} owns the database, and kaam_owner migrates"),
    );
    if checked.set.is_production() {
        let instances = number(spec, "instances").unwrap_or_default();
        checked.hold(cluster, instances >= 3, "what was committed may be lost with one machine");
        checked.hold(
            cluster,
            at(spec, "postgresql synchronous").is_object(),
            "what was committed is on one machine: synchronous",
        );
        checked.hold(cluster, at(spec, "backup barmanObjectStore").is_object(), "there is no backup");
        checked.hold(cluster, checked.set.of("ScheduledBackup").next().is_some(), "nobody makes backups");
    }
    for backup in checked.set.of("ScheduledBackup") {
        let schedule = text(&backup.0, "spec schedule");
        // Its schedules always have seconds.
        let wrong = super::wrong_with_cron(schedule, false);
        let is_sound = wrong.is_none() && schedule.split(' ').count() == 6;
        checked.hold(backup, is_sound, format!("{schedule:?} is no schedule of six fields"));
    }
}
