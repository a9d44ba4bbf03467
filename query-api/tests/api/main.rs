//! Every endpoint over a read model on SQLite, through the router.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod fixture;

mod audit;
mod changes;
mod errors;
mod explorer;
mod filters;
mod hostile;
mod load;
mod locations;
mod openapi;
mod orders;
mod outage;
mod pages;
mod permissions;
mod ports;
mod reads;
mod recorded;
mod revisions;
mod status;
mod stream;
mod views;

use std::path::{Path, PathBuf};

/// A file or directory of the samples beside the repository, if they are there.
fn shared(name: &str) -> Option<PathBuf> {
    let ancestors = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let mut found = ancestors.skip(1).map(|folder| folder.join("../shared").join(name));
    found.find(|path| path.exists())
}
