//! Which entities meet some criteria, remembered for as long as the catalog does not change.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use backstitch_read_model::Revision;
use roaring::RoaringBitmap;

use crate::{access::Criteria, index::Index};

/// The last answer for each of the criteria that were asked for lately. People of one team share theirs.
#[derive(Clone, Debug, Default)]
pub(crate) struct VisibleSets(Arc<Mutex<HashMap<Arc<Criteria>, Answer>>>);

#[derive(Debug)]
struct Answer {
    revision: Revision,
    visible: Arc<RoaringBitmap>,
}

impl VisibleSets {
    /// Criteria that are remembered at once. One answer takes up to 1/8 byte an entity.
    const REMEMBERED: usize = 512;

    /// The entities of `index` that meet `criteria`.
    pub(super) fn visible(&self, index: &Index, criteria: &Arc<Criteria>) -> Arc<RoaringBitmap> {
        let revision = index.revision();
        if let Some(answer) = self.lock().get(criteria).filter(|answer| answer.revision == revision) {
            return Arc::clone(&answer.visible);
        }
        let visible = Arc::new(index.matching(&criteria.predicate()).into_owned());
        let mut answers = self.lock();
        if answers.len() >= Self::REMEMBERED && !answers.contains_key(criteria) {
            // Answers about an older catalog are never asked for again.
            answers.retain(|_, answer| answer.revision >= revision);
            if answers.len() >= Self::REMEMBERED {
                answers.clear();
            }
        }
        answers.insert(Arc::clone(criteria), Answer { revision, visible: Arc::clone(&visible) });
        visible
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Arc<Criteria>, Answer>> {
        // What is in there is true whatever happened to who wrote it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
