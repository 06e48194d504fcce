//! The mask of a live workspace: a layer over it that hides what is ignored and is no input, so
//! that both together show just the tree that was captured.
//!
//! Made once for a capture and shared by all of its views, below the layer of each: thousands of
//! ignored files would else be marked anew for each approach.
//!
//! **Invariant**: it is only read while a view stands on it. It is removed with its capture.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::overlay::{covered, hidden};
use crate::base::disk::Disk;
use crate::engine::take::Taken;
use crate::engine::{Engine, EngineError};
use crate::workspace::isolate::{Layer, UpperPlan, prepare_upper};

/// The mask of a capture, once a view has asked for it.
#[derive(Default)]
pub(in crate::engine) struct Mask(Mutex<Option<Held>>);

struct Held {
    /// None where nothing is to be hidden.
    layer: Option<Layer>,
    disk: Arc<dyn Disk>,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(layer) = self.layer.take() {
            // What stays is taken away by the next process that makes a layer.
            let _ = layer.remove(&*self.disk);
        }
    }
}

impl Engine {
    /// The folder of the capture's mask; none where nothing is to be hidden.
    pub(super) fn mask(
        &self,
        taken: &Taken,
        new_layer: impl FnOnce() -> Result<Layer, EngineError>,
    ) -> Result<Option<PathBuf>, EngineError> {
        let mut held = taken.mask.0.lock().expect("no thread panics while it holds the lock");
        if held.is_none() {
            let layer = self.make_mask(taken, new_layer)?;
            *held = Some(Held { layer, disk: self.surroundings.disk.clone() });
        }
        Ok(held.as_ref().and_then(|held| held.layer.as_ref()).map(Layer::upper))
    }

    fn make_mask(
        &self,
        taken: &Taken,
        new_layer: impl FnOnce() -> Result<Layer, EngineError>,
    ) -> Result<Option<Layer>, EngineError> {
        let disk = &*self.surroundings.disk;
        let hide = hidden(taken, &self.config_or_default());
        if hide.is_empty() {
            return Ok(None);
        }
        let layer = new_layer()?;
        let (_, upper) = covered(self, &layer)?;
        let shown = taken.capture.tree;
        let unprivileged = !rustix::process::geteuid().is_root();
        let lower = self.root();
        let plan =
            UpperPlan { upper: &upper, lower, shown, wanted: shown, hide: &hide, unprivileged };
        prepare_upper(disk, &self.store, &plan)?;
        Ok(Some(layer))
    }
}
