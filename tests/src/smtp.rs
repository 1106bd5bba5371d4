//! A small mail server (RFC 5321) that answers as a test wishes, and that can ask for STARTTLS (RFC 3207) and AUTH (RFC 4954).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rcgen::generate_simple_self_signed;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

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
    /// The certificate (PEM) of one that asks for TLS, which nobody has signed but itself; else empty.
    pub certificate: String,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

/// Whom a guarded server lets in.
#[derive(Clone, Copy, Debug)]
pub struct Login {
    /// How one signs in: `PLAIN` or `LOGIN`.
    pub mechanism: &'static str,
    /// The user's name.
    pub user: &'static str,
    /// The password.
    pub password: &'static str,
}

struct Guard {
    tls: TlsAcceptor,
    login: Mutex<Login>,
}

impl Guard {
    fn login(&self) -> Login {
        *self.login.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Shared {
    decide: Box<Decide>,
    guard: Option<Guard>,
    /// How many mails were begun for each recipient.
    begun: Mutex<HashMap<String, usize>>,
    taken: Mutex<Vec<Taken>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("taken", &self.taken).finish_non_exhaustive()
    }
}

impl MailServer {
    /// Starts a server; `decide` says what is done with a recipient's mail, which is the nth (from 1) for that recipient.
    pub async fn start(decide: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(None, String::new(), Box::new(decide)).await
    }

    /// Starts a server that takes mails only after STARTTLS, from who signs in.
    pub async fn start_guarded(login: Login) -> Self {
        let signed = generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("an address");
        let key = signed.signing_key.serialize_der().try_into().expect("a private key");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has them")
            .with_no_client_auth()
            .with_single_cert(vec![signed.cert.der().clone()], key)
            .expect("the key is the certificate's");
        let guard = Guard { tls: Arc::new(config).into(), login: Mutex::new(login) };
        Self::listen(Some(guard), signed.cert.pem(), Box::new(|_, _| Reply::Take)).await
    }

    async fn listen(guard: Option<Guard>, certificate: String, decide: Box<Decide>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("smtp://{}", listener.local_addr().expect("it listens"));
        let shared = Arc::new(Shared { decide, guard, begun: Mutex::default(), taken: Mutex::default() });
        let serving = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&serving);
                tokio::spawn(async move {
                    // A client that goes away is no trouble of the server's.
                    let _ = Session::new(Box::new(stream), shared).serve().await;
                });
            }
        });
        Self { url, certificate, shared, accepting }
    }

    /// Gives what the server took, in order.
    pub fn taken(&self) -> Vec<Taken> {
        self.shared.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets nobody in any more but who shows this password; of a guarded server.
    pub fn change_password(&self, password: &'static str) {
        let guard = self.shared.guard.as_ref().expect("it is guarded");
        guard.login.lock().unwrap_or_else(PoisonError::into_inner).password = password;
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

struct Session {
    stream: BufReader<Box<dyn Stream>>,
    shared: Arc<Shared>,
    is_encrypted: bool,
    is_signed_in: bool,
    recipients: Vec<String>,
    reply: Reply,
}

impl Session {
    fn new(stream: Box<dyn Stream>, shared: Arc<Shared>) -> Self {
        let is_open = shared.guard.is_none();
        let (recipients, reply) = (Vec::new(), Reply::Take);
        let stream = BufReader::new(stream);
        Self { stream, shared, is_encrypted: is_open, is_signed_in: is_open, recipients, reply }
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
                "EHLO" => {
                    let offer = self.offer();
                    self.say(&format!("250-mail.test\r\n{offer}250-8BITMIME\r\n250 SMTPUTF8")).await?;
                }
                "STARTTLS" if !self.is_encrypted => self.encrypt().await?,
                "AUTH" if self.is_encrypted && !self.is_signed_in => self.sign_in(line).await?,
                "MAIL" if !self.is_encrypted => {
                    self.say("530 5.7.0 Must issue a STARTTLS command first").await?
                }
                "MAIL" if !self.is_signed_in => self.say("530 5.7.0 Authentication required").await?,
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

    fn offer(&self) -> String {
        match &self.shared.guard {
            Some(_) if !self.is_encrypted => "250-STARTTLS\r\n".to_owned(),
            Some(guard) => format!("250-AUTH {}\r\n", guard.login().mechanism),
            None => String::new(),
        }
    }

    async fn encrypt(&mut self) -> std::io::Result<()> {
        self.say("220 2.0.0 go ahead").await?;
        let shared = Arc::clone(&self.shared);
        let Some(guard) = &shared.guard else { return Ok(()) };
        let nothing: Box<dyn Stream> = Box::new(tokio::io::empty());
        let plain = std::mem::replace(&mut self.stream, BufReader::new(nothing)).into_inner();
        self.stream = BufReader::new(Box::new(guard.tls.accept(plain).await?));
        self.is_encrypted = true;
        Ok(())
    }

    async fn sign_in(&mut self, line: &str) -> std::io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let Some(login) = shared.guard.as_ref().map(Guard::login) else { return Ok(()) };
        let words: Vec<_> = line.split(' ').collect();
        let given = match words[..] {
            [_, "PLAIN", given] if login.mechanism == "PLAIN" => decode(given),
            [_, "LOGIN"] if login.mechanism == "LOGIN" => {
                let user = self.ask("Username:").await?;
                let password = self.ask("Password:").await?;
                format!("\0{user}\0{password}")
            }
            _ => return self.say("504 5.5.4 not offered").await,
        };
        self.is_signed_in = given == format!("\0{}\0{}", login.user, login.password);
        let words = if self.is_signed_in {
            "235 2.7.0 welcome"
        } else {
            "535 5.7.8 Username and Password not accepted"
        };
        self.say(words).await
    }

    async fn ask(&mut self, what: &str) -> std::io::Result<String> {
        self.say(&format!("334 {}", BASE64_STANDARD.encode(what))).await?;
        let mut line = String::new();
        self.stream.read_line(&mut line).await?;
        Ok(decode(line.trim_end()))
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
        self.stream.get_mut().write_all(format!("{words}\r\n").as_bytes()).await?;
        self.stream.get_mut().flush().await
    }
}

fn decode(text: &str) -> String {
    String::from_utf8(BASE64_STANDARD.decode(text).unwrap_or_default()).unwrap_or_default()
}

fn address(line: &str) -> &str {
    line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(line, |(address, _)| address)
}
