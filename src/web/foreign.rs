//! While nobody needs a token, every web page that somebody on this machine looks at could write to their
//! catalog: browsers send simple requests of any page to any address, and only keep the answer from it.

use std::net::IpAddr;

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;
use url::{Host, Url};

use super::{CorsError, origin::Origins};
use crate::{access::Need, config::CorsConfig};

/// The pages of other machines that may write: those that `backend.cors` lets ask.
#[derive(Clone, Debug)]
pub struct Foreigners(Origins);

impl Foreigners {
    /// Those of the configuration.
    ///
    /// # Errors
    /// If a pattern in it cannot be understood.
    pub fn of(config: &CorsConfig) -> Result<Self, CorsError> {
        Origins::parse(&config.origin).map(Self).map_err(CorsError::Origin)
    }

    /// Whether a request changes something, on behalf of a page that is neither of this machine nor allowed to.
    /// Browsers say so in `Origin`; other clients send none. The name that a page was reached by tells
    /// nothing: its owner can let it stand for this machine.
    fn write(&self, method: &Method, path: &str, headers: &HeaderMap) -> bool {
        let reads = method.is_safe() || matches!(Need::of(method, path), Need::Nothing | Need::Read);
        let Some(origin) = headers.get(header::ORIGIN).filter(|_| !reads) else { return false };
        !origin.to_str().is_ok_and(|origin| is_of_this_machine(origin) || self.0.allow(origin))
    }
}

fn is_of_this_machine(origin: &str) -> bool {
    match Url::parse(origin).ok().as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

/// Refuses what pages of others would change.
pub async fn refuse_foreign_writes(
    State(foreigners): State<Foreigners>,
    request: Request,
    next: Next,
) -> Response {
    if !foreigners.write(request.method(), request.uri().path(), request.headers()) {
        return next.run(request).await;
    }
    let status = StatusCode::FORBIDDEN;
    let message = "While no token is configured, only pages of this machine change the catalog; add the page's \
                   origin to backend.cors.origin, or configure credentials";
    let body = json!({
        "error": {"name": "NotAllowedError", "message": message},
        "request": {"method": request.method().as_str(), "url": request.uri().path()},
        "response": {"statusCode": status.as_u16()},
    });
    (status, Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_other_machines_write_nothing_unless_they_are_let_in() {
        let config =
            CorsConfig { origin: vec!["https://portal.skerry.example".to_owned()], ..Default::default() };
        let foreigners = Foreigners::of(&config).unwrap();
        let writes = |method: Method, path: &str, origin: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            foreigners.write(&method, path, &headers)
        };
        for origin in [
            None,
            Some("http://127.0.0.1:7007"),
            Some("http://[::1]:7007"),
            Some("http://localhost:3000"),
            Some("https://portal.skerry.example"),
        ] {
            assert!(!writes(Method::POST, "/api/catalog/locations", origin), "{origin:?}");
        }
        for origin in
            ["https://evil.example", "http://localhost.evil.example:7007", "null", "http://10.0.0.1"]
        {
            for (method, path) in [
                (Method::POST, "/api/catalog/locations"),
                (Method::DELETE, "/api/catalog/entities/by-uid/x"),
                (Method::POST, "/api/ingest/v1/providers/hr/confirm"),
            ] {
                assert!(writes(method, path, Some(origin)), "{path} for {origin}");
            }
            for (method, path) in
                [(Method::GET, "/api/catalog/entities"), (Method::POST, "/api/catalog/entities/by-query")]
            {
                assert!(!writes(method, path, Some(origin)), "{path} for {origin}");
            }
        }
    }
}
