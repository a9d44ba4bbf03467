//! The OpenAPI document, made of the same values that the routes are made of.
//!
//! An [`Operation`] tells once what a route takes and answers. [`crate::routes::Routes`] makes of it the
//! route, the check of its query string and its place in the document, so none of them can differ.
//!
//! To add an endpoint: write `pub(crate) const OPERATION: Operation` above its handler (as in
//! `endpoints/by_name.rs`), add `.on(&module::OPERATION, module::handler)` in `router.rs`, and a schema in
//! `schemas/` if its answer needs a new one. The handler reads parameters with [`crate::params::Params::read`];
//! they are checked by then.

mod document;
mod operation;
mod schemas;

pub(crate) use document::document;
pub(crate) use operation::{Answer, Group, Operation, Param, ParamKind};
