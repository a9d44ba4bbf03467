//! Running the executable, and waiting for what it should come to.

mod collector;
mod corpus;
mod process;
mod services;
mod wait;

pub(crate) use collector::{Collector, Measured};
pub(crate) use corpus::{laid_out, serve_files};
pub(crate) use process::{Catalog, Launch};
pub(crate) use services::Services;
pub(crate) use wait::eventually;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// The folder with recorded material, if this checkout has one beside it.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    if !found.exists() {
        println!("skipped: ../shared/{path} is not here");
        return None;
    }
    Some(found)
}

/// Writes a file and the folders above it.
pub(crate) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a file stands in a folder")).expect("folders can be made");
    fs::write(path, text).expect("the file can be written");
}

/// A component's descriptor.
pub(crate) fn component(name: &str, description: &str) -> String {
    format!(
        "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: {name}\n  description: {description}\n\
         spec:\n  type: service\n  lifecycle: production\n  owner: team-a\n"
    )
}

/// The whole catalog with what may differ between two of them taken out, by ref.
pub(crate) fn without_ids(entities: &[Value]) -> Vec<Value> {
    let mut plain: Vec<Value> = entities
        .iter()
        .cloned()
        .map(|mut entity| {
            let metadata = entity["metadata"].as_object_mut().expect("an entity has metadata");
            metadata.remove("uid");
            metadata.remove("etag");
            entity
        })
        .collect();
    plain.sort_by_key(entity_ref);
    plain
}

/// The canonical ref of an answered entity.
pub(crate) fn entity_ref(entity: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("default").to_lowercase();
    format!(
        "{}:{}/{}",
        text(&entity["kind"]),
        text(&entity["metadata"]["namespace"]),
        text(&entity["metadata"]["name"])
    )
}
