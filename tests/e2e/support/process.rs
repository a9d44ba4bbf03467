//! One run of the executable.

use std::{path::Path, process::Stdio, sync::Arc, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::{Child, Command},
    sync::Mutex,
};

use super::eventually;

/// Everything a start or a settling may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// How to start a catalog.
pub(crate) struct Launch {
    command: Command,
}

/// A running process of ours, killed when dropped.
pub(crate) struct Catalog {
    child: Child,
    /// Where it listens, without a slash at the end; empty for roles that do not.
    pub(crate) url: String,
    output: Arc<Mutex<Vec<String>>>,
    pub(crate) client: reqwest::Client,
}

impl Launch {
    /// `backstitch up` with its data in `dir/data`, on a free port.
    pub(crate) fn up(dir: &Path) -> Self {
        let mut launch = Self::role("up", dir);
        launch.command.arg("--data-dir").arg(dir.join("data"));
        launch.listening()
    }

    /// Any role, started in `dir`.
    pub(crate) fn role(role: &str, dir: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backstitch"));
        command.arg(role).current_dir(dir).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for proxy in ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"] {
            command.env_remove(proxy).env_remove(proxy.to_lowercase());
        }
        Self { command }
    }

    /// On a free port of the loopback interface.
    pub(crate) fn listening(mut self) -> Self {
        self.command.args(["--listen", "127.0.0.1:0"]);
        self
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// With a variable in its environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts it and waits until it says where it listens.
    pub(crate) async fn start(self) -> Catalog {
        let mut catalog = self.start_silent();
        let output = Arc::clone(&catalog.output);
        let address = || async { output.lock().await.iter().find_map(|line| address_in(line)) };
        let found = eventually("an address in the output", PATIENCE, address, Option::is_some).await;
        catalog.url = found.expect("it was just found");
        catalog
    }

    /// Starts a role that listens nowhere.
    pub(crate) fn start_silent(mut self) -> Catalog {
        let mut child = self.command.spawn().expect("the executable starts");
        let output = Arc::default();
        collect(child.stdout.take().expect("it is piped"), &output);
        collect(child.stderr.take().expect("it is piped"), &output);
        Catalog { child, url: String::new(), output, client: client() }
    }
}

impl Catalog {
    /// Everything printed so far.
    pub(crate) async fn output(&self) -> String {
        self.output.lock().await.join("\n")
    }

    /// GETs JSON below the server's root.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.client.get(format!("{}{path}", self.url)).send().await;
        let answer = answer.unwrap_or_else(|error| panic!("{path}: {error}"));
        let status = answer.status();
        let text = answer.text().await.expect("the answer can be read");
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path} answered {status}: {text}"))
    }

    /// What is measured, as Prometheus would fetch it.
    pub(crate) async fn metrics(&self) -> String {
        let answer = self.client.get(format!("{}/metrics", self.url)).send().await;
        let answer = answer.and_then(|answer| answer.error_for_status()).expect("/metrics is answered");
        answer.text().await.expect("the answer can be read")
    }

    /// One entity, if it is there.
    pub(crate) async fn entity(&self, kind: &str, name: &str) -> Option<Value> {
        let path = format!("/api/catalog/entities/by-name/{kind}/default/{name}");
        let entity = self.get(&path).await;
        entity.get("metadata").is_some().then_some(entity)
    }

    /// All entities.
    pub(crate) async fn entities(&self) -> Vec<Value> {
        let Value::Array(entities) = self.get("/api/catalog/entities").await else {
            panic!("the list is an array");
        };
        entities
    }

    /// Waits until no read is due or under way and everything emitted has an outcome.
    pub(crate) async fn settled(&self) -> Value {
        let status = || self.get("/api/catalog/v1/status");
        eventually("a settled catalog", PATIENCE, status, |status| status["busy"] == false).await
    }

    /// Pushes to a provider; returns status and answer.
    pub(crate) async fn push(&self, path: &str, content_type: &str, body: String) -> (u16, Value) {
        let url = format!("{}/api/ingest/v1/providers/{path}", self.url);
        let request = self.client.post(url).header("content-type", content_type.to_owned()).body(body);
        let answer = request.timeout(PATIENCE).send().await.expect("the push is answered");
        let status = answer.status().as_u16();
        (status, answer.json().await.expect("the answer is JSON"))
    }

    /// Sends JSON, or nothing for null, to the catalog API; returns status and answer.
    pub(crate) async fn send(&self, verb: &str, path: &str, body: Value) -> (u16, Value) {
        let verb = verb.parse().expect("it is a verb");
        let request = self.client.request(verb, format!("{}/api/catalog{path}", self.url)).timeout(PATIENCE);
        let request = if body.is_null() { request } else { request.json(&body) };
        let answer = request.send().await.expect("the request is answered");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("the answer can be read");
        let answer = if text.is_empty() { Ok(Value::Null) } else { serde_json::from_str(&text) };
        (status, answer.expect("the answer is JSON"))
    }

    /// Waits for a process that ends by itself, and well.
    pub(crate) async fn ended(&mut self) {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it ends in time");
        let code = ended.expect("it can be waited for");
        assert!(code.success(), "ended with {code}:\n{}", self.output().await);
    }

    /// Ends it as a power cut would.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("it can be killed");
    }

    /// Asks it to end, and waits for a clean exit.
    pub(crate) async fn stop(mut self) {
        let pid = self.child.id().expect("it is running").to_string();
        let asked = Command::new("kill").args(["-INT", &pid]).status().await.expect("kill runs");
        assert!(asked.success());
        self.ended().await;
    }
}

/// A client; its library wants to know about TLS even where there is none.
fn client() -> reqwest::Client {
    // Fails only if another test was first.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::new()
}

fn collect(stream: impl AsyncRead + Unpin + Send + 'static, output: &Arc<Mutex<Vec<String>>>) {
    let output = Arc::clone(output);
    tokio::spawn(async move {
        let mut lines = BufReader::new(stream).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            output.lock().await.push(line);
        }
    });
}

/// The address in a line of output, unless it is that of something to read.
fn address_in(line: &str) -> Option<String> {
    if line.starts_with("reading ") {
        return None;
    }
    let host = "http://127.0.0.1:";
    let start = line.find(host)?;
    let port: String = line[start + host.len()..].chars().take_while(char::is_ascii_digit).collect();
    Some(format!("{host}{port}"))
}
