//! The commands that need no role of the pipeline, and what `up` says.

mod explain;
mod providers;
mod schema;
mod status;
mod up;
mod validate;

pub use explain::explain;
pub use providers::providers;
pub use schema::schema;
pub use status::{WaitError, status, wait_until_idle};
pub use up::Screen;
pub use validate::validate;

#[cfg(test)]
mod tests;
