//! Pure processing of changes: validate, enrich, emit relations.
