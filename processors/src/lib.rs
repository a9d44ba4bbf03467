//! Pure processing of changes: validate, enrich, emit relations.
//!
//! A [`Processor`] is a pure function in three steps; a [`Pipeline`] runs the processors over one
//! change and says what became of it; the [`Worker`] takes changes from the log and puts the results
//! back, in one atomic step. Nothing here reads the outside world: a change carries all it needs.
//!
//! ```
//! use backstitch_processors::{Pipeline, validate_file};
//! use backstitch_schemas::LocationRef;
//!
//! let file = LocationRef::new("file", "/srv/catalog-info.yaml");
//! let descriptor = b"apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: shop\nspec: {}\n";
//! let findings = validate_file(&Pipeline::default(), &file, descriptor, &|_| None);
//! assert_eq!(findings[0].line, 5);
//! ```

mod builtin;
mod metrics;
mod pipeline;
mod process;
mod processor;
mod step;
mod unreadable;
mod validate;
mod worker;

pub use builtin::{AnnotateLocation, KindProcessor, Placeholders};
pub use pipeline::{Outcome, Pipeline, Settings};
pub use process::ProcessError;
pub use processor::{Context, Emitter, Processor, Verdict};
pub use validate::{Finding, ReadContent, validate_file};
pub use worker::{Config, Error, GROUP, Health, Worker};
