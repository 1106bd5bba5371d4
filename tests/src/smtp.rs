//! A small mail server (RFC 5321) that answers as a test wishes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the server does with a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Takes it.
    Take,
    /// Takes it and says so, then is gone.
    TakeAndLeave,
    /// Takes it, and is gone before it says so.
    TakeInSilence,
    /// Says this instead of taking the recipient, such as `550 5.1.1 no such user`.
    RefuseRecipient(&'static str),
    /// Says this when the whole mail is there, such as `451 4.3.0 try again later`.
    RefuseContent(&'static str),
    /// Says this and is gone, before it has heard anything (`421`).
    Close(&'static str),
    /// Never says a word once the mail is there.
    Hang,
}

/// A mail that the server took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The recipients of the envelope.
    pub recipients: Vec<String>,
    /// The mail as it came, dots unstuffed.
    pub content: String,
}

type Decide = dyn Fn(&str, usize) -> Reply + Send + Sync;

/// A running mail server.
#[derive(Debug)]
pub struct MailServer {
    /// Where it listens, for `SMTP_URL`.
    pub url: String,
    taken: Arc<Mutex<Vec<Taken>>>,
    accepting: JoinHandle<()>,
}

struct Shared {
    decide: Box<Decide>,
    /// How many mails were begun for each recipient.
    begun: Mutex<HashMap<String, usize>>,
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl MailServer {
    /// Starts a server; `decide` says what is done with a recipient's mail, which is the nth (from 1) for that recipient.
    pub async fn start(decide: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("smtp://{}", listener.local_addr().expect("it listens"));
        let taken = Arc::<Mutex<Vec<Taken>>>::default();
        let shared =
            Arc::new(Shared { decide: Box::new(decide), begun: Mutex::default(), taken: Arc::clone(&taken) });
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    // A client that goes away is no trouble of the server's.
                    let _ = Session::new(stream, shared).serve().await;
                });
            }
        });
        Self { url, taken, accepting }
    }

    /// Gives what the server took, in order.
    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

struct Session {
    stream: BufReader<TcpStream>,
    shared: Arc<Shared>,
    recipients: Vec<String>,
    reply: Reply,
}

impl Session {
    fn new(stream: TcpStream, shared: Arc<Shared>) -> Self {
        Self { stream: BufReader::new(stream), shared, recipients: Vec::new(), reply: Reply::Take }
    }

    async fn serve(mut self) -> std::io::Result<()> {
        self.say("220 mail.test ESMTP").await?;
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let line = line.trim_end();
            match line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase().as_str() {
                "EHLO" => self.say("250-mail.test\r\n250-8BITMIME\r\n250 SMTPUTF8").await?,
                "MAIL" | "RSET" => {
                    self.recipients.clear();
                    self.say("250 2.0.0 ok").await?;
                }
                "NOOP" => self.say("250 2.0.0 ok").await?,
                "RCPT" => {
                    self.reply = self.decide(address(line));
                    match self.reply {
                        Reply::Close(words) => return self.say(words).await,
                        Reply::RefuseRecipient(words) => self.say(words).await?,
                        _ => {
                            self.recipients.push(address(line).to_owned());
                            self.say("250 2.1.5 ok").await?;
                        }
                    }
                }
                "DATA" => {
                    self.say("354 go ahead").await?;
                    let content = self.content().await?;
                    if !self.take(content).await? {
                        return Ok(());
                    }
                }
                "QUIT" => return self.say("221 2.0.0 bye").await,
                _ => self.say("502 5.5.2 what?").await?,
            }
        }
    }

    fn decide(&self, recipient: &str) -> Reply {
        let mut begun = self.shared.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let count = begun.entry(recipient.to_owned()).or_default();
        *count += 1;
        (self.shared.decide)(recipient, *count)
    }

    async fn content(&mut self) -> std::io::Result<String> {
        let mut content = String::new();
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await? == 0 {
                // A client that died in the middle has sent no mail (RFC 5321 §4.1.1.4).
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if line == ".\r\n" {
                return Ok(content);
            }
            content.push_str(line.strip_prefix('.').unwrap_or(&line));
        }
    }

    /// Does with a whole mail as the test wishes; says whether the connection goes on.
    async fn take(&mut self, content: String) -> std::io::Result<bool> {
        let taken = Taken { recipients: std::mem::take(&mut self.recipients), content };
        let keep = || self.shared.taken.lock().unwrap_or_else(PoisonError::into_inner).push(taken);
        match self.reply {
            Reply::RefuseContent(words) => self.say(words).await?,
            Reply::Hang => std::future::pending().await,
            Reply::TakeInSilence => {
                keep();
                return Ok(false);
            }
            Reply::TakeAndLeave => {
                keep();
                self.say("250 2.0.0 taken").await?;
                return Ok(false);
            }
            _ => {
                keep();
                self.say("250 2.0.0 taken").await?;
            }
        }
        Ok(true)
    }

    async fn say(&mut self, words: &str) -> std::io::Result<()> {
        self.stream.get_mut().write_all(format!("{words}\r\n").as_bytes()).await
    }
}

fn address(line: &str) -> &str {
    line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(line, |(address, _)| address)
}
