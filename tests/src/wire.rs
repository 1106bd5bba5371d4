//! What a client sends to PostgreSQL, counted on the way.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use devkit::testing::TestDirectory;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

#[derive(Debug, Default)]
struct Counts {
    round_trips: AtomicUsize,
    signs_of_life: AtomicUsize,
    clients: AtomicUsize,
    is_silent: AtomicBool,
    is_held: watch::Sender<bool>,
    are_dropped: Notify,
}

/// Stands between clients and the socket of a PostgreSQL, and counts the round trips that they ask for.
#[derive(Debug)]
pub struct Wire {
    /// Where clients connect instead.
    pub url: String,
    counts: Arc<Counts>,
    accepting: JoinHandle<()>,
    _directory: TestDirectory,
}

impl Wire {
    /// Listens in the place of the server at a URL such as those of the test databases.
    pub fn before(url: &str) -> Self {
        let directory = TestDirectory::new();
        let (user, rest) = url.split_once('@').expect("a URL names its user");
        let (place, rest) = rest.split_once('/').expect("a URL names a database");
        let (host, port) = place.rsplit_once(':').expect("a URL names a port");
        let socket = format!(".s.PGSQL.{port}");
        let server = PathBuf::from(host.replace("%2F", "/").replace("%2f", "/")).join(&socket);
        let listener = UnixListener::bind(directory.path().join(&socket)).expect("a new directory");
        let own = directory.path().display().to_string().replace('/', "%2F");
        let counts = Arc::<Counts>::default();
        let counted = Arc::clone(&counts);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, counted) = (server.clone(), Arc::clone(&counted));
                counted.clients.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut held = counted.is_held.subscribe();
                    tokio::select! {
                        biased;
                        () = counted.are_dropped.notified() => return,
                        waited = held.wait_for(|is_held| !is_held) => drop(waited.expect("those who wait keep it")),
                    }
                    let server = UnixStream::connect(server).await.expect("the server is there");
                    let (mut from_client, mut to_client) = client.into_split();
                    let (mut from_server, mut to_server) = server.into_split();
                    let back = tokio::spawn(async move {
                        let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
                    });
                    let _ = forward(&mut from_client, &mut to_server, &counted).await;
                    back.abort();
                });
            }
        });
        Self { url: format!("{user}@{own}:{port}/{rest}"), counts, accepting, _directory: directory }
    }

    /// Gives how many round trips there were since this was asked last.
    pub fn round_trips(&self) -> usize {
        self.counts.round_trips.swap(0, Ordering::SeqCst)
    }

    /// Gives how often it was only asked whether the server is still there, since this was asked last.
    pub fn signs_of_life(&self) -> usize {
        self.counts.signs_of_life.swap(0, Ordering::SeqCst)
    }

    /// Gives how often somebody connected.
    pub fn clients(&self) -> usize {
        self.counts.clients.load(Ordering::SeqCst)
    }

    /// Has whoever connects wait until this is taken back.
    pub fn hold(&self, is_held: bool) {
        self.counts.is_held.send_replace(is_held);
    }

    /// Closes the connections of those who wait.
    pub fn drop_held(&self) {
        self.counts.are_dropped.notify_waiters();
    }

    /// Loses whatever clients send from now on, and tells them nothing.
    pub fn fall_silent(&self) {
        self.counts.is_silent.store(true, Ordering::SeqCst);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Passes messages on, and counts those after which the client waits: a simple Query, and Sync after other messages. A Sync by itself asks
/// for a sign of life.
async fn forward(
    client: &mut (impl AsyncRead + Unpin),
    server: &mut (impl AsyncWrite + Unpin),
    counted: &Counts,
) -> io::Result<()> {
    // The first message has no type.
    pass(client, server).await?;
    let mut last = b'S';
    loop {
        let kind = client.read_u8().await?;
        if counted.is_silent.load(Ordering::SeqCst) {
            return std::future::pending().await;
        }
        let counter = match (kind, last) {
            (b'S', b'S') => Some(&counted.signs_of_life),
            (b'S' | b'Q', _) => Some(&counted.round_trips),
            _ => None,
        };
        counter.map(|counter| counter.fetch_add(1, Ordering::SeqCst));
        last = if kind == b'Q' { b'S' } else { kind };
        server.write_u8(kind).await?;
        pass(client, server).await?;
    }
}

async fn pass(
    client: &mut (impl AsyncRead + Unpin),
    server: &mut (impl AsyncWrite + Unpin),
) -> io::Result<()> {
    let length = client.read_u32().await?;
    let mut body = vec![0; usize::try_from(length).unwrap_or(4).saturating_sub(4)];
    client.read_exact(&mut body).await?;
    server.write_u32(length).await?;
    server.write_all(&body).await
}
