//! The one executable.
#![expect(dead_code, unused_imports, reason = "wip")]
mod config;
fn main() {}
