//! The JSON schemas that the document refers to.

mod entities;
mod explain;
mod locations;
mod ours;
mod permissions;
mod previews;
mod shared;

use serde_json::{Map, Value};

/// All of them, by name.
pub(super) fn schemas() -> Map<String, Value> {
    let all = [
        entities::schemas(),
        locations::schemas(),
        ours::schemas(),
        permissions::schemas(),
        explain::schemas(),
        previews::schemas(),
        shared::schemas(),
    ];
    all.into_iter().flatten().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

/// A name and what it stands for.
type Named = (&'static str, Value);
