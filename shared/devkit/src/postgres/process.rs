//! What can be told about processes that are not our children.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal};

/// How often a state is looked at while waiting for it.
pub(super) const GLANCE: Duration = Duration::from_millis(2);

/// Whether the process exists and still does something: one that has ended but was not collected by its
/// parent does not count.
pub(super) fn is_alive(pid: Pid) -> bool {
    exists(pid) && command_line(pid).is_none_or(|line| !line.is_empty())
}

/// Whether the process id is taken, if only by a process that has ended.
pub(super) fn exists(pid: Pid) -> bool {
    matches!(rustix::process::test_kill_process(pid), Ok(()) | Err(rustix::io::Errno::PERM))
}

/// Whether the process belongs to the named cluster: the server has the name among its arguments, its
/// children in their titles. `None` where the system has no `/proc` to ask.
pub(super) fn is_of_cluster(pid: Pid, cluster_name: &str) -> Option<bool> {
    command_line(pid).map(|line| names_cluster(&line, cluster_name))
}

/// Whether any process of the named cluster is there.
pub(super) fn cluster_has_processes(cluster_name: &str) -> bool {
    let Ok(entries) = fs::read_dir("/proc") else { return false };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid: i32| Pid::from_raw(pid))
        .any(|pid| is_of_cluster(pid, cluster_name) == Some(true))
}

/// Sends a signal; one to a process that has just ended is no error.
pub(super) fn signal(pid: Pid, signal: Signal) -> rustix::io::Result<()> {
    match rustix::process::kill_process(pid, signal) {
        Err(rustix::io::Errno::SRCH) => Ok(()),
        result => result,
    }
}

/// Waits until the state holds, for so long at most; returns whether it does.
pub(super) async fn wait_until(limit: Duration, mut state: impl FnMut() -> bool) -> bool {
    let reached = async {
        while !state() {
            glance_later().await;
        }
    };
    tokio::time::timeout(limit, reached).await.is_ok()
}

/// Lets the moment pass after which a state is worth another look.
pub(super) async fn glance_later() {
    tokio::time::sleep(GLANCE).await;
}

/// Readable for everybody, unlike the rest of what `/proc` tells about another account's process.
fn command_line(pid: Pid) -> Option<Vec<u8>> {
    fs::read(format!("/proc/{}/cmdline", pid.as_raw_pid())).ok()
}

fn names_cluster(command_line: &[u8], cluster_name: &str) -> bool {
    let command_line = String::from_utf8_lossy(command_line);
    command_line.split('\0').any(|argument| argument == format!("cluster_name={cluster_name}"))
        || command_line.starts_with(&format!("postgres: {cluster_name}: "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_of_a_cluster_are_told_from_those_of_another() {
        let server = b"/usr/bin/postgres\0-D\0/x\0-c\0cluster_name=kaam-1-2\0";
        assert!(names_cluster(server, "kaam-1-2"));
        assert!(!names_cluster(server, "kaam-1-22"));
        assert!(!names_cluster(server, "kaam-1-"));
        assert!(names_cluster(b"postgres: kaam-1-2: checkpointer \0\0\0", "kaam-1-2"));
        assert!(!names_cluster(b"postgres: kaam-1-2: checkpointer ", "kaam-1"));
        assert!(!names_cluster(b"", "kaam-1"));
    }
}
