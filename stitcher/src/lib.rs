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

mod batch_policy;
mod catalog;
mod cause;
mod claim_rows;
mod claims;
mod committer;
mod computing;
mod config;
mod contest;
mod dead_letters;
mod error;
mod evaluate;
mod final_entity;
mod graph;
mod incarnation;
mod input;
mod lease;
mod metrics;
mod names;
mod outcome;
mod plan;
mod retention;
mod session;
mod status;
mod stitch;
mod stored_form;
mod winner;
mod worker;

pub use catalog::{Catalog, Inconsistent, Loading, Memory};
pub use config::Config;
pub use error::Error;
pub use plan::Plan;
pub use status::{State, Status};
pub use stitch::{Delta, Frame, MissingForm};
pub use worker::Worker;
