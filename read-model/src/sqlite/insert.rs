//! Many rows in few statements.

use sqlx::{Arguments as _, AssertSqlSafe, Encode, Sqlite, SqliteConnection, Type, sqlite::SqliteArguments};

/// An `INSERT` of any number of rows.
pub(super) struct Insert {
    /// `INSERT INTO table (columns)`.
    pub(super) into: &'static str,
    /// How many columns.
    pub(super) columns: usize,
    /// What follows the values, e.g. `ON CONFLICT …`.
    pub(super) then: &'static str,
}

/// The values of some rows, in order.
#[derive(Default)]
pub(super) struct Values {
    arguments: SqliteArguments,
    refused: Option<sqlx::Error>,
}

impl Values {
    /// Adds one value.
    pub(super) fn add<'v, T: Encode<'v, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> &mut Self {
        if let Err(cause) = self.arguments.add(value) {
            self.refused.get_or_insert(sqlx::Error::Encode(cause));
        }
        self
    }
}

impl Insert {
    /// Values in one statement. More make it no faster.
    const MAX_VALUES: usize = 1_024;

    /// Inserts all rows. The sizes of the statements are powers of two, so few have to be prepared.
    pub(super) async fn rows<T>(
        &self,
        conn: &mut SqliteConnection,
        mut rows: &[T],
        mut values: impl FnMut(&mut Values, &T),
    ) -> Result<(), sqlx::Error> {
        let most = 1_usize << (Self::MAX_VALUES / self.columns).ilog2();
        while !rows.is_empty() {
            let (chunk, rest) = rows.split_at(most.min(1 << rows.len().ilog2()));
            let mut all = Values::default();
            for row in chunk {
                values(&mut all, row);
            }
            if let Some(error) = all.refused {
                return Err(error);
            }
            sqlx::query_with(AssertSqlSafe(self.sql(chunk.len())), all.arguments).execute(&mut *conn).await?;
            rows = rest;
        }
        Ok(())
    }

    fn sql(&self, rows: usize) -> String {
        let row = format!("({}?)", "?,".repeat(self.columns - 1));
        let rows = vec![row; rows].join(",");
        format!("{} VALUES {rows} {}", self.into, self.then)
    }
}
