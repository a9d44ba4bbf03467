//! What Backstage lacks: status, errors, conflicts, dangling relations, explanations, changes and history.

mod change_stream;
pub(crate) mod changes;
pub(crate) mod dangling;
pub(crate) mod entity_schema;
pub(crate) mod explain;
pub(crate) mod hosts;
mod narrowing;
pub(crate) mod problems;
pub(crate) mod providers;
pub(crate) mod status;
pub(crate) mod views;
