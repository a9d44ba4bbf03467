//! Whether a commit may be made, from what the leader row says while it is locked.

use uuid::Uuid;

use crate::{Commit, CommitError, Leadership, ReadModelError, Revision};

/// The leader row, locked by the transaction that is about to commit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeaderRow {
    pub(crate) epoch: i64,
    pub(crate) revision: Revision,
    pub(crate) log_id: Option<Uuid>,
}

impl LeaderRow {
    /// Lets a commit pass whose epoch is the row's and whose base is the row's revision. The first
    /// commit of an incarnation builds on the start of that incarnation instead.
    ///
    /// # Errors
    /// `LostLeadership` for another epoch, `Unclear` for another revision (so that the stitcher reads
    /// the head and finds out), `Unusable` for another log.
    pub(crate) fn admit(self, leadership: &Leadership, commit: &Commit) -> Result<(), CommitError> {
        if self.epoch != leadership.epoch {
            return Err(CommitError::LostLeadership);
        }
        if let (Some(ours), Some(theirs)) = (self.log_id, commit.log_id)
            && ours != theirs
        {
            let text = format!("the read model was built from the log {ours}, and this is the log {theirs}");
            return Err(ReadModelError::Unusable(text).into());
        }
        if self.revision != commit.base && !self.begins_incarnation(commit) {
            let (at, base) = (self.revision, commit.base);
            return Err(CommitError::Unclear(format!(
                "the read model is at {at}, the commit builds on {base}"
            )));
        }
        Ok(())
    }

    fn begins_incarnation(self, commit: &Commit) -> bool {
        self.log_id.is_none()
            && commit.log_id.is_some()
            && self.revision == Revision::default()
            && commit.base.counter() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(row: LeaderRow, epoch: i64, base: Revision, log_id: Option<Uuid>) -> String {
        let leadership = Leadership { holder: "a".to_owned(), epoch, revision: base, log_id };
        let commit = Commit { base, revision: base, log_id, ..Commit::default() };
        row.admit(&leadership, &commit).map_or_else(|error| format!("{error:?}"), |()| "ok".to_owned())
    }

    #[test]
    fn epoch_base_and_log_must_be_the_rows() {
        let log = Some(Uuid::from_u128(1));
        let row = LeaderRow { epoch: 3, revision: Revision(7), log_id: log };
        assert_eq!(verdict(row, 3, Revision(7), None), "ok");
        assert_eq!(verdict(row, 3, Revision(7), log), "ok");
        assert_eq!(verdict(row, 2, Revision(7), None), "LostLeadership");
        assert!(verdict(row, 3, Revision(6), None).starts_with("Unclear"));
        assert!(verdict(row, 3, Revision(7), Some(Uuid::from_u128(2))).contains("Unusable"));
    }

    #[test]
    fn the_first_commit_builds_on_the_start_of_its_incarnation() {
        let log = Some(Uuid::from_u128(1));
        let empty = LeaderRow { epoch: 1, revision: Revision(0), log_id: None };
        assert_eq!(verdict(empty, 1, Revision::start_of(2), log), "ok");
        assert_eq!(verdict(empty, 1, Revision(0), log), "ok");
        assert!(verdict(empty, 1, Revision::start_of(2), None).starts_with("Unclear"));
        assert!(verdict(empty, 1, Revision::start_of(2).next(), log).starts_with("Unclear"));
    }
}
