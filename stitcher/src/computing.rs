//! One batch, computed beside the catalog.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use backstitch_event_log::StoredRecord;
use backstitch_read_model::{PositionRow, ReadModel};
use tokio::runtime::Handle;

use crate::{Catalog, Delta, Error, Frame, error::Stop, input::Batch, session::lock};

/// What a batch is computed from, away from the threads that serve others.
pub(crate) struct Computing {
    pub(crate) catalog: Arc<Mutex<Catalog>>,
    pub(crate) read_model: Arc<dyn ReadModel>,
    pub(crate) positions: BTreeMap<i32, PositionRow>,
    pub(crate) frame: Frame,
}

impl Computing {
    /// The batch beside the catalog, and the records of which nothing could be made, with the reason.
    pub(crate) fn delta(self, batch: &Batch) -> Result<(Delta, Vec<(StoredRecord, String)>), Stop> {
        let decoded = batch.decode(&self.positions);
        let catalog = lock(&self.catalog);
        let plan = catalog.plan(decoded.processed);
        let needs = plan.needs();
        let forms = if needs.is_empty() {
            Vec::new()
        } else {
            Handle::current().block_on(self.read_model.forms(&needs))?
        };
        let frame = Frame { positions: decoded.positions, ..self.frame };
        let delta = plan.finish(forms, frame).map_err(Error::from)?;
        Ok((delta, decoded.dead))
    }
}
