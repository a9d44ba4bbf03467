//! Who may write: the callers of `backend.auth.externalAccess`.
//!
//! Reads are open. While no token is configured nothing needs one, and only this machine can reach
//! us (see [`crate::config::Listen::bind_host`]). Once there is one, pushes, registrations, deletions
//! and decisions of operators need it; whatever we do not know to be a read counts as a write.

mod callers;
mod guard;

pub use callers::{AccessError, Callers, Refusal};
pub use guard::guard;

use axum::http::Method;

/// What a request needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: it reads.
    Nothing,
    /// To write as this provider.
    Provider(String),
    /// To see or decide about what is no single provider's.
    Operate,
}

/// Requests that read although they are sent with a body, and a person's wish to read a source again.
const READS: [&str; 7] = [
    "/api/catalog/entities/by-refs",
    "/api/catalog/entities/by-query",
    "/api/catalog/entity-facets",
    "/api/catalog/locations/by-query",
    "/api/catalog/analyze-location",
    "/api/catalog/validate-entity",
    "/api/catalog/refresh",
];

impl Need {
    /// What a request with this method and path needs.
    pub fn of(method: &Method, path: &str) -> Self {
        // Routes ignore case and a slash at the end; provider names do not ignore case.
        let path = path.trim_end_matches('/');
        let lower = path.to_ascii_lowercase();
        let ingest = lower.starts_with("/api/ingest/");
        let safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
        if method == Method::OPTIONS
            || (safe && !ingest)
            || (method == Method::POST && READS.contains(&lower.as_str()))
        {
            return Self::Nothing;
        }
        let below = "/api/ingest/v1/providers/";
        let rest = lower.strip_prefix(below).map(|_| &path[below.len()..]).unwrap_or_default();
        match rest.split('/').collect::<Vec<_>>().as_slice() {
            [name, "mutations"] | [name] if !name.is_empty() => {
                decoded(name).map_or(Self::Operate, Self::Provider)
            }
            _ => Self::Operate,
        }
    }
}

/// A path segment without its percent signs; `None` if they do not make a text.
fn decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                bytes.push(u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?);
                rest = after;
            }
            (b'%', _) => return None,
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
