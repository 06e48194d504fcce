//! The settings of the store as the verbs use them: read when the workspace is opened, believed only
//! where they are understood.
//!
//! **Invariant**: with settings that are not understood, or cannot be read, nothing is written,
//! because the quota that was meant is not known; everything can be read.

use std::io;

use super::config::{ConfigError, Settings};
use super::{Engine, EngineError};
use crate::base::limits::SETTINGS_BYTES_MAX;
use crate::base::regular;
use crate::store::{Level, Store, Usage, Writer};

/// Reads the settings of a store, and limits it by them.
pub(super) fn read(store: &Store) -> Result<Settings, ConfigError> {
    let path = store.layout().config();
    let file = format!("the store's config.toml (`{}`)", path.display());
    let unreadable = |reason| ConfigError::unreadable(&file, reason);
    let text = match regular::read(&path, SETTINGS_BYTES_MAX) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8".into()))?,
        // A file that is gone says as little as an empty one.
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(unreadable(error.to_string())),
    };
    let settings = Settings::parse(&text).map_err(|error| error.in_file(&file))?;
    if let Some(quota) = settings.quota_bytes {
        store.limit_to(quota);
    }
    Ok(settings)
}

impl Engine {
    /// The settings of the store.
    ///
    /// # Errors
    /// [`EngineError::Config`] with line and column.
    pub fn settings(&self) -> Result<&Settings, EngineError> {
        self.settings.as_ref().map_err(|error| error.clone().into())
    }

    /// What is wrong with the settings, where something is: a sentence.
    pub(super) fn settings_problem(&self) -> Option<String> {
        let error = self.settings.as_ref().err()?;
        Some(format!("{error}; nothing is recorded until that is mended"))
    }

    /// Limits another opening of the store by the same settings.
    pub(super) fn limit(&self, store: &Store) {
        if let Ok(Settings { quota_bytes: Some(quota), .. }) = &self.settings {
            store.limit_to(*quota);
        }
    }

    /// How much of its quota the store uses, where that is worth saying.
    pub fn usage_to_say(&self) -> Option<Usage> {
        let limited = self.settings.as_ref().is_ok_and(|settings| settings.quota_bytes.is_some());
        let usage = if limited { self.store.usage().ok() } else { None };
        usage.filter(|usage| usage.level() >= Level::Said)
    }

    /// Begins to write.
    pub(super) fn writer(&self) -> Result<Writer<'_>, EngineError> {
        self.settings()?;
        Ok(self.store.writer()?)
    }

    /// Begins to write what frees room, which the quota does not refuse.
    pub(super) fn writer_to_free(&self) -> Result<Writer<'_>, EngineError> {
        Ok(self.store.writer_to_free()?)
    }

    /// Refuses what nobody asked for when the quota is nearly used.
    pub(super) fn refuse_when_short(&self) -> Result<(), EngineError> {
        match self.usage_to_say().filter(|usage| usage.level() >= Level::Short) {
            Some(usage) => Err(EngineError::Short { percent: usage.percent().unwrap_or(100) }),
            None => Ok(()),
        }
    }
}
