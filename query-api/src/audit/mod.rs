//! Who did what: a record when an operation begins and one when it has succeeded or failed.
//!
//! Every route is audited in the same place, so none can be forgotten; handlers only add what the path and
//! the query do not say, with [`Notes`]. A record is one line of JSON at target `audit`: mutations at level
//! `INFO`, reads at `DEBUG`, as severity demands. It tells when it was made, and the two of one request have
//! the same id. Credentials are never in it.

mod events;

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    extract::{ConnectInfo, FromRequestParts, Request},
    http::{HeaderMap, header, request::Parts},
    middleware::Next,
    response::Response,
};
use backstitch_schemas::{Clock, SystemClock};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{access::Principal, error::ApiError, openapi::Operation, paths::RequestedUri};
pub use events::{AuditEvent, Severity};

/// The target of audit records.
const TARGET: &str = "audit";

/// Why a request failed, as its records tell it: whoever answers puts it into the extensions of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed(pub String);

/// What a handler adds to the records of its request; nothing where nobody listens.
#[derive(Clone, Debug, Default)]
pub struct Notes(Option<Arc<Mutex<Map<String, Value>>>>);

impl Notes {
    /// Adds a member to `meta` of the record that tells the outcome.
    pub fn add(&self, name: &str, value: impl FnOnce() -> Value) {
        if let Some(notes) = &self.0 {
            notes.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), value());
        }
    }

    fn taken(&self) -> Map<String, Value> {
        let notes = self.0.as_ref().map(|notes| notes.lock().unwrap_or_else(PoisonError::into_inner));
        notes.map(|mut notes| std::mem::take(&mut *notes)).unwrap_or_default()
    }
}

impl<S: Sync> FromRequestParts<S> for Notes {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}

/// Records one operation of the catalog API.
pub(crate) async fn audited_operation(
    operation: &'static Operation,
    request: Request,
    next: Next,
) -> Response {
    match AuditEvent::of(operation, request.uri()) {
        Some(event) => audited(event, request, next).await,
        None => next.run(request).await,
    }
}

/// Records what `next` does: that it begins, and whether it succeeded, with what it put into [`Notes`] and,
/// if it failed, into [`Failed`]. For the parts of a process that are no operations of the catalog API.
pub async fn audited(event: AuditEvent, mut request: Request, next: Next) -> Response {
    if !event.severity.is_heard() {
        return next.run(request).await;
    }
    let notes = Notes(Some(Arc::default()));
    request.extensions_mut().insert(notes.clone());
    let mut record = record(&event, &request);
    record["requestId"] = Uuid::new_v4().to_string().into();
    event.severity.tell(&record, "initiated");
    let response = next.run(request).await;
    for (name, value) in notes.taken() {
        record["meta"][name] = value;
    }
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        record["error"] = why(&response).into();
        event.severity.tell(&record, "failed");
    } else {
        event.severity.tell(&record, "succeeded");
    }
    response
}

/// Why a request failed, as far as the answer tells.
fn why(response: &Response) -> String {
    let extensions = response.extensions();
    let api = extensions.get().map(|error: &ApiError| format!("{}: {}", error.name, error.message));
    let told = extensions.get().map(|Failed(text)| text.clone());
    api.or(told).unwrap_or_else(|| response.status().to_string())
}

fn record(event: &AuditEvent, request: &Request) -> Value {
    let (headers, extensions) = (request.headers(), request.extensions());
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let principal: Option<&Principal> = extensions.get();
    let address: Option<&ConnectInfo<SocketAddr>> = extensions.get();
    let host = text(header::HOST);
    json!({
        "plugin": "catalog",
        "eventId": event.id,
        "severityLevel": event.severity.name(),
        "actor": {
            "actorId": principal.and_then(Principal::name),
            "ip": address.map(|ConnectInfo(address)| address.ip().to_string()),
            "hostname": host.map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name)),
            "userAgent": text(header::USER_AGENT),
        },
        "request": {"url": url(headers, request), "method": request.method().as_str()},
        "meta": event.meta,
    })
}

/// The URL as the client sees it, as far as it tells.
fn url(headers: &HeaderMap, request: &Request) -> String {
    let requested = request.extensions().get::<RequestedUri>().map_or(request.uri(), |RequestedUri(uri)| uri);
    let path = requested.path_and_query().map_or("/", |path| path.as_str());
    match headers.get(header::HOST).and_then(|host| host.to_str().ok()) {
        Some(host) => format!("http://{host}{path}"),
        None => path.to_owned(),
    }
}

impl Severity {
    fn is_heard(self) -> bool {
        match self {
            Self::Low => tracing::enabled!(target: TARGET, tracing::Level::DEBUG),
            Self::Medium => tracing::enabled!(target: TARGET, tracing::Level::INFO),
        }
    }

    fn tell(self, record: &Value, status: &str) {
        let mut record = record.clone();
        record["status"] = status.into();
        // The time of the machine, whatever a catalog lives by: auditors compare it with other logs.
        record["timestamp"] = SystemClock.now().to_string().into();
        match self {
            Self::Low => tracing::debug!(target: TARGET, "{record}"),
            Self::Medium => tracing::info!(target: TARGET, "{record}"),
        }
    }
}
