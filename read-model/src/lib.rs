//! The database between stitcher and query API: one trait, Postgres and SQLite.
