//! Claims and relation graph to final entities, revisions and history.
//!
//! The decisions are pure: a [`Catalog`] plans a batch of records beside itself, finishes it into a
//! `Commit` for the read model, and takes it over once the commit is confirmed.
//!
//! ```
//! use backstitch_stitcher::{Catalog, Frame};
//!
//! let mut catalog = Catalog::default();
//! let plan = catalog.plan([]);
//! assert!(plan.needs().is_empty());
//! let delta = plan.finish(Vec::new(), Frame::default()).unwrap();
//! assert_eq!(delta.commit.revision, delta.commit.base);
//! catalog.apply(delta.memory);
//! ```

mod catalog;
mod claim_rows;
mod claims;
mod evaluate;
mod final_entity;
mod graph;
mod names;
mod plan;
mod stitch;
mod stored_form;
mod winner;

pub use catalog::{Catalog, Inconsistent, Loading, Memory};
pub use plan::Plan;
pub use stitch::{Delta, Frame, MissingForm};
