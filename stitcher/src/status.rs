//! How the stitcher is doing, for `status` and readiness.

use backstitch_read_model::{PositionRow, Revision};

/// How the stitcher is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// What it does.
    pub state: State,
    /// The last revision that it committed or found.
    pub revision: Revision,
    /// Where it stands in each partition.
    pub positions: Vec<PositionRow>,
    /// Records of `catalog.processed` that it has not committed, as far as it knows.
    pub lag: i64,
}

/// What the stitcher does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It has not reached log and read model yet.
    #[default]
    Starting,
    /// Another one leads.
    Standby,
    /// It leads and loads what it needs to know.
    Loading,
    /// It builds an empty read model from the log.
    Rebuilding,
    /// It takes records as they come.
    Live,
    /// Log or read model is away, for this reason; nothing is lost while it waits.
    Waiting(String),
    /// It was told to stop, or had to.
    Stopped,
}

impl Status {
    /// Whether what is visible follows what is processed.
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Live | State::Standby)
    }
}
