//! What stands in front of every route: which web pages may ask, and headers that keep browsers safe.

mod cors;
mod origin;
mod safety;

pub use cors::{CorsError, cors};
pub use safety::safety_headers;
