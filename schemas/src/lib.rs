//! The contracts of the pipeline: entity model, records, keys and pure checks.
