//! The program's commands: serve, and what operators do.

use std::process::ExitCode;

use anyhow::Context;
use application::{Application, Connection};
use runtime::config::{Config, Environment};
use runtime::main::{one_line, tokio_runtime};
use runtime::secrets::with_secrets;

use crate::cluster::Installed;
use crate::dead_letters::{self, Wanted};
use crate::identity::with_own_keys;
use crate::serve::{Database, serve};
use crate::{NAME, audit, cluster, privacy, roles};

/// A command: its name, and each form of what comes after it, with what that does.
type Command = (&'static str, &'static [(&'static str, &'static str)]);

/// What there is beside serving: nothing else is run.
const COMMANDS: &[Command] = &[
    (
        "migrate",
        &[(
            "[--roles]",
            "bring the schema up to date, and stop; with --roles also make the database roles of the
             functions, grant them what they need, and turn row-level security on",
        )],
    ),
    (
        "dead-letters",
        &[(
            "",
            "list the events that could not be handled, and with KAFKA_BROKERS those in the dead-letter
             topics",
        )],
    ),
    (
        "replay",
        &[(
            "[WHICH]",
            "send all of them again; or one event by its id, or the records of a topic (task-events), or
             one by its place (task-events.dlq/1/17); exit code 1 when a record has to stay where it is",
        )],
    ),
    (
        "create-topics",
        &[("[--replication N]", "create the topics of KAFKA_BROKERS that are not there, each on N brokers")],
    ),
    (
        "cluster",
        &[
            (
                "--bus kafka --kafka-dir FOLDER",
                "serve every function as a process of its own, on the broker that infra/local/install-kafka
                 has put there (`make run BUS=kafka` does all of it)",
            ),
            (
                "--bus dapr --kafka-dir FOLDER --dapr-dir FOLDER --resources FOLDER",
                "serve them beside sidecars that infra/local/build-daprd has put there, on components such as
                 those of infra/dapr (`make run BUS=dapr` does all of it)",
            ),
        ],
    ),
    (
        "verify-audit",
        &[(
            "[--heads FILE]",
            "check that nobody has changed the audit log, also against what audit-heads said then; exit
             code 1 when somebody has",
        )],
    ),
    (
        "audit-heads",
        &[(
            "",
            "say where each user's chain in the audit log ends, one line of JSON each, to be kept elsewhere",
        )],
    ),
    (
        "export-user",
        &[("USER", "write all that is known of a user to standard output, as one JSON document")],
    ),
    (
        "erase-user",
        &[(
            "USER --yes",
            "erase a user; what has to stay (the audit log, the events) tells of nobody any more",
        )],
    ),
];

/// Runs the program with its arguments.
pub fn run(arguments: &[String]) -> ExitCode {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["--help" | "-h" | "help"] => {
            println!("{}", help());
            return ExitCode::SUCCESS;
        }
        ["--version" | "-V"] => {
            println!("backend {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        [name, rest @ ..] if rest.iter().any(|word| matches!(*word, "--help" | "-h")) => match find(name) {
            Some(command) => {
                println!("{}", help_of(command));
                Ok(ExitCode::SUCCESS)
            }
            None => Err(wrong(&words)),
        },
        ["--healthy"] => Ok(runtime::main::healthy(NAME, &Environment::process())),
        [name, ..] if find(name).is_none() => Err(wrong(&words)),
        [] => block_on(serve(Environment::process())).map(|()| ExitCode::SUCCESS),
        ["migrate"] => block_on(with_database(async |_| {
            println!("the schema is up to date");
            Ok(ExitCode::SUCCESS)
        })),
        ["migrate", "--roles"] => block_on(with_database_at(async |_, url| roles::grant(url).await)),
        ["dead-letters"] => {
            block_on(with_database(async |application| dead_letters::list(&application).await))
        }
        ["replay"] => block_on(replay(Wanted::All)),
        ["replay", which] => which.parse().and_then(|wanted| block_on(replay(wanted))),
        ["create-topics"] => block_on(dead_letters::make_topics(None)),
        ["create-topics", "--replication", number] => block_on(dead_letters::make_topics(Some(number))),
        ["cluster", "--bus", "kafka", "--kafka-dir", folder] => {
            let served = cluster::run(Environment::process(), folder.as_ref(), None);
            block_on(served).map(|()| ExitCode::SUCCESS)
        }
        ["cluster", "--bus", "dapr", "--kafka-dir", kafka, "--dapr-dir", dapr, "--resources", resources] => {
            let dapr = Installed { programs: dapr.as_ref(), resources: resources.as_ref() };
            let served = cluster::run(Environment::process(), kafka.as_ref(), Some(dapr));
            block_on(served).map(|()| ExitCode::SUCCESS)
        }
        ["verify-audit"] => {
            block_on(with_database(async |application| audit::verify(&application, None).await))
        }
        ["verify-audit", "--heads", file] => {
            let verify = async |application| audit::verify(&application, Some(file.as_ref())).await;
            block_on(with_database(verify))
        }
        ["audit-heads"] => block_on(with_database(async |application| audit::heads(&application).await)),
        ["export-user", user] => {
            block_on(with_database(async |application| privacy::export(&application, user).await))
        }
        ["erase-user", user] => Err(privacy::unconfirmed(user)),
        ["erase-user", user, "--yes"] => {
            block_on(with_database(async |application| privacy::erase(&application, user).await))
        }
        _ => Err(wrong(&words)),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("{}", one_line("backend", &error));
        ExitCode::FAILURE
    })
}

/// Gives a command by its name.
fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|(known, _)| *known == name)
}

/// Says what there is, when the first word is no command or was not given what it takes.
fn wrong(words: &[&str]) -> anyhow::Error {
    let name = words.first().copied().unwrap_or_default();
    match find(name) {
        Some((_, forms)) => {
            let forms: Vec<_> = forms.iter().map(|(form, _)| format!("backend {name} {form}")).collect();
            let forms = forms.iter().map(|form| form.trim_end()).collect::<Vec<_>>().join(", or ");
            let given = words.join(" ");
            anyhow::anyhow!("there is no {given:?}; there is {forms}; see backend {name} --help")
        }
        None => {
            let known: Vec<_> = COMMANDS.iter().map(|(name, _)| *name).collect();
            anyhow::anyhow!(
                "there is no command {name:?}; there are {}; see backend --help",
                known.join(", ")
            )
        }
    }
}

/// What `--help` shows.
fn help() -> String {
    let mut commands = String::new();
    for (name, forms) in COMMANDS {
        for form in *forms {
            commands += &entry(name, form);
        }
    }
    format!(
        "\
usage: backend [COMMAND]

Serves every function of Kaam in one process, on the database of DATABASE_URL or on a private PostgreSQL in DATA_DIR.

commands:
  (none)
      serve until SIGTERM or Ctrl-C
{commands}
options:
  --help             show this, and after a command what that one does
  --version          show the version
  --healthy          ask the server of the same HOST and PORT for its health; exit code 1 when it has none

Settings come from the environment; README.md lists them all."
    )
}

/// What `--help` after a command shows.
fn help_of((name, forms): &Command) -> String {
    let forms: Vec<_> = forms.iter().map(|form| entry(name, form)).collect();
    format!(
        "usage: backend {name} …\n\n{}\nSettings come from the environment; README.md lists them all.",
        forms.concat()
    )
}

/// A form of a command, and under it what that does.
fn entry(name: &str, (form, what): &(&str, &str)) -> String {
    let lines: Vec<_> = what.lines().map(|line| format!("      {}\n", line.trim_start())).collect();
    format!("  {}\n{}", format!("{name} {form}").trim_end(), lines.concat())
}

fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio_runtime().context("the program could not start its threads")?;
    let outcome = runtime.block_on(future);
    // Whatever still runs has had its time; waiting for it would undo the deadlines.
    runtime.shutdown_background();
    outcome
}

/// Runs a command on the migrated database, beside a running server or without one.
async fn with_database(
    command: impl AsyncFnOnce(Application) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    with_database_at(async |application, _| command(application).await).await
}

/// The same, for a command that also wants to know where the database is.
async fn with_database_at(
    command: impl AsyncFnOnce(Application, &str) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    let environment = with_own_keys(with_secrets(Environment::process()).await?)?;
    let config = Config::from_environment(&environment)?;
    let database = Database::start_or_join(&environment).await?;
    let outcome = async {
        database.migrate().await?;
        let connection = Connection::new(database.url.clone(), NAME, 1);
        command(Application::new(&connection, config.time_zone, || {})?, &database.url).await
    };
    let outcome = outcome.await;
    database.stop().await?;
    outcome
}

async fn replay(wanted: Wanted) -> anyhow::Result<ExitCode> {
    with_database(async |application| dead_letters::replay(&application, wanted).await).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_command_is_told_which_there_are() {
        let said = wrong(&["serve"]).to_string();
        assert!(COMMANDS.iter().all(|(name, _)| said.contains(name)) && !said.contains('\n'), "{said}");
        let said = wrong(&["cluster", "--bus", "pigeons"]).to_string();
        assert!(said.contains("pigeons") && said.contains("or backend cluster --bus dapr"), "{said}");
        let said = wrong(&["audit-heads", "all"]).to_string();
        assert!(said.contains("there is backend audit-heads; see"), "{said}");
    }
}
