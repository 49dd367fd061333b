//! What the routes have in common: the way to the process with the rights, and its last answers.

use crate::ask::Ask;
use crate::guard::Guard;
use crate::link::{Frame, HEAD};
use crate::routes::HttpFailure;
use serde_json::Value;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

/// How long an answer serves all who ask the same.
const FRESH: Duration = Duration::from_millis(250);

/// The most logs that are followed at once.
const MOST_FOLLOWED: usize = 16;

/// The longest answer that is put together in memory, in bytes.
const LONGEST_ANSWER: usize = 32 << 20;

/// What every route needs.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

struct Shared {
    broker: PathBuf,
    guard: Guard,
    status: Kept,
    health: Kept,
    timing: Kept,
    followed: Arc<Semaphore>,
}

/// The last answer to a question that many ask.
type Kept = Mutex<Option<(Instant, Arc<CommandAnswer>)>>;

/// What a command of `sixtree` wrote, and its exit code.
#[derive(Debug, Default)]
pub(crate) struct CommandAnswer {
    pub output: Vec<u8>,
    pub message: Vec<u8>,
    pub code: u8,
}

impl App {
    /// For the process with the rights at this socket.
    pub(crate) fn new(broker: PathBuf, guard: Guard) -> Self {
        let followed = Arc::new(Semaphore::new(MOST_FOLLOWED));
        let (status, health, timing) = (Kept::default(), Kept::default(), Kept::default());
        Self(Arc::new(Shared { broker, guard, status, health, timing, followed }))
    }

    /// Asks; what is answered comes in frames.
    pub(crate) async fn begin(&self, ask: &Ask) -> io::Result<UnixStream> {
        let mut stream = UnixStream::connect(&self.0.broker).await?;
        let mut line = serde_json::to_vec(ask)?;
        line.push(b'\n');
        stream.write_all(&line).await?;
        Ok(stream)
    }

    /// Asks, and waits for the whole answer.
    pub(crate) async fn ask(&self, ask: &Ask) -> io::Result<CommandAnswer> {
        let mut stream = self.begin(ask).await?;
        let mut answer = CommandAnswer::default();
        while let (kind, piece) = frame(&mut stream).await?
            && answer.take(kind, &piece)?
        {}
        Ok(answer)
    }

    /// The answer of a moment ago, or a new one, for all who wait for it.
    async fn kept(&self, kept: &Kept, ask: &Ask) -> io::Result<Arc<CommandAnswer>> {
        let mut last = kept.lock().await;
        if let Some((at, answer)) = &*last
            && at.elapsed() < FRESH
        {
            return Ok(Arc::clone(answer));
        }
        let answer = Arc::new(self.ask(ask).await?);
        *last = Some((Instant::now(), Arc::clone(&answer)));
        Ok(answer)
    }

    /// What was kept is of before a change.
    pub(crate) async fn forget(&self) {
        *self.0.status.lock().await = None;
        *self.0.health.lock().await = None;
    }

    async fn json(&self, kept: &Kept, ask: &Ask) -> Result<Value, HttpFailure> {
        let answer = self.kept(kept, ask).await?;
        match answer.code {
            0 => serde_json::from_slice(&answer.output)
                .map_err(|e| HttpFailure::Unavailable(e.to_string())),
            _ => Err(HttpFailure::Unavailable(answer.reason())),
        }
    }

    /// What `sixtree healthcheck` says.
    pub(crate) async fn health(&self) -> io::Result<Arc<CommandAnswer>> {
        self.kept(&self.0.health, &Ask::Health).await
    }

    /// What `sixtree status --json` says.
    pub(crate) async fn status(&self) -> Result<Value, HttpFailure> {
        self.json(&self.0.status, &Ask::Status).await
    }

    /// Who may ask.
    pub(crate) fn guard(&self) -> &Guard {
        &self.0.guard
    }

    /// A place for one who follows a log; `None`: there is none.
    pub(crate) fn follow(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.followed).try_acquire_owned().ok()
    }

    /// What `sixtree timing --json` says.
    pub(crate) async fn timing(&self) -> Result<Value, HttpFailure> {
        self.json(&self.0.timing, &Ask::Timing).await
    }
}

impl CommandAnswer {
    /// Adds a frame. `false`: that was the last one.
    pub(crate) fn take(&mut self, kind: Frame, piece: &[u8]) -> io::Result<bool> {
        match kind {
            Frame::Output => self.output.extend_from_slice(piece),
            Frame::Message => self.message.extend_from_slice(piece),
            Frame::End => {
                let code = std::str::from_utf8(piece).ok().and_then(|code| code.parse().ok());
                self.code = code.unwrap_or(111);
                return Ok(false);
            }
        }
        match self.output.len() + self.message.len() > LONGEST_ANSWER {
            true => Err(io::Error::other("the answer is too long")),
            false => Ok(true),
        }
    }

    /// What the command says of its failure.
    pub(crate) fn reason(&self) -> String {
        let text = String::from_utf8_lossy(&self.message);
        text.trim().trim_start_matches("sixtree ").to_owned()
    }
}

/// The next frame.
pub(crate) async fn frame(stream: &mut UnixStream) -> io::Result<(Frame, Vec<u8>)> {
    let mut head = [0; HEAD];
    stream.read_exact(&mut head).await?;
    let (kind, length) = Frame::parse(head).ok_or_else(|| io::Error::other("not a frame"))?;
    let mut piece = vec![0; length];
    stream.read_exact(&mut piece).await?;
    Ok((kind, piece))
}
