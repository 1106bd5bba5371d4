//! `backend cluster`: every function as a process of its own on this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use runtime::clock::{Clock, Stopwatch};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tests::database::rows;
use tests::process::{DataDir, Program, backend, eventually, outcome};
use tests::world::path_of;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

/// The part that is no process of the folder's.
const POSTGRES: &str = "PostgreSQL";

/// Prepares a cluster; `None`, having said so, when this machine has no Kafka, or lacks what else it takes.
fn cluster(bus: &str, data_dir: &DataDir) -> Option<Command> {
    let installed = tests::kafka::installed()?;
    let mut command = backend(data_dir.path());
    command.args(["cluster", "--bus", bus, "--kafka-dir"]).arg(installed);
    if bus == "dapr" {
        let daprd = tests::daprd::installed()?;
        command.arg("--dapr-dir").arg(daprd.parent().expect("a folder"));
        command.args(["--resources", concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/dapr")]);
    }
    Some(command)
}

/// A process of the cluster.
struct Process {
    pid: Pid,
    /// Its arguments, with spaces between.
    line: String,
    environment: String,
}

impl Process {
    /// Says whether it is a part, and no shell that waits for one.
    fn is_part(&self) -> bool {
        let program = self.line.split(' ').next().unwrap_or_default();
        program.contains('/') && !["postgres", "java", "backend"].iter().any(|other| program.ends_with(other))
    }
}

/// Gives the processes that have to do with a folder, or were started for the cluster that has.
fn processes_of(folder: &Path) -> Vec<Process> {
    let said =
        |path: PathBuf| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).replace('\0', " ");
    let entries = fs::read_dir("/proc").expect("Linux has /proc").flatten();
    let folder = folder.to_str().expect("a text");
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok().and_then(Pid::from_raw)?;
            let (line, environment) =
                (said(entry.path().join("cmdline")), said(entry.path().join("environ")));
            let is_ours = !line.is_empty() && (line.contains(folder) || environment.contains(folder));
            is_ours.then_some(Process { pid, line, environment })
        })
        .collect()
}

/// Gives the command lines of those processes.
fn lines_of(folder: &Path) -> Vec<String> {
    processes_of(folder).into_iter().map(|process| process.line).collect()
}

/// Gives the sidecars of a cluster: the function that each is beside, and its port for other sidecars.
fn sidecars_of(folder: &Path) -> Vec<(String, u16)> {
    let running = processes_of(folder).into_iter().filter(Process::is_part);
    running
        .filter_map(|process| {
            let mut arguments = process.line.split(' ');
            let function =
                arguments.by_ref().skip_while(|argument| *argument != "--app-id").nth(1)?.to_owned();
            let port = arguments.skip_while(|argument| *argument != "--dapr-internal-grpc-port").nth(1)?;
            Some((function, port.parse().ok()?))
        })
        .collect()
}

#[tokio::test]
async fn a_cluster_on_this_machine_serves_through_one_door_and_ctrl_c_ends_all_of_it() {
    serves_and_ends("kafka", 14).await;
}

#[tokio::test]
async fn in_a_cluster_users_sign_in_and_each_has_what_is_theirs() {
    users_sign_in("kafka").await;
}

#[tokio::test]
async fn in_a_cluster_beside_sidecars_users_sign_in_and_each_has_what_is_theirs() {
    users_sign_in("dapr").await;
}

async fn users_sign_in(bus: &str) {
    let data_dir = DataDir::new();
    let Some(mut command) = cluster(bus, &data_dir) else { return };
    command.env("AUTH", "jwt");
    let log = data_dir.path().join("log");
    let program = Program::start_with_log(command, &log).await;
    let call = async |method: &str, path: &str, body: &Value, token: Option<&str>| {
        let bearer = format!("Bearer {}", token.unwrap_or_default());
        let headers = token.map(|_| ("authorization", bearer.as_str()));
        program.call(method, path, body, headers.as_slice()).await.expect("it serves")
    };
    let mut tokens = Vec::new();
    for email in ["amna@example.org", "bilal@example.org"] {
        let body = json!({"email": email, "password": "correct horse battery"});
        assert_eq!(call("POST", "/auth/register", &body, None).await.0, 200);
        let (status, signed_in) = call("POST", "/auth/sign-in", &body, None).await;
        assert_eq!(status, 200, "{signed_in}");
        tokens.push(signed_in["access_token"].as_str().expect("a token").to_owned());
    }
    let (amna, bilal) = (Some(tokens[0].as_str()), Some(tokens[1].as_str()));
    let due = (Clock::system().now() + Duration::from_secs(1)).to_rfc3339();
    let body = json!({"title": "water the plants", "due_date": due, "reminder_config": {"lead_time": "0m"},
                      "recurrence_rule": {"pattern": "daily"}});
    assert_eq!(call("POST", "/api/tasks", &body, None).await.0, 401);
    let (status, task) = call("POST", "/api/tasks", &body, amna).await;
    assert_eq!(status, 200, "{task}");
    let path = path_of(&task);
    assert_eq!(call("GET", &path, &Value::Null, bilal).await.0, 404);
    assert_eq!(call("POST", &format!("{path}/complete"), &Value::Null, bilal).await.0, 404);
    // Announced on a tick, brought by the bus, to the address of the account.
    eventually("the mail is there", async || (!data_dir.mails().is_empty()).then_some(())).await;
    let (_, mail) = data_dir.mails().remove(0);
    assert!(mail.contains("amna@example.org") && !mail.contains("bilal@example.org"), "{mail}");
    assert_eq!(call("POST", &format!("{path}/complete"), &Value::Null, amna).await.0, 200);
    let active = "/api/tasks?status=active";
    eventually("the next occurrence is there", async || {
        let (_, page) = call("GET", active, &Value::Null, amna).await;
        (page["tasks"].as_array().map(Vec::len) == Some(1)).then_some(())
    })
    .await;
    assert_eq!(call("GET", active, &Value::Null, bilal).await.1["tasks"], json!([]));
    let database_url = data_dir.database_url().expect("it has a PostgreSQL of its own");
    eventually("what sign-in and the others did is audited", async || {
        let audited = rows(&database_url, "SELECT DISTINCT action FROM audit_logs").await;
        let has = |action: &str| audited.iter().any(|row| row["action"] == action);
        ["account.registered", "account.signed_in", "task.completed", "reminder.sent"]
            .into_iter()
            .all(has)
            .then_some(())
    })
    .await;
    // What was said before "it" is a user's own.
    let say = async |text: &str, token: Option<&str>| {
        let body = json!({"user_input": text, "conversation_id": "c"});
        let (status, said) = call("POST", "/chat/command", &body, token).await;
        assert_eq!(status, 200, "{said}");
        said["response"].as_str().expect("a text").to_owned()
    };
    say("add a task to buy milk", amna).await;
    assert!(!say("complete it", bilal).await.contains("milk"));
    assert!(say("complete it", amna).await.contains("buy milk"));
    let lines = fs::read_to_string(&log).expect("it writes a log");
    assert!(
        !lines.contains(&tokens[0]) && !lines.contains("correct horse"),
        "no token and no password is told"
    );
    program.signal(Signal::INT);
    assert!(program.ended().await.success());
}

#[tokio::test]
async fn a_cluster_beside_sidecars_serves_the_same_and_ctrl_c_ends_all_of_it() {
    // Six sidecars and a scheduler more.
    serves_and_ends("dapr", 21).await;
}

async fn serves_and_ends(bus: &str, processes: usize) {
    let data_dir = DataDir::new();
    let Some(mut command) = cluster(bus, &data_dir) else { return };
    // Of whoever works with another cluster as well.
    let elsewhere = [
        ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL"),
        ("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512"),
        ("KAFKA_SASL_USERNAME", "kaam"),
        ("KAFKA_SASL_PASSWORD", "for-another-cluster"),
        ("KAFKA_CA_FILE", "/for-another-cluster"),
        ("AWS_SECRET_ACCESS_KEY", "for-another-cluster"),
        ("DAPR_HTTP_PORT", "1"),
        ("DAPR_API_TOKEN_FILE", "/for-another-cluster"),
        ("CONVERSATION_STATE", "dapr"),
        ("K_SINK", "http://for-another-cluster"),
    ];
    command.envs(elsewhere);
    let log = data_dir.path().join("log");
    let program = Program::start_with_log(command, &log).await;
    let due = (Clock::system().now() + Duration::from_secs(2)).to_rfc3339();
    let body = json!({"title": "water the plants", "due_date": due, "recurrence_rule": {"pattern": "daily"},
                      "reminder_config": {"lead_time": "0m", "destination": "amna@example.org"}});
    let (status, task) = program.call("POST", "/api/tasks", &body, &[]).await.expect("it serves");
    assert_eq!(status, 200, "{task}");
    let call = async |method: &str, path: String| {
        program.call(method, &path, &Value::Null, &[]).await.expect("it serves")
    };
    assert_eq!(call("POST", format!("{}/complete", path_of(&task))).await.0, 200);
    let (_, history) = call("GET", format!("{}/history", path_of(&task))).await;
    assert_eq!(history["entries"].as_array().map(Vec::len), Some(2), "{history}");
    // Written by write-audit, from the bus; the next one by spawn-recurrence.
    let database_url = data_dir.database_url().expect("it has a PostgreSQL of its own");
    let audited = "SELECT action FROM audit_logs WHERE action IN ('task.created', 'task.completed')";
    eventually("both changes and the next occurrence are audited", async || {
        (rows(&database_url, audited).await.len() == 3).then_some(())
    })
    .await;
    eventually("the next occurrence is there", async || {
        let (_, page) = call("GET", "/api/tasks?status=active".to_owned()).await;
        (page["tasks"].as_array().map(Vec::len) == Some(1)).then_some(())
    })
    .await;
    // Announced on a tick, brought by the bus.
    let body = json!({"title": "call Amna", "due_date": (Clock::system().now() + Duration::from_secs(1)).to_rfc3339(),
                      "reminder_config": {"lead_time": "0m", "destination": "amna@example.org"}});
    program.call("POST", "/api/tasks", &body, &[]).await.expect("it serves");
    eventually("the mail is there", async || (!data_dir.mails().is_empty()).then_some(())).await;
    let say = async |text: &str| {
        let body = json!({"user_input": text, "conversation_id": "c"});
        program.call("POST", "/chat/command", &body, &[]).await.expect("it serves")
    };
    let (status, said) = say("show my tasks").await;
    assert_eq!((status, &said["intent_detected"]), (200, &json!("query_tasks")));
    // What "it" is stands in PostgreSQL, or in the state store.
    say("add a task to buy milk").await;
    let (_, said) = say("complete it").await;
    assert!(said["response"].as_str().is_some_and(|said| said.contains("buy milk")), "{said}");
    if bus == "dapr" {
        let kept = rows(&database_url, "SELECT key FROM dapr_state").await;
        assert!(kept.iter().any(|row| row["key"] == "chat-command||conversation:local:c"), "{kept:?}");
    }
    assert_eq!(call("GET", "/nothing".to_owned()).await.0, 404);
    let (_, document) = call("GET", "/openapi.json".to_owned()).await;
    assert!(
        document["paths"]["/api/tasks"]["get"].is_object()
            && document["paths"]["/api/tasks"]["post"].is_object()
    );
    let lines = fs::read_to_string(&log).expect("it writes a log");
    for name in ["create-task", "write-audit", "relay-events", "scan-reminders"] {
        assert!(lines.lines().any(|line| line.starts_with(name)), "{name} has a prefix of its own");
    }
    let running = processes_of(data_dir.path());
    let parts: Vec<_> = running.iter().filter(|process| process.is_part()).collect();
    assert_eq!(parts.len(), processes, "{:#?}", lines_of(data_dir.path()));
    for part in parts {
        assert!(!part.environment.contains("for-another-cluster"), "{}", part.line);
    }
    let sidecars = sidecars_of(data_dir.path());
    assert_eq!(sidecars.len(), if bus == "dapr" { 6 } else { 0 }, "{sidecars:?}");
    for (function, internal_port) in sidecars {
        // Nobody makes up an event for a function by way of its sidecar.
        let refused = tests::daprd::invoked_at(internal_port, "dapr/events/audit-events", "{}").await;
        assert_eq!(refused, Some(7), "{function}");
    }
    let watch = Stopwatch::start();
    program.signal(Signal::INT);
    assert!(program.ended().await.success());
    assert!(watch.elapsed() < Duration::from_secs(10), "{:?}", watch.elapsed());
    assert_eq!(lines_of(data_dir.path()), Vec::<String>::new());
    assert!(!data_dir.path().join("dapr").exists(), "what sidecars read has a password in it");
    // And again, on what was left.
    let program = Program::start(cluster(bus, &data_dir).expect("it is installed")).await;
    let (status, found) = program.call("GET", &path_of(&task), &Value::Null, &[]).await.expect("it serves");
    assert_eq!((status, &found["status"]), (200, &json!("completed")));
    program.kill().await;
    eventually("nothing is left of one that was killed", async || {
        let left = lines_of(data_dir.path());
        left.iter().all(|line| line.contains("postgres")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_part_that_ends_is_named_at_once_and_all_end() {
    let killed = [
        ("write-audit", "write-audit ended by itself, killed by signal 9"),
        ("kafka.Kafka", "the Kafka broker ended by itself"),
        (POSTGRES, "the private PostgreSQL ended by itself"),
    ];
    all_end_with_each_of("kafka", &killed).await;
}

#[tokio::test]
async fn a_sidecar_or_the_scheduler_that_ends_is_named_at_once_and_all_end() {
    let killed = [
        ("--app-id write-audit", "write-audit's daprd ended by itself, killed by signal 9"),
        ("/scheduler", "scheduler ended by itself, killed by signal 9"),
    ];
    all_end_with_each_of("dapr", &killed).await;
}

/// Kills the process that has this in its command line, and checks what is said of it.
async fn all_end_with_each_of(bus: &str, killed: &[(&str, &str)]) {
    let data_dir = DataDir::new();
    for (part, said) in killed {
        let Some(command) = cluster(bus, &data_dir) else { return };
        let log = data_dir.path().join(format!("log of {}", part.replace('/', "-")));
        let program = Program::start_with_log(command, &log).await;
        let lines = || fs::read_to_string(&log).expect("it writes a log");
        let is_it = |process: &Process| process.line.contains(part) && !process.line.starts_with("sh ");
        let pid = match *part {
            // It may live elsewhere.
            POSTGRES => data_dir.postgres(),
            _ => processes_of(data_dir.path()).into_iter().find(is_it).map(|process| process.pid),
        };
        let watch = Stopwatch::start();
        kill_process(pid.unwrap_or_else(|| panic!("{part} runs")), Signal::KILL).expect("it runs");
        let named = format!("{:16} | {said}", "cluster");
        eventually(said, async || lines().contains(&named).then_some(())).await;
        assert!(watch.elapsed() < Duration::from_secs(2), "{said}: {:?}", watch.elapsed());
        assert!(!program.ended().await.success());
        assert!(watch.elapsed() < Duration::from_secs(10), "{said}: {:?}", watch.elapsed());
        let lines = lines();
        assert_eq!(lines.lines().filter(|line| line.starts_with("cluster ")).count(), 1, "{lines}");
        let last = lines.lines().last().unwrap_or_default();
        assert!(last.starts_with("backend: ") && last.contains(said), "{last}");
        eventually("nothing is left", async || lines_of(data_dir.path()).is_empty().then_some(())).await;
    }
}

#[tokio::test]
async fn a_cluster_whose_terminal_is_gone_is_drained_like_any_other() {
    let data_dir = DataDir::new();
    let Some(mut command) = cluster("kafka", &data_dir) else { return };
    let gone = fs::File::options().write(true).open("/dev/full").expect("Linux has it");
    let mut program = command.stdout(Stdio::piped()).stderr(gone).spawn().expect("it is built");
    let (mut out, mut line) = (BufReader::new(program.stdout.take().expect("it is piped")), String::new());
    out.read_line(&mut line).await.expect("a text");
    assert!(line.contains("http://"), "{line:?}");
    let pid = program.id().and_then(|pid| Pid::from_raw(pid.cast_signed())).expect("it runs");
    kill_process(pid, Signal::TERM).expect("it runs");
    assert!(program.wait().await.expect("it was started").success());
    assert_eq!(lines_of(data_dir.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_function_that_can_not_start_ends_all_with_its_own_line_before() {
    let data_dir = DataDir::new();
    let Some(mut command) = cluster("kafka", &data_dir) else { return };
    command.env("SMTP_URL", "nonsense");
    let ended = outcome(command).await;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    let why = said.lines().find(|line| line.starts_with("send-reminder") && line.contains("SMTP_URL"));
    assert!(!ended.status.success() && why.is_some(), "{said}");
    let last = said.lines().last().unwrap_or_default();
    assert_eq!(last, "backend: send-reminder ended by itself with exit code 1");
    eventually("nothing is left", async || lines_of(data_dir.path()).is_empty().then_some(())).await;
}

#[tokio::test]
async fn a_cluster_on_another_bus_is_refused() {
    let data_dir = DataDir::new();
    let mut command = backend(data_dir.path());
    command.args(["cluster", "--bus", "pigeons"]);
    let ended = outcome(command).await;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success() && said.lines().count() == 1 && said.contains("pigeons"), "{said}");
}

#[tokio::test]
async fn sidecars_before_brokers_that_want_a_password_are_refused() {
    let data_dir = DataDir::new();
    let mut command = backend(data_dir.path());
    command.args(["cluster", "--bus", "dapr", "--kafka-dir", "/nowhere", "--dapr-dir", "/nowhere"]);
    command.args(["--resources", "/nowhere"]);
    command.env("KAFKA_BROKERS", "localhost:9092").env("KAFKA_SECURITY_PROTOCOL", "SASL_SSL");
    let ended = outcome(command).await;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    let is_told = said.lines().count() == 1 && said.contains("KAFKA_SECURITY_PROTOCOL is \"SASL_SSL\"");
    assert!(!ended.status.success() && is_told, "{said}");
}
