//! The server: the notebook's pages, a sample of the data, and the full run, over HTTP.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{self, HeaderName, HeaderValue},
    http::uri::Authority,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use serde_json::json;
use tokio::{net::TcpListener, runtime, time};

use super::{
    access::{Access, Denied},
    batch::{Batches, Wish},
    pages,
};
use crate::error::{Error, reason};

/// Everything that is served.
pub(crate) struct Explored {
    /// Who may ask.
    pub(crate) access: Access,
    /// What the page is told when it opens, as JSON.
    pub(crate) setup: Bytes,
    /// The sample, as Parquet.
    pub(crate) sample: Bytes,
    /// The full run.
    pub(crate) batches: Batches,
}

/// A port that is listened on.
pub(crate) struct Listening {
    runtime: runtime::Runtime,
    listener: TcpListener,
    /// Where.
    pub(crate) address: SocketAddr,
}

/// A wish of a page is a few settings.
const LONGEST_BODY: usize = 64 << 10;

/// How long a request may take to arrive: the page is on this machine.
const PATIENCE: Duration = Duration::from_secs(10);

impl Listening {
    /// Begins to listen at `HOST:PORT`; port 0 is any free one.
    ///
    /// # Errors
    /// If that is not an address, or not available.
    pub(crate) fn at(listen: &str) -> Result<Self, Error> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::internal(error.to_string()))?;
        let bound = runtime.block_on(async {
            let listener = TcpListener::bind(listen).await?;
            Ok((listener.local_addr()?, listener))
        });
        let (address, listener) = bound.map_err(|error: std::io::Error| {
            Error::input(format!("cannot listen on {listen}: {}", reason(&error)))
                .with_help("--listen takes HOST:PORT, as in 127.0.0.1:8000; port 0 is any free one")
        })?;
        Ok(Self { runtime, listener, address })
    }

    /// Answers requests for as long as the process lives.
    pub(crate) fn serve(self, explored: Explored) -> ! {
        let explored = Arc::new(explored);
        self.runtime.block_on(async {
            loop {
                let Ok((stream, _)) = self.listener.accept().await else {
                    // Such as too many open files: some close with time.
                    time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                let explored = Arc::clone(&explored);
                let answer = service_fn(move |request| {
                    let explored = Arc::clone(&explored);
                    async move { Ok::<_, Infallible>(explored.answer(request).await) }
                });
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(PATIENCE)
                    .serve_connection(TokioIo::new(stream), answer);
                // Whoever breaks a connection off has no more to hear.
                tokio::spawn(async { drop(connection.await) });
            }
        })
    }
}

type Answer = Response<Full<Bytes>>;

impl Explored {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let mut answer = match self.allowed(&request) {
            Ok(place) => {
                let place = place.to_owned();
                self.route(&place, request).await
            }
            Err(Denied::Unknown) => {
                plain(StatusCode::NOT_FOUND, "open the address that `ilk explore` printed")
            }
            Err(Denied::Host) => {
                plain(StatusCode::FORBIDDEN, "Host is not an address of this server")
            }
            Err(Denied::Origin) => {
                plain(StatusCode::FORBIDDEN, "Origin is not the notebook's page")
            }
        };
        secure(answer.headers_mut());
        answer
    }

    fn allowed<'r>(&self, request: &'r Request<Incoming>) -> Result<&'r str, Denied> {
        let headers = request.headers();
        let is_one = |name| headers.get_all(name).iter().nth(1).is_none();
        if !is_one(header::HOST) {
            return Err(Denied::Host);
        }
        if !is_one(header::ORIGIN) {
            return Err(Denied::Origin);
        }
        let text = |name| headers.get(name).map(HeaderValue::to_str);
        // A header that is not text is of an unknown page.
        let host = text(header::HOST).and_then(Result::ok);
        let origin = text(header::ORIGIN).map(|origin| origin.unwrap_or("null"));
        // A target in absolute form names a host too; a client that means this server names one.
        let target = request.uri().authority().map(Authority::as_str);
        if target.is_some_and(|target| Some(target) != host) {
            return Err(Denied::Host);
        }
        self.access.check(request.uri().path(), host, origin)
    }

    async fn route(&self, place: &str, request: Request<Incoming>) -> Answer {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        match place {
            "explore/run" => match *request.method() {
                Method::GET | Method::HEAD => json(StatusCode::OK, &self.batches.told()),
                Method::POST => self.begin(request).await,
                Method::DELETE => {
                    self.batches.cancel();
                    json(StatusCode::OK, &self.batches.told())
                }
                _ => not_so("GET, HEAD, POST, DELETE"),
            },
            _ if !reads => not_so("GET, HEAD"),
            "explore/setup" => bytes("application/json", self.setup.clone()),
            "explore/sample" => bytes("application/vnd.apache.parquet", self.sample.clone()),
            "explore/report" => match self.batches.report() {
                Some(report) => report_page(report.into()),
                None => plain(StatusCode::NOT_FOUND, "no report yet"),
            },
            _ => match pages::find(place) {
                Some(page) => {
                    let mut answer = bytes(page.media_type, Bytes::from_static(page.packed));
                    let packed = HeaderValue::from_static("gzip");
                    answer.headers_mut().insert(header::CONTENT_ENCODING, packed);
                    answer
                }
                None => plain(StatusCode::NOT_FOUND, "not found"),
            },
        }
    }

    /// Begins the batch that a request asks for. Its page says where it is from: a form or an image
    /// of another page's cannot send JSON, and its browser would say its origin.
    async fn begin(&self, request: Request<Incoming>) -> Answer {
        let headers = request.headers();
        if !headers.contains_key(header::ORIGIN) {
            return problem(StatusCode::FORBIDDEN, "Origin is not the notebook's page");
        }
        let is_json =
            headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
        if !is_json {
            return problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "expected application/json");
        }
        let body = Limited::new(request.into_body(), LONGEST_BODY).collect();
        let Ok(body) = time::timeout(PATIENCE, body).await else {
            return problem(StatusCode::REQUEST_TIMEOUT, "the request took too long to arrive");
        };
        let Ok(body) = body else {
            return problem(StatusCode::PAYLOAD_TOO_LARGE, "request too large");
        };
        match serde_json::from_slice::<Wish>(&body.to_bytes()) {
            Err(error) => problem(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
            Ok(wish) => match self.batches.begin(wish) {
                Ok(()) => json(StatusCode::ACCEPTED, &self.batches.told()),
                Err(_) => problem(StatusCode::CONFLICT, "a run is in progress: cancel it first"),
            },
        }
    }
}

fn answer(status: StatusCode, media_type: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer
}

fn bytes(media_type: &'static str, body: Bytes) -> Answer {
    answer(StatusCode::OK, media_type, body)
}

fn plain(status: StatusCode, text: &'static str) -> Answer {
    answer(status, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()))
}

fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(value).unwrap_or_else(|_| b"null".to_vec());
    answer(status, "application/json", body.into())
}

fn problem(status: StatusCode, message: &str) -> Answer {
    json(status, &json!({ "message": message }))
}

fn not_so(allowed: &'static str) -> Answer {
    let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    answer
}

/// The report as a part of the page: it is one file that loads nothing, and is held to that.
fn report_page(report: Bytes) -> Answer {
    let mut answer = bytes("text/html; charset=utf-8", report);
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
                  frame-ancestors 'self'; base-uri 'none'; form-action 'none'";
    let policy = HeaderValue::from_static(policy);
    answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    answer
}

/// Sets the page apart from others: nobody frames or reads it, and its address goes nowhere; alone
/// like this its workers may share memory.
fn secure(headers: &mut HeaderMap) {
    for (name, value) in [
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-embedder-policy", "require-corp"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let alone = HeaderValue::from_static("frame-ancestors 'self'");
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(alone);
}
