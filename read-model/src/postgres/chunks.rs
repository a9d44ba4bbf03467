//! Many rows in few statements: cut where a statement would grow too large, and turned into columns.

/// Rows in one statement.
const ROWS: usize = 10_000;
/// Bytes of long texts in one statement, unless a single row has more.
const BYTES: usize = 16 << 20;

/// Cuts `rows` where a piece would have too many of them, or too many bytes as told by `size`.
pub(super) fn chunks<T>(mut rows: &[T], size: impl Fn(&T) -> usize) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = rows.iter().take(ROWS).take_while(|row| {
            bytes += size(row);
            bytes <= BYTES
        });
        let count = fits.count().max(1);
        let (chunk, rest) = rows.split_at_checked(count)?;
        rows = rest;
        Some(chunk)
    })
}

/// Rows, to be handed over column by column.
pub(super) struct Columns<'r, T>(pub(super) &'r [T]);

impl<'r, T> Columns<'r, T> {
    pub(super) fn of<V>(&self, value: impl FnMut(&'r T) -> V) -> Vec<V> {
        self.0.iter().map(value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(rows: &[usize]) -> Vec<usize> {
        chunks(rows, |size| *size).map(<[_]>::len).collect()
    }

    #[test]
    fn lists_are_cut_by_rows_and_by_bytes() {
        assert_eq!(cut(&[]), [0_usize; 0]);
        assert_eq!(cut(&[1; 3]), [3]);
        assert_eq!(cut(&[1; 2 * ROWS + 1]), [ROWS, ROWS, 1]);
        assert_eq!(cut(&[BYTES, 1, 1]), [1, 2]);
        assert_eq!(cut(&[2 * BYTES, 2 * BYTES, 1]), [1, 1, 1]);
    }
}
