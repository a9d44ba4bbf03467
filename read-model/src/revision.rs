//! Revisions: the total order of changes of the final state.

use std::fmt;

/// One 64-bit number for each change of the final state, never used twice. The bits above 40 are
/// the incarnation, which grows when the database was lost and rebuilt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub i64);

impl Revision {
    const COUNTER_BITS: u32 = 40;

    /// Where an incarnation starts; its first change has the next revision.
    pub fn start_of(incarnation: i64) -> Self {
        Self(incarnation << Self::COUNTER_BITS)
    }

    /// The incarnation that it belongs to.
    pub fn incarnation(self) -> i64 {
        self.0 >> Self::COUNTER_BITS
    }

    /// Its number within the incarnation.
    pub fn counter(self) -> i64 {
        self.0 & ((1 << Self::COUNTER_BITS) - 1)
    }

    /// The revision after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incarnation_starts_above_all_revisions_of_the_one_before() {
        let late = Revision::start_of(1).next().next();
        assert_eq!((late.incarnation(), late.counter()), (1, 2));
        assert!(Revision::start_of(2) > Revision(Revision::start_of(2).0 - 1));
        assert!(Revision::start_of(2) > late);
    }
}
