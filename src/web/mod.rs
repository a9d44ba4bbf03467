//! What stands in front of every route: which web pages may ask, and headers that keep browsers safe.

mod cors;
mod foreign;
mod origin;
mod safety;

pub use cors::{CorsError, cors};
pub use foreign::{Foreigners, refuse_foreign_writes};
pub use safety::safety_headers;
