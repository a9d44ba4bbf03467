//! What a request needs whoever sends it to be.

use axum::http::Method;
use backstitch_schemas::percent::decoded_strictly;

/// What a request needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: whether the process lives, what its interface is, which keys it signs with, and what git
    /// hosts tell, which shows by itself where it comes from.
    Nothing,
    /// To be known, and it reads.
    Read,
    /// To be known; what may be done is decided where it is done.
    Write,
    /// To be a service that may write as this provider.
    Provider(String),
    /// To be a service that may see or decide about what is no single provider's.
    Operate,
}

/// What is for everybody, beside `OPTIONS`. The explorer's own files hold nothing of the catalog.
const OPEN: [&str; 10] = [
    "",
    "/search",
    "/problems",
    "/changes",
    "/livez",
    "/readyz",
    "/.backstage/health/v1/liveness",
    "/.backstage/health/v1/readiness",
    "/api/catalog/openapi.json",
    "/api/catalog/.backstage/auth/v1/jwks.json",
];

/// What is for everybody with all below it: the explorer's files, and its addresses of entities.
const OPEN_BELOW: [&str; 2] = ["/explorer/", "/entity/"];

/// Where git hosts send events: they show that they know a secret, and are refused there without.
const WEBHOOKS: &str = "/api/events/http/";

/// Requests that read although they are sent with a body.
const READS: [&str; 4] = [
    "/api/catalog/entities/by-refs",
    "/api/catalog/entities/by-query",
    "/api/catalog/entity-facets",
    "/api/catalog/locations/by-query",
];

impl Need {
    /// What a request with this method and path needs.
    pub fn of(method: &Method, path: &str) -> Self {
        // Routes ignore case and a slash at the end; provider names do not ignore case.
        let path = path.trim_end_matches('/');
        let lower = path.to_ascii_lowercase();
        if lower.starts_with("/api/ingest") && method != Method::OPTIONS {
            return Self::of_ingest(path, &lower);
        }
        if lower == "/metrics" && method != Method::OPTIONS {
            return Self::Operate;
        }
        if lower.starts_with(WEBHOOKS) && method == Method::POST {
            return Self::Nothing;
        }
        let is_safe = [Method::GET, Method::HEAD].contains(method);
        let is_open =
            OPEN.contains(&lower.as_str()) || OPEN_BELOW.iter().any(|below| lower.starts_with(below));
        if method == Method::OPTIONS || (is_safe && is_open) {
            Self::Nothing
        } else if is_safe || (method == Method::POST && READS.contains(&lower.as_str())) {
            Self::Read
        } else {
            Self::Write
        }
    }

    fn of_ingest(path: &str, lower: &str) -> Self {
        let below = "/api/ingest/v1/providers/";
        let rest = lower.strip_prefix(below).map(|_| &path[below.len()..]).unwrap_or_default();
        match rest.split('/').collect::<Vec<_>>().as_slice() {
            [name, "mutations"] | [name] if !name.is_empty() => {
                decoded_strictly(name).map_or(Self::Operate, Self::Provider)
            }
            _ => Self::Operate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_here_are_routes_of_the_catalog() {
        let document = backstitch_query_api::openapi_document();
        let of_catalog = OPEN.iter().filter(|path| path.starts_with("/api/catalog"));
        for (path, verb) in
            of_catalog.map(|path| (path, "get")).chain(READS.iter().map(|path| (path, "post")))
        {
            assert!(document["paths"][path].get(verb).is_some(), "{verb} {path}");
        }
    }

    #[test]
    fn little_is_open_and_ingest_is_for_services() {
        let need = |method: &str, path: &str| Need::of(&method.parse().unwrap(), path);
        let provider = |name: &str| Need::Provider(name.to_owned());
        assert_eq!(need("GET", "/livez"), Need::Nothing);
        assert_eq!(need("GET", "/api/catalog/.backstage/auth/v1/jwks.json"), Need::Nothing);
        assert_eq!(need("OPTIONS", "/api/ingest/v1/providers"), Need::Nothing);
        assert_eq!(need("GET", "/"), Need::Nothing);
        assert_eq!(need("GET", "/entity/component/default/a"), Need::Nothing);
        assert_eq!(need("GET", "/explorer/app.mjs"), Need::Nothing);
        assert_eq!(need("POST", "/api/events/http/github"), Need::Nothing);
        assert_eq!(need("POST", "/api/events/bus"), Need::Write);
        assert_eq!(need("GET", "/api/events/http/github"), Need::Read);
        assert_eq!(need("GET", "/whatever/comes"), Need::Read);
        assert_eq!(need("GET", "/api/catalog/entities"), Need::Read);
        assert_eq!(need("POST", "/API/catalog/entities/by-refs/"), Need::Read);
        assert_eq!(need("POST", "/livez"), Need::Write);
        assert_eq!(need("POST", "/api/catalog/refresh"), Need::Write);
        assert_eq!(need("POST", "/api/catalog/locations"), Need::Write);
        assert_eq!(need("DELETE", "/api/catalog/entities/by-uid/1"), Need::Write);
        assert_eq!(need("GET", "/api/ingest/v1/providers"), Need::Operate);
        assert_eq!(need("GET", "/metrics"), Need::Operate);
        assert_eq!(need("POST", "/api/ingest/v1/providers/Inventory/mutations"), provider("Inventory"));
        assert_eq!(need("POST", "/api/ingest/v1/providers/a%20b%2Fc/mutations"), provider("a b/c"));
        assert_eq!(need("DELETE", "/api/ingest/v1/providers/inventory"), provider("inventory"));
        assert_eq!(need("POST", "/api/ingest/v1/providers/inventory/confirm"), Need::Operate);
        assert_eq!(need("POST", "/api/ingest/v1/providers/%ff/mutations"), Need::Operate);
    }
}
