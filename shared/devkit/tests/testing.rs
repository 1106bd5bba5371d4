//! The throw-away cluster of a test process.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use devkit::testing;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};

static MIGRATIONS: AtomicU32 = AtomicU32::new(0);

async fn migrate(url: &str) -> Result<()> {
    MIGRATIONS.fetch_add(1, Ordering::Relaxed);
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql("CREATE TABLE tasks (title TEXT NOT NULL)").execute(&mut connection).await?;
    // Not closed in good order, as a pool's connections may not be: the copies have to wait for it.
    drop(connection);
    Ok(())
}

#[test]
fn databases_of_many_runtimes_are_migrated_once_and_know_nothing_of_each_other() -> Result<()> {
    let tests: Vec<_> = (0..12)
        .map(|number| {
            std::thread::spawn(move || -> Result<String> {
                tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
                    let database = testing::database(migrate).await;
                    let mut connection = PgConnection::connect(&database.url).await?;
                    sqlx::query("INSERT INTO tasks (title) VALUES ($1)")
                        .bind(format!("task {number}"))
                        .execute(&mut connection)
                        .await?;
                    let titles: Vec<String> =
                        sqlx::query_scalar("SELECT title FROM tasks").fetch_all(&mut connection).await?;
                    assert_eq!(titles, [format!("task {number}")]);
                    Ok(database.url)
                })
            })
        })
        .collect();
    let mut urls = Vec::new();
    for test in tests {
        urls.push(test.join().expect("no panic")?);
    }
    urls.sort();
    urls.dedup();
    assert_eq!(urls.len(), 12);
    assert_eq!(MIGRATIONS.load(Ordering::Relaxed), 1);
    Ok(())
}

#[tokio::test]
async fn the_cluster_of_a_killed_test_process_disappears_with_its_files() -> Result<()> {
    let (mut process, cluster) = program("waits")?;
    process.kill()?;
    process.wait()?;
    cluster.is_gone().await
}

#[tokio::test]
async fn the_cluster_of_a_test_process_that_aborts_disappears_with_its_files() -> Result<()> {
    let (mut process, cluster) = program("aborts")?;
    ensure!(!process.wait()?.success(), "it did not abort");
    cluster.is_gone().await
}

#[tokio::test]
async fn the_cluster_of_a_test_process_that_is_done_disappears_with_its_files() -> Result<()> {
    let (mut process, cluster) = program("ends")?;
    ensure!(process.wait()?.success(), "it failed");
    cluster.is_gone().await
}

#[tokio::test]
async fn an_unused_port_can_be_listened_on() -> Result<()> {
    tokio::net::TcpListener::bind(("127.0.0.1", testing::unused_port())).await?;
    Ok(())
}

/// Not a test: what the others start as another test process.
#[tokio::test]
#[ignore = "a program that the other tests start"]
async fn waits() -> Result<()> {
    report().await?;
    for line in std::io::stdin().lines() {
        line?;
    }
    Ok(())
}

/// Not a test: what the others start as another test process.
#[tokio::test]
#[ignore = "a program that the other tests start"]
async fn aborts() -> Result<()> {
    report().await?;
    std::process::abort()
}

/// Not a test: what the others start as another test process.
#[tokio::test]
#[ignore = "a program that the other tests start"]
async fn ends() -> Result<()> {
    report().await
}

/// Tells the process that started this one where the cluster is.
async fn report() -> Result<()> {
    let database = testing::database(migrate).await;
    let mut connection = PgConnection::connect(&database.url).await?;
    let name: String = sqlx::query_scalar("SHOW cluster_name").fetch_one(&mut connection).await?;
    let options: PgConnectOptions = database.url.parse()?;
    let socket_dir = options.get_socket().context("a socket")?;
    let directory = socket_dir.ancestors().nth(2).context("DATA_DIR/postgres/server")?;
    println!("\ncluster {name} {}", directory.display());
    Ok(())
}

fn program(name: &str) -> Result<(Child, Cluster)> {
    let mut process = Command::new(std::env::current_exe()?)
        .args(["--exact", name, "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut output = BufReader::new(process.stdout.take().context("piped")?);
    loop {
        let mut line = String::new();
        ensure!(output.read_line(&mut line)? > 0, "the program ended without a cluster");
        if let Some((name, directory)) =
            line.trim().strip_prefix("cluster ").and_then(|rest| rest.split_once(' '))
        {
            let (name, directory) = (name.to_owned(), directory.to_owned());
            return Ok((process, Cluster { name, directory, _output: output }));
        }
    }
}

struct Cluster {
    name: String,
    directory: String,
    // Open until the end: a program that cannot print fails.
    _output: BufReader<ChildStdout>,
}

impl Cluster {
    async fn is_gone(&self) -> Result<()> {
        let gone = async {
            while Path::new(&self.directory).exists() || self.has_processes()? {
                tokio::task::yield_now().await;
            }
            Ok(())
        };
        tokio::time::timeout(Duration::from_secs(20), gone).await.context("it is still there")?
    }

    fn has_processes(&self) -> Result<bool> {
        for entry in fs::read_dir("/proc")? {
            let Ok(line) = fs::read(entry?.path().join("cmdline")) else { continue };
            let line = String::from_utf8_lossy(&line).into_owned();
            if line.contains("postgres") && line.contains(&self.name) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
