//! What Backstage lacks: status, errors, conflicts, changes and history.

mod change_stream;
pub(crate) mod changes;
pub(crate) mod entity_schema;
pub(crate) mod hosts;
pub(crate) mod problems;
pub(crate) mod providers;
pub(crate) mod status;
pub(crate) mod views;
