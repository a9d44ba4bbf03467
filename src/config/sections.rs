//! Which parts of a Backstage configuration file we read.
//!
//! Everything else belongs to somebody else: it is neither filled in nor checked.

/// Keys under `catalog` that we read.
pub(super) const CATALOG: &[&str] = &[
    "locations",
    "rules",
    "orphanStrategy",
    "orphanProviderStrategy",
    "readonly",
    "defaultLocationConflictStrategy",
    "processingInterval",
    "scmEvents",
];

/// Keys under `catalog` that Backstage reads and we do not yet.
const CATALOG_ELSEWHERE: &[&str] = &[
    "providerOptions",
    "processorOptions",
    "processors",
    "stitchingStrategy",
    "disableDefaultProcessors",
    "disableRelationsCompatibility",
    "enableRelationsCompatibility",
    "useUrlReadersSearch",
    "actions",
];

/// Keys under `catalog` that the portal's frontend reads.
const CATALOG_FRONTEND: &[&str] = &["import"];

/// Keys under `backend` that we read.
const BACKEND: &[&str] = &["reading", "listen", "auth", "cors"];

/// Whether the value at this path is read, or holds something that is.
pub(super) fn is_read(path: &str) -> bool {
    let mut parts = path.split(['.', '[']);
    let (top, below) = (parts.next().unwrap_or_default(), parts.next());
    match (top, below) {
        (
            "" | "catalog" | "backend" | "integrations" | "permission" | "discovery" | "events"
            | "backstitch",
            None,
        ) => true,
        ("catalog", Some(key)) => CATALOG.contains(&key),
        ("backend", Some(key)) => BACKEND.contains(&key),
        ("integrations" | "permission" | "discovery" | "events" | "backstitch", Some(_)) => true,
        _ => false,
    }
}

/// What is in a `catalog` section that we do not act upon.
pub(super) enum Unread {
    /// Backstage reads it: said at start, in status and on the page.
    Unsupported(String),
    /// Nobody we know reads it: a warning.
    Unknown(String),
}

/// What to say about a key under `catalog`; `below` are the keys in it.
pub(super) fn unread<'a>(key: &str, below: impl Iterator<Item = &'a str>) -> Vec<Unread> {
    if CATALOG.contains(&key) || CATALOG_FRONTEND.contains(&key) {
        return Vec::new();
    }
    if key == "providers" {
        return below
            .map(|provider| {
                Unread::Unsupported(format!(
                    "catalog.providers.{provider} is not supported yet; its entities will be missing"
                ))
            })
            .collect();
    }
    if CATALOG_ELSEWHERE.contains(&key) {
        return vec![Unread::Unsupported(format!("catalog.{key} is not supported yet; it has no effect"))];
    }
    vec![Unread::Unknown(format!("catalog.{key} is not a setting of the catalog; it has no effect"))]
}
