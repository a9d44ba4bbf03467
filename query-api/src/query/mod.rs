//! What can be asked: filters, predicates, orders, projections and cursors, parsed and checked.
//! Nothing here knows the index or HTTP.

mod cursor;
mod filter;
mod location;
mod opaque;
mod order;
mod predicate;
mod projection;

pub use cursor::{Cursor, CursorOrder, FullTextTerm, Order};
pub use filter::query_of_filters;
pub use location::{LocationCursor, LocationPredicate};
pub use order::{parse_order, parse_order_field};
pub use predicate::{Predicate, Test};
pub use projection::Projection;

/// Why a question cannot be answered, in the words that clients of Backstage know. Always the fault
/// of whoever asks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QueryError(pub String);

impl QueryError {
    /// An error with this message.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}
