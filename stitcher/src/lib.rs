//! Claims and relation graph to final entities, revisions and history.
