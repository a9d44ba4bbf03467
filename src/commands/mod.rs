//! The commands that need no role of the pipeline: they speak HTTP, or look at files.

mod providers;
mod status;
mod validate;

pub use providers::providers;
pub use status::{WaitError, status, wait_until_idle};
pub use validate::validate;
