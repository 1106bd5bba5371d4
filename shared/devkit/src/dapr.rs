//! What Dapr's sidecar and the scheduler of its jobs are started with, as `infra/local/build-daprd` builds them: everything on the
//! loopback interface, and nothing that the network is asked or told.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::str::FromStr as _;

use anyhow::{Context as _, Result, ensure};
use sqlx::postgres::PgConnectOptions;

/// A sidecar.
#[derive(Clone, Copy, Debug)]
pub struct Sidecar<'a> {
    /// The app-id, by which components know it.
    pub app_id: &'a str,
    /// Where the app listens; `None` where there is none.
    pub app_port: Option<u16>,
    /// Where it serves HTTP (`DAPR_HTTP_PORT`), gRPC, and other sidecars.
    pub ports: [u16; 3],
    /// The port of the scheduler.
    pub scheduler: Option<u16>,
    /// A folder with `resources/`, its components and policies, and `configuration.yaml`.
    pub files: &'a Path,
    /// `warn`, `info`, …
    pub log_level: &'a str,
}

impl Sidecar<'_> {
    /// Gives the arguments of `daprd`.
    pub fn arguments(&self) -> Vec<OsString> {
        let [http, grpc, internal] = self.ports.map(|port| port.to_string());
        let mut arguments: Vec<OsString> = [
            &["--app-id", self.app_id, "--enable-metrics=false", "--log-level", self.log_level][..],
            &["--dapr-listen-addresses", "127.0.0.1", "--dapr-internal-grpc-listen-address", "127.0.0.1"],
            &["--dapr-http-port", &http, "--dapr-grpc-port", &grpc, "--dapr-internal-grpc-port", &internal],
        ]
        .concat()
        .into_iter()
        .map(OsString::from)
        .collect();
        arguments.extend(["--resources-path".into(), self.files.join("resources").into()]);
        arguments.extend(["--config".into(), self.files.join("configuration.yaml").into()]);
        if let Some(port) = self.app_port {
            arguments.extend(["--app-port", &port.to_string(), "--app-protocol", "http"].map(OsString::from));
        }
        if let Some(port) = self.scheduler {
            arguments.extend(["--scheduler-host-address", &format!("127.0.0.1:{port}")].map(OsString::from));
        }
        arguments
    }
}

/// Gives the arguments of `scheduler`, which serves at `port` and keeps jobs in the folder `data`; the others are ports of its own.
///
/// Where its health is served, all the network reaches it: 1.18.0 reads `--healthz-listen-address` and forgets it (dapr/dapr#10394).
pub fn scheduler_arguments(
    port: u16,
    [health, etcd, peers]: [u16; 3],
    data: &Path,
    log_level: &str,
) -> Vec<OsString> {
    let [port, health, etcd] = [port, health, etcd].map(|port| port.to_string());
    let mut arguments: Vec<OsString> = [
        ["--enable-metrics=false", "--listen-address=127.0.0.1", "--port", &port],
        ["--healthz-listen-address", "127.0.0.1", "--healthz-port", &health],
        ["--etcd-client-listen-address", "127.0.0.1", "--etcd-client-port", &etcd],
        ["--id", "one", "--etcd-initial-cluster", &format!("one=http://127.0.0.1:{peers}")],
    ]
    .concat()
    .into_iter()
    .map(OsString::from)
    .collect();
    arguments.extend(["--override-broadcast-host-port".into(), format!("127.0.0.1:{port}").into()]);
    arguments.extend(["--etcd-data-dir".into(), data.into()]);
    arguments.extend(["--log-level", log_level].map(OsString::from));
    arguments
}

/// Gives what a file of `infra/dapr` says, with values of one's own: `(what stands there, what is to stand there)`.
///
/// # Errors
/// There is no such file, or no such value in it.
pub fn resource(file: &Path, values: &[(&str, &str)]) -> Result<String> {
    let mut text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    for (there, own) in values {
        ensure!(text.contains(there), "{} does not say {there:?}", file.display());
        text = text.replace(there, own);
    }
    Ok(text)
}

/// Gives the connection string of a database for Dapr's components. One at a socket Dapr's driver wants by name and value.
///
/// # Errors
/// It is no URL of a PostgreSQL.
pub fn connection_string(database_url: &str) -> Result<String> {
    let database = PgConnectOptions::from_str(database_url)?;
    let Some(socket) = database.get_socket() else { return Ok(database_url.to_owned()) };
    let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    Ok(format!(
        "host={} port={} user={} dbname={} sslmode=disable",
        quoted(&socket.display().to_string()),
        database.get_port(),
        quoted(database.get_username()),
        quoted(database.get_database().unwrap_or_default())
    ))
}
