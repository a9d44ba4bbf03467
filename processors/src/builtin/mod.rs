//! The processors that every pipeline begins with.

mod annotate_location;
mod kinds;
mod placeholders;

pub use annotate_location::AnnotateLocation;
pub use kinds::KindProcessor;
pub use placeholders::Placeholders;
