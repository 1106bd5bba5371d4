//! The files of a private cluster.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::fs::OFlags;
use rustix::io::FdFlags;
use rustix::process::Pid;

use super::account::Account;
use super::{Tcp, USER, process};

/// Only the name of the socket, where nothing listens on a port.
pub(super) const PORT: u16 = 5432;

/// What fits into a socket's address, without the final zero (`sockaddr_un.sun_path`).
const SOCKET_PATH_BYTES: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// For how long the directory may seem to be in use by a program that has ended.
const HELD_BY_DEAD: Duration = Duration::from_secs(1);

/// Above this the log starts anew at the next start.
const LOG_BYTES: u64 = 10 * 1024 * 1024;

/// The files of a private cluster.
#[derive(Debug)]
pub(super) struct Layout {
    /// `DATA_DIR/postgres`, which belongs to the program.
    pub(super) root: PathBuf,
    /// The directory in it that belongs to the server's account.
    pub(super) server: PathBuf,
    /// What the server's processes are called in the process list. Made from the directory's identity, which
    /// stays when it is moved or mounted elsewhere while an orphan runs in it.
    pub(super) cluster_name: String,
}

/// The server's directory, held open so that the server reaches it.
#[derive(Debug)]
pub(super) struct ServerDir {
    /// Its path as the server is to name it.
    pub(super) path: PathBuf,
    _handle: Option<File>,
}

/// The directory of the socket.
#[derive(Debug)]
pub(super) struct SocketDir {
    /// Its path, for programs that connect.
    path: String,
    is_server_dir: bool,
    port: u16,
}

/// Held while a program uses the cluster.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    /// Closing alone is not enough: a process that is just being started still has a copy of the handle.
    fn drop(&mut self) {
        // A file that can not be unlocked is unlocked by the end of its last copy.
        let _ = self.0.unlock();
    }
}

impl Layout {
    /// Makes the directories that are missing; those are for the program's account only.
    pub(super) fn create(data_dir: &Path) -> Result<Self> {
        let root = data_dir.join("postgres");
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&root)
            .with_context(|| format!("failed to make {}", root.display()))?;
        let root = root.canonicalize().with_context(|| format!("failed to look at {}", root.display()))?;
        let identity =
            fs::metadata(&root).with_context(|| format!("failed to look at {}", root.display()))?;
        let cluster_name = format!("kaam-{:x}-{:x}", identity.dev(), identity.ino());
        Ok(Self { server: root.join("server"), root, cluster_name })
    }

    /// Takes the directory for this process, until the file is dropped.
    pub(super) fn lock(&self) -> Result<Lock> {
        let path = self.root.join("lock");
        let failed = || format!("failed to lock {}", path.display());
        // Opened without truncation: until the lock is held, the content is the other program's.
        let mut file = no_follow(OpenOptions::new().read(true).write(true).create(true).truncate(false))
            .open(&path)
            .with_context(failed)?;
        let mut patience = HELD_BY_DEAD;
        while let Err(error) = file.try_lock() {
            let TryLockError::WouldBlock = error else { return Err(error).with_context(failed) };
            let mut holder = String::new();
            file.rewind().and_then(|()| file.read_to_string(&mut holder)).with_context(failed)?;
            let pid = holder.trim().parse().ok().filter(|&pid| pid > 0).and_then(Pid::from_raw);
            // A killed program's server has its copy of the handle until it is really the server.
            if pid.is_none_or(process::is_alive) || patience == Duration::ZERO {
                let data_dir = self.root.parent().unwrap_or(&self.root);
                bail!(
                    "DATA_DIR {} is in use by process {}; stop that, or set another DATA_DIR",
                    data_dir.display(),
                    holder.trim()
                );
            }
            std::thread::sleep(process::GLANCE);
            patience = patience.saturating_sub(process::GLANCE);
        }
        file.set_len(0).and_then(|()| file.rewind()).with_context(failed)?;
        writeln!(file, "{}", std::process::id()).with_context(failed)?;
        Ok(Lock(file))
    }

    /// Opens the server's directory, having made it and given it to the account.
    ///
    /// A server of another account than the program's could not pass a parent that is closed to it, such as
    /// `/root`. It is therefore handed the open directory itself: its processes inherit the handle and name
    /// the directory by it.
    pub(super) fn open_server_dir(&self, account: Account) -> Result<ServerDir> {
        let failed = || format!("failed to prepare {}", self.server.display());
        make_private_dir(&self.server, account).with_context(failed)?;
        if let Account::Other { .. } = account
            && Path::new("/proc/self/fd").exists()
        {
            let handle = no_follow(OpenOptions::new().read(true)).open(&self.server).with_context(failed)?;
            rustix::io::fcntl_setfd(&handle, FdFlags::empty()).with_context(failed)?;
            let path = format!("/proc/self/fd/{}", handle.as_raw_fd()).into();
            return Ok(ServerDir { path, _handle: Some(handle) });
        }
        Ok(ServerDir { path: self.server.clone(), _handle: None })
    }

    /// The directory of the socket: the server's own, unless its path is too long (or no text); then one in
    /// `/tmp`, refused when somebody else has made it first.
    pub(super) fn socket_dir(&self, account: Account, port: u16) -> Result<SocketDir> {
        if let Some(path) = self.server.to_str()
            && socket_in(&self.server, port).as_os_str().len() <= SOCKET_PATH_BYTES
        {
            return Ok(SocketDir { path: path.to_owned(), is_server_dir: true, port });
        }
        let path = format!("/tmp/{}", self.cluster_name);
        make_private_dir(Path::new(&path), account)
            .with_context(|| format!("failed to prepare {path} for the socket"))?;
        Ok(SocketDir { path, is_server_dir: false, port })
    }

    /// Writes who may connect, and the certificate of the listener with its key, where the server looks for them.
    pub(super) fn write_access(&self, account: Account, tcp: &Tcp) -> Result<()> {
        let kind = if tcp.certificate.is_some() { "hostssl" } else { "host" };
        let access = format!("local all all trust\n{kind} all all 127.0.0.1/32 scram-sha-256\n");
        let (certificate, key) = tcp.certificate.clone().unwrap_or_default();
        for (name, text) in [("pg_hba.conf", access), ("server.crt", certificate), ("server.key", key)] {
            let path = self.data().join(name);
            let mut options = OpenOptions::new();
            no_follow(options.write(true).create(true).truncate(true).mode(0o600))
                .open(&path)
                .and_then(|mut file| {
                    file.write_all(text.as_bytes())?;
                    std::os::unix::fs::fchown(&file, Some(account.uid()), None)
                })
                .with_context(|| format!("failed to write {}", path.display()))?;
        }
        Ok(())
    }

    /// The place of the cluster itself.
    pub(super) fn data(&self) -> PathBuf {
        self.server.join("data")
    }

    /// The major version that made the cluster; `None` when there is no cluster yet.
    pub(super) fn major_version(&self) -> Result<Option<u32>> {
        let path = self.data().join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(text) => {
                let major = text.trim().parse();
                Ok(Some(major.with_context(|| format!("{} says {text:?}", path.display()))?))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("failed to read {}", path.display())),
        }
    }

    /// Opens the log at its end; one that has grown too long starts anew.
    pub(super) fn open_log(&self) -> Result<Log> {
        let path = self.root.join("log");
        let failed = || format!("failed to open {}", path.display());
        let file = no_follow(OpenOptions::new().create(true).append(true).mode(0o600))
            .open(&path)
            .with_context(failed)?;
        let mut start = file.metadata().with_context(failed)?.len();
        if start > LOG_BYTES {
            file.set_len(0).with_context(failed)?;
            start = 0;
        }
        Ok(Log { path, file, start })
    }

    /// The server's own note of itself; `None` when no server runs, or has not got that far.
    pub(super) fn server_note(&self) -> Option<ServerNote> {
        ServerNote::parse(&fs::read_to_string(self.data().join("postmaster.pid")).ok()?)
    }

    /// The command line that the last server was started with.
    pub(super) fn last_command_line(&self) -> String {
        fs::read_to_string(self.data().join("postmaster.opts")).unwrap_or_default()
    }

    /// Removes what a dead server has left behind to keep a second one out.
    pub(super) fn remove_server_notes(&self, socket_dir: &SocketDir) -> Result<()> {
        let mut socket_note = socket_in(Path::new(&socket_dir.path), socket_dir.port).into_os_string();
        socket_note.push(".lock");
        for path in [self.data().join("postmaster.pid"), socket_note.into()] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("failed to remove {}", path.display()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl SocketDir {
    /// The URL of a database. Both sqlx and libpq take a socket's directory as a percent-encoded host; port
    /// and TLS are named so that `PGPORT` and `PGSSLMODE` in the environment do not matter.
    pub(super) fn url(&self, database: &str) -> String {
        let [user, host, database] = [USER, &self.path, database].map(percent_encode);
        format!("postgres://{user}@{host}:{}/{database}?sslmode=disable", self.port)
    }

    /// The value of `unix_socket_directories`: a list, hence quoted.
    pub(super) fn setting(&self, server_dir: &ServerDir) -> OsString {
        let path = if self.is_server_dir { server_dir.path.as_os_str() } else { self.path.as_ref() };
        let mut setting = OsString::from("unix_socket_directories=\"");
        setting.push(path.to_string_lossy().replace('"', "\"\""));
        setting.push("\"");
        setting
    }
}

/// What the server writes about itself into `postmaster.pid` (`miscadmin.h`, `LOCK_FILE_LINE_*`).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ServerNote {
    /// The server's process.
    pub(super) pid: Pid,
    /// Whether it accepts connections.
    pub(super) is_ready: bool,
}

impl ServerNote {
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let pid = Pid::from_raw(lines.next()?.trim().parse().ok().filter(|&pid| pid > 0)?)?;
        let status = lines.nth(6).unwrap_or_default();
        Some(Self { pid, is_ready: status.trim() == "ready" })
    }
}

/// The server's log, from where this start began.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    /// Open for appending.
    pub(super) file: File,
    start: u64,
}

impl Log {
    /// What the server has said since this start; the last 4 KiB of it.
    pub(super) fn end(&self) -> String {
        const END_BYTES: u64 = 4096;
        let read = || -> std::io::Result<String> {
            let mut file = File::open(&self.path)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(self.start.max(length.saturating_sub(END_BYTES))))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
        };
        read().unwrap_or_else(|error| format!("(failed to read {}: {error})", self.path.display()))
    }
}

fn socket_in(dir: &Path, port: u16) -> PathBuf {
    dir.join(format!(".s.PGSQL.{port}"))
}

fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// A directory with mode 0700 that belongs to the account; one that is there already must be just that.
fn make_private_dir(path: &Path, account: Account) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error.into()),
        _ => {}
    }
    let metadata = fs::symlink_metadata(path)?;
    ensure!(metadata.is_dir(), "it is not a directory");
    ensure!(metadata.mode() & 0o077 == 0, "it is open to other users (mode {:o})", metadata.mode() & 0o7777);
    if metadata.uid() == account.uid() {
        return Ok(());
    }
    match account {
        Account::Other { uid, gid } if metadata.uid() == 0 => {
            Ok(std::os::unix::fs::lchown(path, Some(uid), Some(gid))?)
        }
        _ => bail!("it belongs to user {}, not to user {}", metadata.uid(), account.uid()),
    }
}

/// Opens no symbolic link: under root, some of these directories belong to a less powerful account.
fn no_follow(options: &mut OpenOptions) -> &mut OpenOptions {
    options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_directory_becomes_the_percent_encoded_host_of_the_url() {
        let socket_dir =
            SocketDir { path: "/srv/my data/کام".to_owned(), is_server_dir: true, port: PORT };
        assert_eq!(
            socket_dir.url("kaam"),
            "postgres://kaam@%2Fsrv%2Fmy%20data%2F%DA%A9%D8%A7%D9%85:5432/kaam?sslmode=disable"
        );
    }

    #[test]
    fn a_server_is_ready_once_its_note_says_so() {
        let note = "4711\n/srv/data\n1795229119\n5432\n/srv\n\n  9977894         5\nready   \n";
        let parsed = ServerNote::parse(note).expect("complete");
        assert_eq!(parsed.pid.as_raw_pid(), 4711);
        assert!(parsed.is_ready);
        assert!(!ServerNote::parse(&note.replace("ready   ", "starting")).expect("complete").is_ready);
        assert!(!ServerNote::parse("4711\n").expect("just begun").is_ready);
        assert_eq!(ServerNote::parse(""), None);
        assert_eq!(ServerNote::parse("-1\n"), None);
    }
}
