//! What a failure of SQLite means to the log.

use crate::LogError;

/// SQLite's result codes for a file that is damaged, and for one that is no database.
const DAMAGED: [u32; 2] = [11, 26];

/// A damaged file needs a person; everything else (a full disk, a lost mount) may pass.
pub(super) fn log_error(error: sqlx::Error) -> LogError {
    match &error {
        sqlx::Error::Database(database) => match database.code() {
            // The low byte is the result code, the rest refines it.
            Some(code) if code.parse::<u32>().is_ok_and(|code| DAMAGED.contains(&(code & 0xff))) => {
                LogError::Unusable(format!("the log's file is damaged: {error}"))
            }
            _ => LogError::Unavailable(error.to_string()),
        },
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) | sqlx::Error::Decode(_) => {
            LogError::Unusable(format!("the log's file is not as we wrote it: {error}"))
        }
        _ => LogError::Unavailable(error.to_string()),
    }
}
