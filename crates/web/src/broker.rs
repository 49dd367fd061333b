//! The process with the rights: it opens what is to be listened on, starts the one that reads HTTP,
//! and runs `sixtree` for it.

use crate::BROKER;
use crate::ask::Ask;
use crate::link::{Frame, LONGEST_ASK, LONGEST_PIECE};
use crate::settings::{Listen, Settings};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::Pid;
use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The most commands that run at once.
const MOST_COMMANDS: usize = 32;

/// How long a command may take that ends by itself.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long a question may take to arrive.
const ASKING: Duration = Duration::from_secs(5);

/// Who reads HTTP where this process is root: nobody.
const NOBODY: u32 = 65534;

/// The token is read once; a longer one is no token.
const LONGEST_TOKEN: usize = 4096;

/// Runs until the process that reads HTTP has ended.
pub(crate) fn run(settings: Settings) -> Result<(), Box<dyn Error>> {
    let token = settings.token_file.as_deref().map(read_token).transpose()?;
    let http = open(&settings.listen)?;
    let folder = folder()?;
    let socket = folder.join("broker");
    let listener = UnixListener::bind(&socket)?;
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o666))?;
    let mut server = start_server(http, &socket)?;
    let (server_pid, count) =
        (Pid::from_raw(server.id().cast_signed()), Arc::new(AtomicUsize::new(0)));
    let token = Arc::new(token);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if !is_from(&stream, server_pid) {
                continue;
            }
            let (token, count) = (Arc::clone(&token), Arc::clone(&count));
            if count.fetch_add(1, Ordering::Relaxed) >= MOST_COMMANDS {
                count.fetch_sub(1, Ordering::Relaxed);
                continue;
            }
            std::thread::spawn(move || {
                // Who asked has gone.
                let _ = answer(stream, token.as_deref());
                count.fetch_sub(1, Ordering::Relaxed);
            });
        }
    });
    notify_ready();
    let ended = server.wait()?;
    let _ = fs::remove_dir_all(&folder);
    Err(format!("the process that reads HTTP has ended: {ended}").into())
}

/// Reports readiness, where a service with `notification-fd` 3 is asked to.
fn notify_ready() {
    if let Ok(mut pipe) = fs::OpenOptions::new().write(true).open("/proc/self/fd/3") {
        let _ = pipe.write_all(b"\n");
    }
}

fn read_token(file: &Path) -> Result<Vec<u8>, String> {
    let shown = file.display();
    let bytes = fs::read(file).map_err(|e| format!("SIXTREE_HTTP_TOKEN_FILE={shown}: {e}"))?;
    let token = bytes.trim_ascii();
    match token.len() {
        0 => Err(format!("SIXTREE_HTTP_TOKEN_FILE={shown}: the file is empty")),
        length if length > LONGEST_TOKEN => {
            Err(format!("SIXTREE_HTTP_TOKEN_FILE={shown}: more than {LONGEST_TOKEN} bytes"))
        }
        _ => Ok(token.to_vec()),
    }
}

fn open(listen: &Listen) -> Result<OwnedFd, String> {
    match listen {
        Listen::Tcp(address) => TcpListener::bind(address)
            .map(OwnedFd::from)
            .map_err(|e| format!("unable to listen at SIXTREE_HTTP={address}: {e}")),
        Listen::Unix(path) => {
            // One of an earlier life; another kind of file is in the way, and named.
            if fs::symlink_metadata(path).is_ok_and(|found| is_socket(&found)) {
                let _ = fs::remove_file(path);
            }
            UnixListener::bind(path).map(OwnedFd::from).map_err(|e| {
                format!("unable to listen at SIXTREE_HTTP=unix:{}: {e}", path.display())
            })
        }
    }
}

fn is_socket(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    found.file_type().is_socket()
}

/// A folder of ours, for the socket between the two.
fn folder() -> io::Result<PathBuf> {
    let run =
        std::env::var_os("SIXTREE_RUNDIR").map_or_else(|| PathBuf::from("/run"), PathBuf::from);
    let folder = run.join("s6").join("web");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder)?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o711))?;
    Ok(folder)
}

/// Starts this program again as the one that reads HTTP, without rights. What it listens on is its
/// stdin.
fn start_server(http: OwnedFd, broker: &Path) -> io::Result<Child> {
    let mut server = Command::new("/proc/self/exe");
    server.env(BROKER, broker).env_remove("SIXTREE_HTTP_TOKEN_FILE").current_dir("/");
    server.arg0("sixtree-web: HTTP").stdin(Stdio::from(http)).stdout(Stdio::null());
    if nix::unistd::geteuid().is_root() {
        server.uid(NOBODY).gid(NOBODY);
    }
    server.spawn()
}

/// Whether our own server has connected.
fn is_from(stream: &UnixStream, server: Pid) -> bool {
    getsockopt(stream, PeerCredentials).is_ok_and(|peer| peer.pid() == server.as_raw())
}

/// Answers one question.
fn answer(stream: UnixStream, token: Option<&[u8]>) -> io::Result<()> {
    stream.set_read_timeout(Some(ASKING))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = Vec::new();
    BufReader::new((&stream).take(LONGEST_ASK as u64)).read_until(b'\n', &mut line)?;
    let ask: Option<Ask> = serde_json::from_slice(&line).ok();
    let refused = |code: u8, why: &str| {
        send(&stream, Frame::Message, why.as_bytes())?;
        send(&stream, Frame::End, code.to_string().as_bytes())
    };
    let Some(words) = ask.as_ref().and_then(Ask::words) else {
        return refused(100, "no service has such a name, or no signal");
    };
    match (ask.as_ref().and_then(Ask::token), token) {
        (Some(_), None) => {
            return refused(FORBIDDEN, "this is switched off: set SIXTREE_HTTP_TOKEN_FILE");
        }
        (Some(given), Some(token)) if !is_same(given.as_bytes(), token) => {
            return refused(FORBIDDEN, "this is not the token");
        }
        _ => {}
    }
    let mut child = start(&words)?;
    let deadline = (!ask.is_some_and(|ask| ask.is_endless())).then(|| Instant::now() + PATIENCE);
    let passed = pass_on(&mut child, &stream, deadline);
    if !matches!(passed, Ok(true)) {
        let _ = kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL);
    }
    let code = child.wait()?.code().unwrap_or(111);
    passed?;
    send(&stream, Frame::End, code.to_string().as_bytes())
}

/// Starts a command of `sixtree`, by way of this program.
fn start(words: &[String]) -> io::Result<Child> {
    let mut sixtree = Command::new("/proc/self/exe");
    sixtree.arg(BECOME).args(words).stdin(Stdio::null());
    sixtree.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

/// What this program's first word is where it is to become a command of `sixtree`.
pub(crate) const BECOME: &str = "--become-sixtree";

/// Becomes a command of `sixtree` that ends when the broker does, however that ends: one that
/// follows a log would go on for ever. Returns only on failure.
pub(crate) fn become_sixtree(words: &[OsString]) -> io::Error {
    if let Err(e) = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL) {
        return e.into();
    }
    // It is in PATH as a rule.
    let _ = Command::new("sixtree").args(words).exec();
    Command::new("/command/sixtree").args(words).exec()
}

/// The exit code for a change that is not allowed; no command of `sixtree` has it.
pub(crate) const FORBIDDEN: u8 = 77;

/// Compares without saying by its time where the difference is.
fn is_same(given: &[u8], token: &[u8]) -> bool {
    let differs = given.iter().zip(token).fold(0, |all, (a, b)| all | (a ^ b));
    given.len() == token.len() && differs == 0
}

/// Passes on what a command writes, until it has written all. `false`: nobody listens any more, or
/// its time is over.
fn pass_on(child: &mut Child, stream: &UnixStream, deadline: Option<Instant>) -> io::Result<bool> {
    let mut output = child.stdout.take();
    let mut messages = child.stderr.take();
    let mut piece = vec![0; LONGEST_PIECE];
    while output.is_some() || messages.is_some() {
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(false);
        }
        let wait = left.map_or(PollTimeout::NONE, |left| {
            PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
        });
        let mut wanted = vec![PollFd::new(stream.as_fd(), PollFlags::empty())];
        wanted.extend(output.iter().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)));
        wanted.extend(messages.iter().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)));
        poll(&mut wanted, wait)?;
        let ready: Vec<bool> = wanted.iter().map(|fd| fd.any().unwrap_or(false)).collect();
        if ready.first() == Some(&true) {
            return Ok(false);
        }
        let mut ready = ready.into_iter().skip(1);
        if output.is_some() && ready.next() == Some(true) {
            read_piece(&mut output, Frame::Output, &mut piece, stream)?;
        } else if messages.is_some() && ready.next() == Some(true) {
            read_piece(&mut messages, Frame::Message, &mut piece, stream)?;
        }
    }
    Ok(true)
}

/// Passes on one piece. At its end there is no pipe any more.
fn read_piece(
    pipe: &mut Option<impl Read>,
    kind: Frame,
    piece: &mut [u8],
    stream: &UnixStream,
) -> io::Result<()> {
    let length = pipe.as_mut().map_or(Ok(0), |pipe| pipe.read(piece))?;
    if length == 0 {
        *pipe = None;
        return Ok(());
    }
    send(stream, kind, piece.get(..length).unwrap_or_default())
}

fn send(mut stream: &UnixStream, kind: Frame, piece: &[u8]) -> io::Result<()> {
    stream.write_all(&kind.head(piece.len()))?;
    stream.write_all(piece)
}
