//! The program's commands: serve, and what operators do.

use std::num::NonZeroUsize;
use std::path::Path;
use std::process::ExitCode;
use std::thread::available_parallelism;

use anyhow::Context;
use application::{Application, Connection};
use runtime::config::{Config, Environment};
use runtime::main::{heard, one_line, say, tokio_runtime};
use runtime::secrets::with_secrets;
use send_reminder::VapidKey;

use crate::cluster::Installed;
use crate::dead_letters::{self, Wanted};
use crate::identity::with_own_keys;
use crate::serve::{Database, serve};
use crate::{NAME, audit, cluster, privacy, roles};

/// A command: its name, and each form of what comes after it.
type Command = (&'static str, &'static [Form]);

/// A form of a command.
struct Form {
    /// What comes after the name: capitals stand for another word, and in brackets is what may be left out.
    takes: &'static str,
    /// What it does, for `--help`.
    what: &'static str,
    /// Does it. It is given the words in the place of capitals, and all of what is in brackets.
    run: fn(&[&str]) -> anyhow::Result<ExitCode>,
}

/// What there is beside serving: nothing else is run.
const COMMANDS: &[Command] = &[
    (
        "migrate",
        &[Form {
            takes: "[--roles]",
            what: "bring the schema up to date, and stop; with --roles also make the database roles of the
                functions, grant them what they need, and turn row-level security on",
            run: |given| match given {
                [] => migrate(async |_| {
                    say("the schema is up to date");
                    Ok(ExitCode::SUCCESS)
                }),
                _ => migrate(async |url| roles::grant(url).await),
            },
        }],
    ),
    (
        "dead-letters",
        &[Form {
            takes: "",
            what: "list the events that could not be handled, and with KAFKA_BROKERS those in the dead-letter
                topics",
            run: |_| {
                with_surroundings(async |around| {
                    dead_letters::list(&around.application, &around.environment).await
                })
            },
        }],
    ),
    (
        "replay",
        &[Form {
            takes: "[WHICH]",
            what: "send all of them again; or one event by its id, or the records of a topic (task-events), or
                one by its place (task-events.dlq/1/17); exit code 1 when a record has to stay where it is",
            run: |given| {
                let wanted = given.first().map_or(Ok(Wanted::All), |which| which.parse())?;
                with_surroundings(async |around| {
                    dead_letters::replay(&around.application, &around.environment, wanted).await
                })
            },
        }],
    ),
    (
        "push-keys",
        &[Form {
            takes: "",
            what: "print the VAPID_PUBLIC_KEY of VAPID_PRIVATE_KEY, for query-tasks; without that one a new pair",
            run: |_| {
                let environment = block_on(with_secrets(Environment::process()))?;
                match VapidKey::from_environment(&environment)? {
                    Some(key) => say(format_args!("VAPID_PUBLIC_KEY={}", key.public_key())),
                    None => {
                        let private = VapidKey::generate();
                        let key: VapidKey = private.parse().map_err(|_| anyhow::anyhow!("a new key is none"))?;
                        say(format_args!("VAPID_PRIVATE_KEY={private}\nVAPID_PUBLIC_KEY={}", key.public_key()));
                    }
                }
                Ok(ExitCode::SUCCESS)
            },
        }],
    ),
    (
        "create-topics",
        &[Form {
            takes: "[--replication N]",
            what: "create the topics of KAFKA_BROKERS that are not there, each on N brokers",
            run: |given| {
                block_on(async {
                    let environment = with_secrets(Environment::process()).await?;
                    dead_letters::make_topics(&environment, given.get(1).copied()).await
                })
            },
        }],
    ),
    (
        "cluster",
        &[
            Form {
                takes: "--bus kafka --kafka-dir FOLDER",
                what: "serve every function as a process of its own, on the broker that infra/local/install-kafka
                    has put there (`make run BUS=kafka` does all of it)",
                run: |given| block_on(cluster::run(Environment::process(), given[0].as_ref(), None)).map(done),
            },
            Form {
                takes: "--bus dapr --kafka-dir FOLDER --dapr-dir FOLDER --resources FOLDER",
                what: "serve them beside sidecars that infra/local/build-daprd has put there, on components such as
                    those of infra/dapr (`make run BUS=dapr` does all of it)",
                run: |given| {
                    let dapr = Installed { programs: given[1].as_ref(), resources: given[2].as_ref() };
                    block_on(cluster::run(Environment::process(), given[0].as_ref(), Some(dapr))).map(done)
                },
            },
        ],
    ),
    (
        "verify-audit",
        &[Form {
            takes: "[--heads FILE]",
            what: "check that nobody has changed the audit log, also against what audit-heads said then; exit
                code 1 when somebody has",
            run: |given| {
                let heads = given.get(1).map(Path::new);
                with_database(async |application| audit::verify(&application, heads).await)
            },
        }],
    ),
    (
        "audit-heads",
        &[Form {
            takes: "",
            what: "say where each user's chain in the audit log ends, one line of JSON each, to be kept elsewhere",
            run: |_| with_database(async |application| audit::heads(&application).await),
        }],
    ),
    (
        "trim-audit",
        &[Form {
            takes: "DAYS [--yes]",
            what: "take entries older than so many days (31 or more) away from the audit log, if --yes says that it
                is meant, as far as their events are gone (EVENTS_RETENTION_DAYS); what is left can still be
                verified, against heads kept elsewhere with the lines that are printed; exit code 1 when a
                chain is broken, which stays as it is",
            run: |given| {
                let days = audit::days(given[0])?;
                match given {
                    [_, _] => with_database(async |application| audit::trim(&application, days).await),
                    _ => Err(audit::unconfirmed(days)),
                }
            },
        }],
    ),
    (
        "export-user",
        &[Form {
            takes: "USER",
            what: "write all that is known of a user to standard output, as one JSON document",
            run: |given| with_database(async |application| privacy::export(&application, given[0]).await),
        }],
    ),
    (
        "erase-user",
        &[Form {
            takes: "USER [--yes]",
            what: "erase a user, named by the id (sub), if --yes says that it is meant; what has to stay (the
                audit log, the events) tells of nobody any more; exit code 1 when there was nothing",
            run: |given| match given {
                [user, _] => with_database(async |application| privacy::erase(&application, user).await),
                _ => Err(privacy::unconfirmed(given[0])),
            },
        }],
    ),
];

/// Runs the program with its arguments.
pub fn run(arguments: &[String]) -> ExitCode {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["--help" | "-h" | "help"] => {
            say(help());
            Ok(ExitCode::SUCCESS)
        }
        ["--version" | "-V"] => {
            say(format_args!("backend {}", env!("CARGO_PKG_VERSION")));
            Ok(ExitCode::SUCCESS)
        }
        [name, rest @ ..] if rest.iter().any(|word| matches!(*word, "--help" | "-h")) => match find(name) {
            Some(command) => {
                say(help_of(command));
                Ok(ExitCode::SUCCESS)
            }
            None => Err(wrong(&words)),
        },
        ["--healthy"] => Ok(runtime::main::healthy(NAME, &Environment::process())),
        [] => block_on(serve(Environment::process())).map(done),
        [name, rest @ ..] => match find_form(name, rest) {
            Some((form, given)) => (form.run)(&given),
            None => Err(wrong(&words)),
        },
    };
    let code = outcome.unwrap_or_else(|error| {
        eprintln!("{}", one_line("backend", &error));
        ExitCode::FAILURE
    });
    heard("backend", code)
}

fn done((): ()) -> ExitCode {
    ExitCode::SUCCESS
}

/// Gives the form of a command that these words have, and what it is to be given.
fn find_form<'a>(name: &str, words: &[&'a str]) -> Option<(&'static Form, Vec<&'a str>)> {
    let (_, forms) = find(name)?;
    forms.iter().find_map(|form| Some((form, form.given(words)?)))
}

impl Form {
    /// Gives what stands in the place of capitals and brackets, if the words have this form.
    fn given<'a>(&self, words: &[&'a str]) -> Option<Vec<&'a str>> {
        // Only what is last can be left out.
        let (needed, may_follow) = self.takes.split_once('[').unwrap_or((self.takes, ""));
        let needed: Vec<_> = needed.split_whitespace().collect();
        let may_follow: Vec<_> = may_follow.trim_end_matches(']').split_whitespace().collect();
        let (first, rest) = words.split_at_checked(needed.len())?;
        let is_like = |word: &str, shown: &str| is_place(shown) || word == shown;
        let are_like = |words: &[&str], shown: &[&str]| {
            words.len() == shown.len() && words.iter().zip(shown).all(|(word, shown)| is_like(word, shown))
        };
        if !are_like(first, &needed) || !rest.is_empty() && !are_like(rest, &may_follow) {
            return None;
        }
        let places = first.iter().zip(needed).filter(|(_, shown)| is_place(shown)).map(|(word, _)| *word);
        Some(places.chain(rest.iter().copied()).collect())
    }
}

/// Says whether a word of a form stands for another.
fn is_place(shown: &str) -> bool {
    shown.bytes().all(|byte| byte.is_ascii_uppercase())
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
            let forms: Vec<_> = forms.iter().map(|form| format!("backend {name} {}", form.takes)).collect();
            let forms = forms.iter().map(|form| form.trim_end()).collect::<Vec<_>>().join(", or ");
            let given = words.join(" ");
            anyhow::anyhow!("{given:?} is not all, or too much; there is {forms}; see backend {name} --help")
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
      serve until SIGTERM, Ctrl-C or the terminal is closed
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
fn entry(name: &str, Form { takes, what, .. }: &Form) -> String {
    let lines: Vec<_> = what.lines().map(|line| format!("      {}\n", line.trim_start())).collect();
    format!("  {}\n{}", format!("{name} {takes}").trim_end(), lines.concat())
}

fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let threads = available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let runtime = tokio_runtime(threads).context("the program could not start its threads")?;
    let outcome = runtime.block_on(future);
    // Whatever still runs has had its time; waiting for it would undo the deadlines.
    runtime.shutdown_background();
    outcome
}

/// What a command has around it.
struct Surroundings {
    /// With what stores of secrets have.
    environment: Environment,
    application: Application,
}

/// Brings the schema up to date, of a new database too, and goes on with its URL.
fn migrate(then: impl AsyncFnOnce(&str) -> anyhow::Result<ExitCode>) -> anyhow::Result<ExitCode> {
    block_on(async {
        let environment = surroundings().await?;
        let database = Database::start_or_join(&environment).await?;
        let outcome = async {
            database.migrate().await?;
            then(&database.url).await
        };
        let outcome = outcome.await;
        database.stop().await?;
        outcome
    })
}

/// Runs a command on a database that is there and up to date, beside a running server or without one.
fn with_database(
    command: impl AsyncFnOnce(Application) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    with_surroundings(async |around| command(around.application).await)
}

/// The same, for a command that needs more.
fn with_surroundings(
    command: impl AsyncFnOnce(Surroundings) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    block_on(async {
        let environment = surroundings().await?;
        let config = Config::from_environment(&environment)?;
        let database = Database::find(&environment).await?;
        let outcome = async {
            let connection = Connection::new(database.url.clone(), NAME, 1);
            let application = Application::new(&connection, config.time_zone, || {})?;
            command(Surroundings { environment, application }).await
        };
        let outcome = outcome.await;
        database.stop().await?;
        outcome
    })
}

async fn surroundings() -> anyhow::Result<Environment> {
    with_own_keys(with_secrets(Environment::process()).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_that_is_shown_is_found_by_its_words() {
        for (name, forms) in COMMANDS {
            for form in *forms {
                let shown: Vec<_> = form.takes.split_whitespace().collect();
                let all: Vec<_> = shown.iter().map(|word| word.trim_matches(['[', ']'])).collect();
                let needed: Vec<_> =
                    shown.iter().copied().take_while(|word| !word.starts_with('[')).collect();
                for words in [&all, &needed] {
                    let (found, _) = find_form(name, words).expect(form.takes);
                    assert_eq!(found.takes, form.takes, "{name} {words:?}");
                }
                let more = [all.as_slice(), &["more"]].concat();
                assert!(find_form(name, &more).is_none(), "{name} {more:?}");
                assert!(needed.is_empty() || find_form(name, &needed[1..]).is_none(), "{name}");
            }
        }
        let given = |name, words: &[&'static str]| find_form(name, words).map(|(_, given)| given);
        let dapr = ["--bus", "dapr", "--kafka-dir", "a", "--dapr-dir", "b", "--resources", "c"];
        assert_eq!(given("cluster", &dapr), Some(vec!["a", "b", "c"]));
        assert_eq!(given("verify-audit", &["--heads", "file"]), Some(vec!["--heads", "file"]));
        assert_eq!(given("verify-audit", &["--heads"]), None);
        assert_eq!(given("erase-user", &["amna", "--yes"]), Some(vec!["amna", "--yes"]));
        assert_eq!(given("erase-user", &["amna", "--no"]), None);
    }

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
