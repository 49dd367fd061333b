//! The process that reads HTTP: connections, with bounds on their number, size and time.

use crate::app::App;
use crate::guard::Guard;
use crate::routes;
use crate::settings::{Listen, Settings};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::error::Error;
use std::fs::File;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;

/// The most connections at once. Who finds no place is closed at once, and may come again.
const MOST_CONNECTIONS: usize = 256;

/// How long the head of a request may take, and an idle connection may stay.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// The most bytes of a head.
const HEAD_BYTES: usize = 16 << 10;

/// How long to wait where no connection can be taken: there is no descriptor.
const BREATH: Duration = Duration::from_millis(100);

/// Listens on stdin until it is killed.
pub(crate) fn run(settings: Settings, broker: PathBuf) -> Result<(), Box<dyn Error>> {
    // Nobody who breaks in here gets more than this process has.
    nix::sys::prctl::set_no_new_privs()?;
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    let listener = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let app = App::new(broker, Guard::new(&settings));
    runtime.block_on(listen(&settings.listen, OwnedFd::from(listener), app))
}

async fn listen(listen: &Listen, socket: OwnedFd, app: App) -> Result<(), Box<dyn Error>> {
    let service = routes::all(app);
    match listen {
        Listen::Tcp(_) => {
            let listener = std::net::TcpListener::from(socket);
            listener.set_nonblocking(true)?;
            let listener = tokio::net::TcpListener::from_std(listener)?;
            serve(|| async { listener.accept().await.map(|(stream, _)| stream) }, service).await
        }
        Listen::Unix(_) => {
            let listener = std::os::unix::net::UnixListener::from(socket);
            listener.set_nonblocking(true)?;
            let listener = tokio::net::UnixListener::from_std(listener)?;
            serve(|| async { listener.accept().await.map(|(stream, _)| stream) }, service).await
        }
    }
}

/// Takes connections for ever.
async fn serve<S, F>(mut accept: impl FnMut() -> F, router: axum::Router) -> !
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    F: Future<Output = io::Result<S>>,
{
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let tasks = tokio::task::LocalSet::new();
    let accepting = async move {
        loop {
            let Ok(stream) = accept().await else {
                tokio::time::sleep(BREATH).await;
                continue;
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
            let service = TowerToHyperService::new(router.clone());
            tokio::task::spawn_local(async move {
                let mut http = http1::Builder::new();
                http.timer(TokioTimer::new())
                    .header_read_timeout(HEAD_TIME)
                    .max_buf_size(HEAD_BYTES);
                // A client that has gone, or that speaks something else, is no news.
                let _ = http.serve_connection(TokioIo::new(stream), service).await;
                drop(place);
            });
        }
    };
    tasks.run_until(accepting).await
}
