//! Layers and slots that a process left when it died: nobody holds them, and they still say whose
//! view they are.

use std::path::{Path, PathBuf};

use super::captured::{Captured, capture_layer};
use super::copy::SLOTS_MAX;
use super::identity::remove;
use crate::base::disk::Disk;
use crate::base::id::TreeId;
use crate::engine::EngineError;
use crate::object::traits::Put;
use crate::workspace::Rules;
use crate::workspace::isolate::{Layer, Layers, Slot, SlotPool};

/// One of them, held.
#[derive(Debug)]
pub(in crate::engine) enum Left {
    Layer(Layer),
    Slot(Slot),
}

/// All of them below the folder of views.
pub(in crate::engine) fn left_behind(state: &Path) -> Result<Vec<Left>, EngineError> {
    let layers = Layers::new(state).left()?.into_iter().map(Left::Layer);
    let slots = SlotPool::new(state, SLOTS_MAX).left()?.into_iter().map(Left::Slot);
    Ok(layers.chain(slots).collect())
}

impl Left {
    /// Where it says whose view it is.
    pub fn identity(&self) -> PathBuf {
        match self {
            Self::Layer(layer) => layer.identity(),
            Self::Slot(slot) => slot.identity(),
        }
    }

    /// Gives it free. What was not captured is lost.
    pub fn release(self, disk: &dyn Disk) -> Result<(), EngineError> {
        match self {
            Self::Layer(layer) => Ok(layer.remove(disk)?),
            Self::Slot(slot) => remove(disk, &slot.identity()),
        }
    }
}

/// The tree that such a layer shows whose part for the workspace is `upper`.
pub(in crate::engine) fn capture_left_layer(
    objects: &(impl Put + ?Sized),
    layer: &Layer,
    upper: &Path,
    rules: &Rules,
    recorded: TreeId,
) -> Result<Captured, EngineError> {
    let torn = || EngineError::Refused {
        what: "its layer cannot be read".to_owned(),
        why: "nothing says on which tree it stands".to_owned(),
    };
    let note = layer.note()?.ok_or_else(torn)?;
    capture_layer(objects, upper, note, (rules, &[]), [note.base, recorded])
}
