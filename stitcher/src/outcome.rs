//! What became of a commit whose answer was lost.

use backstitch_read_model::{Commit, Head, Revision};

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is there.
    Made,
    /// Nothing of it is there; it may be tried again.
    NotMade,
    /// The read model is where this stitcher never brought it.
    Elsewhere,
}

/// Tells it from where the read model stands. Only the leader of `epoch` made `commit`, and no
/// other commit of its since.
pub(crate) fn outcome(head: &Head, epoch: i64, commit: &Commit) -> Outcome {
    if head.epoch != epoch {
        return Outcome::Elsewhere;
    }
    let is_there = |wanted| head.positions.contains(wanted);
    let sources_there = commit.sources_next.is_none_or(|next| head.sources_next == next);
    let begins = commit.log_id.is_some() && head.revision == Revision::default();
    if head.revision == commit.revision && commit.positions.iter().all(is_there) && sources_there {
        Outcome::Made
    } else if head.revision == commit.base || begins {
        Outcome::NotMade
    } else {
        Outcome::Elsewhere
    }
}

#[cfg(test)]
mod tests {
    use backstitch_read_model::PositionRow;

    use super::*;

    fn check(epoch: i64, revision: i64, processed_next: i64, expected: Outcome) {
        let position = |processed_next| PositionRow { partition: 0, processed_next, changes_next: 0 };
        let commit = Commit {
            base: Revision(5),
            revision: Revision(7),
            positions: vec![position(30)],
            ..Commit::default()
        };
        let head = Head {
            epoch,
            revision: Revision(revision),
            positions: vec![position(processed_next)],
            ..Head::default()
        };
        assert_eq!(outcome(&head, 2, &commit), expected);
    }

    #[test]
    fn revision_and_positions_tell() {
        check(2, 7, 30, Outcome::Made);
        check(2, 5, 20, Outcome::NotMade);
        check(2, 6, 25, Outcome::Elsewhere);
        check(3, 7, 30, Outcome::Elsewhere);
    }

    #[test]
    fn positions_tell_when_no_entity_changed() {
        let commit = Commit {
            base: Revision(5),
            revision: Revision(5),
            positions: vec![PositionRow { partition: 0, processed_next: 30, changes_next: 9 }],
            ..Commit::default()
        };
        let mut head = Head { revision: Revision(5), ..Head::default() };
        assert_eq!(outcome(&head, 0, &commit), Outcome::NotMade);
        head.positions.clone_from(&commit.positions);
        assert_eq!(outcome(&head, 0, &commit), Outcome::Made);
    }
}
