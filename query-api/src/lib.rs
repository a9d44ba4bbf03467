//! The catalog REST API over an in-memory index.
