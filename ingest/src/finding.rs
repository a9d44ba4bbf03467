//! Following Locations: what the owner asks for, and what reading finds.
//!
//! A Location is followed once per document it stands in, however many claims lead to it. The
//! follower knows nothing of claims: it is told which Locations there are, reads what they list,
//! and reports. It never decides that something is gone for good, only what it saw.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use backstitch_schemas::{EntityRef, Listing, LocationRef, Problem, Timestamp, source::SourceState};
use url::Url;

use crate::{ReadTimes, Submission};

/// A Location to be followed.
#[derive(Clone, Debug, PartialEq)]
pub struct FollowedLocation {
    /// Its ref.
    pub entity_ref: EntityRef,
    /// The document it stands in; empty if the provider itself submitted it.
    pub document: Arc<str>,
    /// `managed-by-location` of the Location: what relative targets are relative to.
    pub location: LocationRef,
    /// Where it all began: what rules look at, and the origin of what it lists.
    pub origin: LocationRef,
    /// `spec.type`, or the type of `location`.
    pub target_kind: String,
    /// `spec.target` and `spec.targets`, as written.
    pub targets: Vec<String>,
    /// Whether a target that is confirmed not to exist is an error (`presence: required`).
    pub required: bool,
}

/// What reading found.
#[derive(Clone, Debug)]
pub enum Finding {
    /// The complete set of documents that a Location lists. What was listed before and is not in it
    /// is no longer listed. Not reported while the set is unknown (a directory that cannot be read).
    Listed {
        /// The Location.
        location: EntityRef,
        /// The document it stands in.
        document: Arc<str>,
        /// The documents it lists, as location refs.
        listed: Vec<Arc<str>>,
        /// Lasting errors of its targets: those that stay until somebody changes something.
        errors: Vec<Problem>,
    },
    /// What one listed document holds.
    Read {
        /// The edge along which it was found.
        listing: Listing,
        /// What it claims. The last of several with one ref counts.
        submissions: Vec<Submission>,
        /// Whether a document without a readable ref is in it, so that nothing it held before may
        /// be taken for gone.
        incomplete: bool,
        /// Lasting errors in it, such as a YAML error; shown on the Location.
        errors: Vec<Problem>,
    },
    /// It holds what it held.
    Unchanged(Listing),
    /// It is confirmed not to exist, though it is still listed.
    Absent {
        /// The edge along which it is listed.
        listing: Listing,
        /// What to show on the Location; absent for `presence: optional`.
        error: Option<Problem>,
        /// Whether what it held goes: at once for `presence: optional`, otherwise after a grace.
        gone: bool,
    },
    /// It could not be read: nothing is known. The problem is in `catalog.sources` only.
    Failed {
        /// The edge along which it is listed.
        listing: Listing,
        /// Why.
        problem: Problem,
    },
}

/// How urgent reading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wake {
    /// It is time again.
    Polling,
    /// A listing of the repository, read because somebody asked or a host told, names another content.
    Listed,
    /// A file changed on disk, or a host told of a change.
    Watched,
    /// A person asked.
    Person,
}

impl Wake {
    /// From 0: a person's refresh goes before what a file system or a host tells, and that before
    /// polling.
    pub(crate) fn urgency(self) -> usize {
        match self {
            Self::Polling => 0,
            Self::Listed | Self::Watched => 1,
            Self::Person => 2,
        }
    }
}

/// What is to be read again.
#[derive(Clone, Debug, PartialEq)]
pub enum Places {
    /// Everything.
    All,
    /// Only these.
    These {
        /// Documents by location ref, and those of which a placeholder stands for one of them.
        documents: BTreeSet<Arc<str>>,
        /// Locations whose patterns are searched again, with the documents that they stand in.
        searched: BTreeSet<(EntityRef, Arc<str>)>,
        /// Locations of which everything that they list is read.
        listed: BTreeSet<(EntityRef, Arc<str>)>,
    },
    /// What a git host says has changed. Nobody waits for it.
    Changed(Changed),
    /// The documents and patterns, by location ref, that a git host says are gone. Nobody waits for it.
    Doubted(BTreeSet<Arc<str>>),
}

/// What the last read of a place told of whether it is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// Nothing: it was not read, or could not be.
    #[default]
    Unknown,
    /// It is there.
    There,
    /// It is confirmed not to exist.
    Absent,
    /// Its host finds no such repository or branch, or shows none to us.
    OutOfSight,
}

/// What a git host says has changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changed {
    /// The URLs of files that are new, other than they were, or gone.
    pub files: Vec<Url>,
    /// The URLs of repositories, or of branches of them, of which anything may have changed.
    pub repositories: Vec<Url>,
    /// Whether the branch of all of them is the default one, for which `HEAD` stands too.
    pub on_default_branch: bool,
}

/// Names a refresh that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What came of a refresh.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Refreshed {
    /// How many places were read.
    pub places: usize,
    /// Why some of them could not be.
    pub problems: Vec<Problem>,
}

/// Reads what the Locations of one provider list.
#[async_trait]
pub trait Follower: Send {
    /// The Locations to follow from now on, all of them. `known` are the listings that have claims,
    /// so that nothing read before a restart is taken for new or forgotten.
    async fn follow(&mut self, locations: Vec<FollowedLocation>, known: &[Listing]);

    /// Waits for the next finding, or until [`Self::is_busy`] changes: then there may be none. Safe to
    /// cancel. With each finding comes what to note about the
    /// source, if its outcome, errors or validators changed: the location ref and its state.
    async fn next(&mut self) -> (Vec<Finding>, Vec<(String, SourceState)>);

    /// Reads these places again: for a person before anything that nobody waits for, for a host before
    /// polling; so are places that are found to be listed there. `forced` reads them even if their host says that they are unchanged.
    ///
    /// Returns by what to ask [`Self::refreshed`], or `None` if none of them is read at all.
    async fn refresh(&mut self, places: &Places, forced: bool) -> Option<Ticket>;

    /// What came of a refresh, once all of its findings were handed out. Told once.
    fn refreshed(&mut self, ticket: Ticket) -> Option<Refreshed>;

    /// When something is read again, if that is planned.
    fn next_read(&self) -> Option<Timestamp>;

    /// When a place was read and is read again; `None` if it is not read.
    fn read_times(&self, location: &str) -> Option<ReadTimes>;

    /// Whether a place was there when it was last read, if that was at `since` or later.
    fn presence(&self, location: &str, since: Timestamp) -> Presence;

    /// Whether a read is due or under way.
    fn is_busy(&self) -> bool;
}
