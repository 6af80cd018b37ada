//! A service: a table comes in, its neighbours go out, and whoever asks waits two seconds at most.
//!
//! `cargo run --release -p ilk-plugin-host --example service -- ilk.wasm 127.0.0.1:8080`, then
//! `curl --data-binary @orders.arrows 'http://127.0.0.1:8080/similar?user=member&item=product'`:
//! an Arrow stream each way.

use std::{error::Error, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Query, State},
    http::StatusCode,
    routing::post,
};
use ilk_plugin_host::{Error as PluginError, Host, Limits, Plugin, Request};
use serde::Deserialize;
use tokio::{net::TcpListener, task::spawn_blocking};

/// What stands in the address.
#[derive(Deserialize)]
struct Asked {
    user: String,
    item: String,
    top: Option<u32>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let [plugin, address] = arguments.as_slice() else {
        return Err("expected: PLUGIN ADDRESS:PORT".into());
    };
    let limits = Limits {
        memory_bytes: 512 << 20,
        deadline: Some(Duration::from_secs(2)),
        ..Limits::default()
    };
    let service = service(Host::new(limits)?.load(plugin)?);
    axum::serve(TcpListener::bind(address).await?, service).await?;
    Ok(())
}

/// Answers with a plugin.
fn service(plugin: Plugin) -> Router {
    Router::new()
        .route("/similar", post(similar))
        .layer(DefaultBodyLimit::max(64 << 20))
        .with_state(plugin)
}

async fn similar(
    State(plugin): State<Plugin>,
    Query(asked): Query<Asked>,
    body: Bytes,
) -> Result<Vec<u8>, (StatusCode, String)> {
    // Computing would hold up those who wait for others.
    let answer = spawn_blocking(move || answer(&plugin, asked, &body)).await;
    let answer = answer.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    answer.map_err(|error| {
        let status = match &error {
            PluginError::Refused { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            PluginError::Deadline { .. } => StatusCode::GATEWAY_TIMEOUT,
            PluginError::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
            PluginError::OutOfMemory { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, error.to_string())
    })
}

fn answer(plugin: &Plugin, asked: Asked, body: &[u8]) -> Result<Vec<u8>, PluginError> {
    let job = serde_json::json!({ "top": asked.top.unwrap_or(10) }).to_string();
    let request = Request { user: asked.user, item: asked.item, job, ..Request::default() };
    let mut session = plugin.session(&request)?;
    session.add_bytes(body)?;
    while !session.step()?.finished {}
    let mut table = Vec::new();
    while let Some(piece) = session.next_bytes()? {
        table.extend(piece);
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use arrow_array::{Int64Array, RecordBatch};
    use arrow_ipc::{reader::StreamReader, writer::StreamWriter};
    use axum::{
        body::{Body, to_bytes},
        http,
    };
    use tower::ServiceExt as _;

    use super::*;

    fn plugin(deadline: Duration) -> Plugin {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/plugin/ilk.wasm");
        assert!(path.exists(), "{}: run `cargo xtask plugin` first", path.display());
        let limits = Limits { deadline: Some(deadline), ..Limits::default() };
        let cache = path.with_file_name("cache");
        let host = Host::with_cache(limits, cache).expect("a sandbox");
        host.load(path).expect("a plugin")
    }

    fn table(rows: i64) -> Vec<u8> {
        let column =
            |of: &dyn Fn(i64) -> i64| Arc::new((0..rows).map(of).collect::<Int64Array>()) as _;
        let columns =
            [("user", column(&|row| row / 300)), ("item", column(&|row| row * row % 977))];
        let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
        let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).expect("memory");
        writer.write(&batch).expect("memory");
        writer.into_inner().expect("memory")
    }

    async fn ask(service: &Router, query: &str, body: Vec<u8>) -> (StatusCode, Vec<u8>) {
        let request = http::Request::post(format!("/similar?{query}")).body(Body::from(body));
        let answer = service.clone().oneshot(request.expect("a request")).await;
        let answer = answer.expect("an answer");
        let status = answer.status();
        (status, to_bytes(answer.into_body(), 1 << 28).await.expect("a body").to_vec())
    }

    #[tokio::test]
    async fn neighbours_come_back() {
        let service = service(plugin(Duration::from_mins(1)));
        let (status, body) = ask(&service, "user=user&item=item&top=3", table(3_000)).await;
        assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
        let reader = StreamReader::try_new(body.as_slice(), None).expect("a table");
        let rows = reader.map(|batch| batch.expect("a batch").num_rows()).sum::<usize>();
        assert!(rows > 0 && rows % 3 == 0, "{rows} rows");
    }

    #[tokio::test]
    async fn what_is_wrong_is_said_and_others_are_served() {
        let service = service(plugin(Duration::from_mins(1)));
        let (status, body) = ask(&service, "user=usr&item=item", table(300)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(String::from_utf8_lossy(&body).contains("did you mean `user`"));
        let (status, _) = ask(&service, "user=user&item=item", b"no table".to_vec()).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        let (status, _) = ask(&service, "user=user&item=item", table(300)).await;
        assert_eq!(status, StatusCode::OK);
    }

    #[tokio::test]
    async fn nobody_waits_longer_than_the_deadline() {
        let service = service(plugin(Duration::from_millis(30)));
        let (status, body) = ask(&service, "user=user&item=item", table(3_000_000)).await;
        assert_eq!(status, StatusCode::GATEWAY_TIMEOUT, "{}", String::from_utf8_lossy(&body));
    }
}
