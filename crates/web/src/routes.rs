//! What can be asked, and what is answered.

use crate::app::{App, CommandAnswer, frame};
use crate::ask::{Ask, MOST_LINES, Verb};
use crate::broker::FORBIDDEN;
use crate::guard::token;
use crate::link::Frame;
use crate::metrics;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io;
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Why a request is not answered as it was meant.
pub(crate) enum HttpFailure {
    /// The command could not be run, or failed.
    Unavailable(String),
    /// There is no such service.
    Unknown(String),
    /// It needs the token.
    Unauthorized,
    /// It is not allowed here, whoever asks.
    Forbidden(String),
    /// Somebody else has the last place.
    Busy,
    /// The change failed.
    Failed(String),
    /// No change is called so.
    NoSuchChange,
}

impl From<io::Error> for HttpFailure {
    fn from(e: io::Error) -> Self {
        Self::Unavailable(format!("unable to ask: {e}"))
    }
}

impl IntoResponse for HttpFailure {
    fn into_response(self) -> Response {
        let (code, text) = match self {
            Self::Unavailable(why) => (StatusCode::SERVICE_UNAVAILABLE, why),
            Self::Unknown(name) => (StatusCode::NOT_FOUND, format!("no service is called {name}")),
            Self::Unauthorized => (
                StatusCode::UNAUTHORIZED,
                "this needs the token: Authorization: Bearer TOKEN".into(),
            ),
            Self::Forbidden(why) => (StatusCode::FORBIDDEN, why),
            Self::Busy => (StatusCode::TOO_MANY_REQUESTS, "too many follow logs".into()),
            Self::Failed(why) => (StatusCode::CONFLICT, why),
            Self::NoSuchChange => {
                (StatusCode::NOT_FOUND, "a change is start, stop, restart or signal".into())
            }
        };
        (code, axum_json(&json!({ "error": text }))).into_response()
    }
}

fn axum_json(value: &Value) -> Response {
    ([(CONTENT_TYPE, "application/json")], format!("{value}\n")).into_response()
}

/// All routes.
pub(crate) fn all(app: App) -> Router {
    Router::new()
        .route("/", get(|| asset("text/html; charset=utf-8", include_str!("../page/index.html"))))
        .route(
            "/app.js",
            get(|| asset("text/javascript; charset=utf-8", include_str!("../page/app.js"))),
        )
        .route(
            "/style.css",
            get(|| asset("text/css; charset=utf-8", include_str!("../page/style.css"))),
        )
        .route("/live", get(live))
        .route("/ready", get(ready))
        .route("/startup", get(startup))
        .route("/metrics", get(metrics_text))
        .route("/api/v1/services", get(services))
        .route("/api/v1/services/{name}", get(service))
        .route("/api/v1/services/{name}/{verb}", post(change))
        .route("/api/v1/timing", get(timing))
        .route("/api/v1/logs", get(all_logs))
        .route("/api/v1/logs/{name}", get(logs))
        .layer(DefaultBodyLimit::max(1024))
        .layer(from_fn_with_state(app.clone(), check_host))
        .with_state(app)
}

async fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, kind)], text).into_response()
}

/// Refuses what does not name this server, and says what browsers may do with what it answers.
async fn check_host(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut response = match app.guard().knows_host(request.headers()) {
        true => next.run(request).await,
        false => {
            let why = "the Host header names another server: ask by address, or put the name into \
                       SIXTREE_HTTP_HOSTS";
            let failure = HttpFailure::Forbidden(why.to_owned()).into_response();
            (StatusCode::MISDIRECTED_REQUEST, failure.into_body()).into_response()
        }
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                  img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

/// Whether PID 1 answers.
async fn live(State(app): State<App>) -> Result<Response, HttpFailure> {
    app.status().await.map(|_| "alive\n".into_response())
}

/// What `sixtree healthcheck` says.
async fn ready(State(app): State<App>) -> Result<Response, HttpFailure> {
    let health = app.health().await?;
    Ok(match health.code {
        0 => "ready\n".into_response(),
        _ => {
            let lines = [health.output.as_slice(), &health.message].concat();
            (StatusCode::SERVICE_UNAVAILABLE, lines).into_response()
        }
    })
}

/// Whether the boot is over.
async fn startup(State(app): State<App>) -> Result<Response, HttpFailure> {
    let timing = app.timing().await?;
    Ok(match timing["over"].as_bool() {
        Some(true) => "started\n".into_response(),
        Some(false) | None => {
            let none = Vec::new();
            let services = timing["services"].as_array().unwrap_or(&none);
            let waiting = services.iter().filter(|service| service["end_us"].is_null());
            let names: Vec<_> = waiting.filter_map(|service| service["name"].as_str()).collect();
            let text = format!("booting; not up yet: {}\n", names.join(", "));
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
    })
}

async fn metrics_text(State(app): State<App>) -> Result<Response, HttpFailure> {
    let (status, timing) = (app.status().await?, app.timing().await?);
    let text = metrics::text(&status, &timing);
    Ok(([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response())
}

async fn services(State(app): State<App>) -> Result<Response, HttpFailure> {
    Ok(axum_json(&app.status().await?))
}

async fn service(
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<Response, HttpFailure> {
    let status = app.status().await?;
    let mut services = status["services"].as_array().into_iter().flatten();
    let found = services.find(|service| service["name"] == name.as_str());
    found.map(axum_json).ok_or(HttpFailure::Unknown(name))
}

async fn timing(State(app): State<App>) -> Result<Response, HttpFailure> {
    Ok(axum_json(&app.timing().await?))
}

/// How a log is asked for.
#[derive(Debug, Deserialize)]
struct LogQuery {
    /// Whether to go on: `follow`, or `follow=1`.
    follow: Option<String>,
    /// How many lines to begin with.
    lines: Option<u32>,
}

async fn all_logs(
    State(app): State<App>,
    headers: HeaderMap,
    Query(query): Query<LogQuery>,
) -> Result<Response, HttpFailure> {
    read_log(app, headers, None, query).await
}

async fn logs(
    State(app): State<App>,
    headers: HeaderMap,
    Path(name): Path<String>,
    Query(query): Query<LogQuery>,
) -> Result<Response, HttpFailure> {
    read_log(app, headers, Some(name), query).await
}

async fn read_log(
    app: App,
    headers: HeaderMap,
    name: Option<String>,
    query: LogQuery,
) -> Result<Response, HttpFailure> {
    if app.guard().logs_need_token() {
        authorize(&app, &headers).await?;
    }
    let follow = query.follow.is_some_and(|value| !matches!(value.as_str(), "0" | "false" | "no"));
    let lines = query.lines.unwrap_or(100).min(MOST_LINES);
    let place = match follow {
        true => Some(app.follow().ok_or(HttpFailure::Busy)?),
        false => None,
    };
    let mut stream = app.begin(&Ask::Logs { name: name.clone(), lines, follow }).await?;
    // What is wrong is known before the first line.
    let (kind, piece) = frame(&mut stream).await?;
    let first = match (kind, piece) {
        (Frame::Output, piece) => Some(piece),
        (Frame::End, piece) if piece == b"0" => None,
        (Frame::End, _) => return Err(HttpFailure::Unavailable("there is no log to show".into())),
        (Frame::Message, piece) => {
            let mut answer = CommandAnswer::default();
            answer.take(Frame::Message, &piece)?;
            while let (kind, piece) = frame(&mut stream).await?
                && answer.take(kind, &piece)?
            {}
            return Err(match (answer.code, name) {
                (3, Some(name)) => HttpFailure::Unknown(name),
                _ => HttpFailure::Unavailable(answer.reason()),
            });
        }
    };
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(4);
    tokio::task::spawn_local(async move {
        let mut next = first;
        while let Some(piece) = next {
            if sender.send(Ok(Bytes::from(piece))).await.is_err() {
                break;
            }
            next = match frame_or_gone(&mut stream, &sender).await {
                Some((Frame::Output | Frame::Message, piece)) => Some(piece),
                Some((Frame::End, _)) | None => None,
            };
        }
        drop(place);
    });
    let body = Body::from_stream(ReceiverStream::new(receiver));
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response())
}

/// The next frame; `None`: there is none, or nobody listens any more.
async fn frame_or_gone(
    stream: &mut UnixStream,
    sender: &mpsc::Sender<io::Result<Bytes>>,
) -> Option<(Frame, Vec<u8>)> {
    use std::future::Future;
    use std::pin::pin;
    use std::task::Poll;
    let mut next = pin!(frame(stream));
    let mut gone = pin!(sender.closed());
    std::future::poll_fn(|context| {
        if gone.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        next.as_mut().poll(context).map(Result::ok)
    })
    .await
}

/// Whether a request has the token, by the word of the process that knows it.
async fn authorize(app: &App, headers: &HeaderMap) -> Result<(), HttpFailure> {
    let token = token(headers).ok_or(HttpFailure::Unauthorized)?;
    let answer = app.ask(&Ask::Authorize { token }).await?;
    match answer.code {
        0 => Ok(()),
        FORBIDDEN => Err(HttpFailure::Forbidden(answer.reason())),
        _ => Err(HttpFailure::Unavailable(answer.reason())),
    }
}

/// How a signal is asked for.
#[derive(Debug, Deserialize)]
struct ChangeQuery {
    /// Its name.
    signal: Option<String>,
}

async fn change(
    State(app): State<App>,
    headers: HeaderMap,
    Path((name, verb)): Path<(String, String)>,
    Query(query): Query<ChangeQuery>,
) -> Result<Response, HttpFailure> {
    let verb = match verb.as_str() {
        "start" => Verb::Start,
        "stop" => Verb::Stop,
        "restart" => Verb::Restart,
        "signal" => Verb::Signal(query.signal.unwrap_or_else(|| "TERM".to_owned())),
        _ => return Err(HttpFailure::NoSuchChange),
    };
    let token = token(&headers);
    let had_token = token.is_some();
    let token = token.unwrap_or_default();
    let answer = app.ask(&Ask::Change { verb, name: name.clone(), token }).await?;
    app.forget().await;
    match answer.code {
        0 => Ok(axum_json(&json!({ "done": true }))),
        3 => Err(HttpFailure::Unknown(name)),
        FORBIDDEN if !had_token && answer.reason().contains("not the token") => {
            Err(HttpFailure::Unauthorized)
        }
        FORBIDDEN => Err(HttpFailure::Forbidden(answer.reason())),
        _ => Err(HttpFailure::Failed(answer.reason())),
    }
}
