//! The least that a server of JSON in Rust does, to see what of a request is ours: this program, started as `load echo`.

use anyhow::Result;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;

/// The argument that makes this program the echo.
pub(crate) const ARGUMENT: &str = "echo";

/// Prepares it.
pub(crate) fn command() -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(ARGUMENT).kill_on_drop(true);
    Ok(command)
}

/// Reads JSON and gives it back, until it is killed.
pub(crate) async fn serve() -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("http://127.0.0.1:{}", listener.local_addr()?.port());
    let router = Router::new()
        .route("/", post(echoed))
        .route("/api/tasks", post(echoed))
        .route("/health", get(async || Json(json!({"status": "ok"}))));
    Ok(axum::serve(listener, router).await?)
}

async fn echoed(Json(body): Json<Value>) -> Json<Value> {
    Json(body)
}
