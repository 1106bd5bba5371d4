//! The server's process: started, taken over, stopped.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal};
use sqlx::{Connection as _, PgConnection};

use super::account::Account;
use super::binaries::Binaries;
use super::layout::{Layout, ServerDir, ServerNote, SocketDir};
use super::{DATABASE, process};

/// How long a server may take to stop in good order.
const STOP_LIMIT: Duration = Duration::from_secs(3);
/// How long it may take after it was told to drop everything, and again after it was killed.
const HARD_STOP_LIMIT: Duration = Duration::from_secs(3);
/// How long a server that was found running may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// How long a server that was found recovering or stopping may take to be done with it.
const BUSY_LIMIT: Duration = Duration::from_secs(60);

/// How often a start is tried again while processes of a server that was killed hold its memory, and how long after each time.
const LEFTOVER_TRIES: usize = 100;
const LEFTOVER_PAUSE: Duration = Duration::from_millis(100);
/// What PostgreSQL says then.
const LEFTOVERS: &str = "pre-existing shared memory block";

/// A running server. Dropped, it is told to stop.
#[derive(Debug)]
pub(super) struct Server {
    pid: Pid,
    /// Absent for one that an earlier program started.
    child: Option<Child>,
    is_stopped: bool,
}

impl Server {
    /// Starts a server and waits until it accepts connections: however long recovery takes, as long as the
    /// server lives. Processes of one that was killed are waited for: one that is ending has lost its title, by which it was known, before
    /// it lets go of the memory that it shares, and on a busy machine that takes its time.
    pub(super) async fn start(
        layout: &Layout,
        server_dir: &ServerDir,
        socket_dir: &SocketDir,
        account: Account,
        binaries: &Binaries,
        settings: &[String],
    ) -> Result<Self> {
        let mut tries_left = LEFTOVER_TRIES;
        loop {
            match Self::start_once(layout, server_dir, socket_dir, account, binaries, settings).await {
                Err(error) if tries_left > 0 && error.to_string().contains(LEFTOVERS) => {
                    tries_left -= 1;
                    tokio::time::sleep(LEFTOVER_PAUSE).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn start_once(
        layout: &Layout,
        server_dir: &ServerDir,
        socket_dir: &SocketDir,
        account: Account,
        binaries: &Binaries,
        settings: &[String],
    ) -> Result<Self> {
        let log = layout.open_log()?;
        let mut command = Command::new(binaries.postgres());
        command.arg("-D").arg(server_dir.path.join("data"));
        command.arg("-c").arg(socket_dir.setting(server_dir));
        for setting in settings {
            command.arg("-c").arg(setting);
        }
        let child = account
            .runs(&mut command)
            .stdin(Stdio::null())
            .stdout(log.file.try_clone().context("failed to share the log")?)
            .stderr(log.file.try_clone().context("failed to share the log")?)
            // Ctrl-C on the terminal is for the program, which then stops the server in good order.
            .process_group(0)
            .spawn()
            .with_context(|| format!("failed to run {}", binaries.postgres().display()))?;
        let pid = Pid::from_child(&child);
        let mut server = Self { pid, child: Some(child), is_stopped: false };

        // `pg_ctl --wait` looks at the same note; unlike a try to connect, a look costs next to nothing.
        while !layout.server_note().is_some_and(|note| note.pid == pid && note.is_ready) {
            if server.has_ended() {
                bail!("the server ended at once; its log says:\n{}", log.end());
            }
            process::glance_later().await;
        }
        Ok(server)
    }

    /// Takes over a server that an earlier program has left running in this directory; `None`, when there is
    /// none or none that can be used, and then nothing is in the way of a new one.
    pub(super) async fn adopt(
        layout: &Layout,
        socket_dir: &SocketDir,
        settings: &[String],
    ) -> Result<Option<Self>> {
        let Some(note) = note_of_living(layout).await? else {
            make_way(layout, socket_dir)?;
            return Ok(None);
        };
        let mut server = Self { pid: note.pid, child: None, is_stopped: false };
        let is_wanted = has_settings(&layout.last_command_line(), settings);
        match answer_when_settled(&mut server, &socket_dir.url(DATABASE)).await {
            Some(Answer::Ready) if is_wanted => {
                tracing::info!(pid = server.pid(), "took over the PostgreSQL server of a killed program");
                return Ok(Some(server));
            }
            Some(Answer::Ready) => server.stop().await?,
            Some(Answer::Busy | Answer::Silent) => server.stop_hard().await?,
            None => server.is_stopped = true,
        }
        if note_of_living(layout).await?.is_some() {
            bail!("another PostgreSQL server was started in {} meanwhile", layout.root.display());
        }
        make_way(layout, socket_dir)?;
        Ok(None)
    }

    /// The process id.
    pub(super) fn pid(&self) -> u32 {
        self.pid.as_raw_pid().unsigned_abs()
    }

    /// Stops the server in good order, or hard when that takes too long.
    pub(super) async fn stop(&mut self) -> Result<()> {
        // "Fast shutdown": the default, "smart", would wait for every client to leave.
        process::signal(self.pid, Signal::INT).context("failed to stop the PostgreSQL server")?;
        if process::wait_until(STOP_LIMIT, || self.has_ended()).await {
            self.is_stopped = true;
            return Ok(());
        }
        tracing::warn!(pid = self.pid(), "the PostgreSQL server takes too long to stop; stopping it hard");
        self.stop_hard().await
    }

    /// Stops the server without writing anything: the next start recovers from the write-ahead log.
    async fn stop_hard(&mut self) -> Result<()> {
        for signal in [Signal::QUIT, Signal::KILL] {
            process::signal(self.pid, signal).context("failed to stop the PostgreSQL server")?;
            if process::wait_until(HARD_STOP_LIMIT, || self.has_ended()).await {
                self.is_stopped = true;
                return Ok(());
            }
        }
        bail!("the PostgreSQL server, process {}, does not stop", self.pid())
    }

    pub(super) fn has_ended(&mut self) -> bool {
        match &mut self.child {
            Some(child) => !matches!(child.try_wait(), Ok(None)),
            None => !process::is_alive(self.pid),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.is_stopped && !self.has_ended() {
            // Nobody is left to be told when it fails.
            let _ = process::signal(self.pid, Signal::INT);
        }
    }
}

/// The note of the server that lives in this directory; `None` when there is no server, and no process of one.
///
/// A server that was started a moment ago may not have written its note yet, or not have replaced that of a dead one, and the
/// children of a killed server end as soon as they notice. A new server beside either would ruin the data or fail.
async fn note_of_living(layout: &Layout) -> Result<Option<ServerNote>> {
    let mut found = None;
    let is_settled = || {
        // The note outlives a server that was killed, and its process id may be another program's by now.
        let is_living = |note: &ServerNote| {
            process::is_alive(note.pid)
                && process::is_of_cluster(note.pid, &layout.cluster_name) != Some(false)
        };
        found = layout.server_note().filter(is_living);
        found.is_some() || !process::cluster_has_processes(&layout.cluster_name)
    };
    if !process::wait_until(STOP_LIMIT, is_settled).await {
        bail!(
            "processes of a killed PostgreSQL server are still at work in {}; look for {:?} in the process list",
            layout.root.display(),
            layout.cluster_name
        );
    }
    Ok(found)
}

/// Sees to it that no note of a server that has ended keeps a new one out.
fn make_way(layout: &Layout, socket_dir: &SocketDir) -> Result<()> {
    // PostgreSQL would take whoever has that process id now, even a dead process that nobody has collected,
    // for the server. It copes by itself with an id that nobody has.
    if let Some(note) = layout.server_note()
        && process::exists(note.pid)
    {
        layout.remove_server_notes(socket_dir)?;
    }
    Ok(())
}

/// What a server says to somebody who connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Ready,
    /// Starting, recovering or stopping.
    Busy,
    Silent,
}

/// The server's answer once it is no longer busy; `None` when it has ended meanwhile.
async fn answer_when_settled(server: &mut Server, url: &str) -> Option<Answer> {
    let settled = async {
        loop {
            if server.has_ended() {
                return None;
            }
            match answer(url).await {
                Answer::Busy => process::glance_later().await,
                answer => return Some(answer),
            }
        }
    };
    match tokio::time::timeout(BUSY_LIMIT, settled).await {
        Ok(answer) => answer,
        Err(_) => Some(Answer::Busy),
    }
}

async fn answer(url: &str) -> Answer {
    match tokio::time::timeout(ANSWER_LIMIT, PgConnection::connect(url)).await {
        Ok(Ok(_)) => Answer::Ready,
        // cannot_connect_now
        Ok(Err(sqlx::Error::Database(error))) if error.code().as_deref() == Some("57P03") => Answer::Busy,
        // Such as "too many clients": refused, but by a server that works.
        Ok(Err(sqlx::Error::Database(_))) => Answer::Ready,
        Ok(Err(_)) | Err(_) => Answer::Silent,
    }
}

/// Whether a command line as in `postmaster.opts`, every argument in quotes, has all the settings.
fn has_settings(command_line: &str, settings: &[String]) -> bool {
    settings.iter().all(|setting| command_line.contains(&format!("\"{setting}\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_with_another_setting_is_not_wanted() {
        let line = r#"/usr/bin/postgres "-D" "/srv/data" "-c" "fsync=on" "-c" "max_connections=100""#;
        let settings = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        assert!(has_settings(line, &settings(&["fsync=on", "max_connections=100"])));
        assert!(!has_settings(line, &settings(&["fsync=off"])));
        assert!(!has_settings(line, &settings(&["max_connections=10"])));
        assert!(!has_settings("", &settings(&["fsync=on"])));
    }
}
