//! What the databases' errors mean for the stages: try again, refuse the data, or call a person.

use sqlx::error::{DatabaseError, ErrorKind};

use crate::{CommitError, ReadModelError};

/// What an error means when reading.
pub(crate) fn reading(error: sqlx::Error) -> ReadModelError {
    match &error {
        sqlx::Error::Database(cause) if !passes(cause.as_ref()) => {
            ReadModelError::Unusable(error.to_string())
        }
        sqlx::Error::Configuration(_)
        | sqlx::Error::Migrate(_)
        | sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::Decode(_) => ReadModelError::Unusable(error.to_string()),
        _ => ReadModelError::Unavailable(error.to_string()),
    }
}

/// What an error means when it comes from a statement of a commit: the transaction is rolled back.
pub(crate) fn writing(error: sqlx::Error) -> CommitError {
    match &error {
        sqlx::Error::Encode(_) => CommitError::Data(error.to_string()),
        sqlx::Error::Database(cause) if refuses_data(cause.as_ref()) => CommitError::Data(error.to_string()),
        _ => CommitError::ReadModel(reading(error)),
    }
}

/// What an error means when it comes from `COMMIT` itself: an answer of the database is a refusal,
/// everything else leaves open what happened.
pub(crate) fn committing(error: sqlx::Error) -> CommitError {
    match &error {
        sqlx::Error::Database(cause) if !breaks_off(cause.as_ref()) => writing(error),
        _ => CommitError::Unclear(error.to_string()),
    }
}

/// Whether the same statement may succeed later.
fn passes(error: &dyn DatabaseError) -> bool {
    match Code::of(error) {
        // BUSY, LOCKED, NOMEM, INTERRUPT, IOERR, FULL, CANTOPEN.
        Code::Sqlite(code) => matches!(code, 5 | 6 | 7 | 9 | 10 | 13 | 14),
        // Connection, rollback, resources, operator intervention, system.
        Code::Postgres(class) => matches!(class.as_str(), "08" | "40" | "53" | "55" | "57" | "58"),
    }
}

/// Whether the database will never take the data.
fn refuses_data(error: &dyn DatabaseError) -> bool {
    if !matches!(error.kind(), ErrorKind::Other) {
        return true;
    }
    match Code::of(error) {
        // TOOBIG, CONSTRAINT, MISMATCH, RANGE.
        Code::Sqlite(code) => matches!(code, 18 | 19 | 20 | 25),
        // Data exception, integrity, limits such as the size of a row.
        Code::Postgres(class) => matches!(class.as_str(), "22" | "23" | "54"),
    }
}

/// Whether the session ended with this answer, so that the fate of its transaction is open.
fn breaks_off(error: &dyn DatabaseError) -> bool {
    match Code::of(error) {
        // IOERR, FULL: the log may or may not have reached the disk.
        Code::Sqlite(code) => matches!(code, 10 | 13),
        Code::Postgres(class) => matches!(class.as_str(), "08" | "57" | "58"),
    }
}

/// The primary code of SQLite, or the class of Postgres.
enum Code {
    Sqlite(u32),
    Postgres(String),
}

impl Code {
    fn of(error: &dyn DatabaseError) -> Self {
        let code = error.code().unwrap_or_default();
        if error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
            // Extended codes keep the primary one in their low byte.
            return Self::Sqlite(code.parse::<u32>().unwrap_or_default() & 0xff);
        }
        Self::Postgres(code.chars().take(2).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn broken() -> sqlx::Error {
        sqlx::Error::Io(io::ErrorKind::ConnectionReset.into())
    }

    #[test]
    fn a_connection_that_breaks_leaves_only_the_commit_itself_open() {
        assert!(matches!(committing(broken()), CommitError::Unclear(_)));
        assert!(matches!(writing(broken()), CommitError::ReadModel(ReadModelError::Unavailable(_))));
        assert!(matches!(reading(broken()), ReadModelError::Unavailable(_)));
    }

    #[test]
    fn values_that_cannot_be_encoded_are_data() {
        assert!(matches!(writing(sqlx::Error::Encode("no".into())), CommitError::Data(_)));
    }

    #[test]
    fn damage_needs_a_person() {
        assert!(matches!(reading(sqlx::Error::Decode("no".into())), ReadModelError::Unusable(_)));
    }
}
