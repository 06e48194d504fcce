//! The sessions of a workspace's store, opened for a verb.
//!
//! Guarantees that who only looks makes nothing, and that an unknown session is refused with the
//! ones that exist.

use std::sync::Arc;
use std::time::Duration;

use super::config::{Config, States};
use super::{Engine, EngineError};
use crate::base::limits::STATE_CACHE_BYTES;
use crate::session::state::{Session, Sessions, StateError, StateSettings};
use crate::store::Store;

/// The variable that switches the quick path of states on or off, whatever `exp.toml` says.
const QUICK: &str = "EXP_STATE_QUICK";

/// Sessions that an error names.
const KNOWN_MAX: usize = 8;

impl Engine {
    /// The sessions of the store, as `exp.toml` wants them: for a verb that writes states.
    pub(super) fn sessions(&self) -> Result<Sessions, EngineError> {
        self.settings()?;
        self.sessions_by(&self.config()?)
    }

    /// The sessions of the store for a verb that is not about them: none where no state was ever
    /// put. A wrong `exp.toml` must not keep files from being saved.
    pub(super) fn sessions_if_any(&self) -> Result<Option<Sessions>, EngineError> {
        match self.store.layout().journal().exists() {
            true => self.sessions_or_default().map(Some),
            false => Ok(None),
        }
    }

    /// The sessions of the store, as `exp.toml` wants them if it can be read: a wrong one keeps
    /// nobody from looking.
    pub(super) fn sessions_or_default(&self) -> Result<Sessions, EngineError> {
        self.sessions_by(&self.config_or_default())
    }

    fn sessions_by(&self, config: &Config) -> Result<Sessions, EngineError> {
        let settings = self.state_settings(&config.state)?;
        // Sessions outlive the call that opened them on their own threads, so they hold a store.
        let store = Store::open(self.store.root(), self.store.disk().clone())?;
        self.limit(&store);
        let world = &self.surroundings;
        Ok(Sessions::open(Arc::new(store), &world.who, world.clock.clone(), settings)?)
    }

    fn state_settings(&self, states: &States) -> Result<StateSettings, EngineError> {
        Ok(StateSettings {
            quick: self.is_quick()?.unwrap_or(states.quick),
            ignore: states.ignore.clone(),
            verify: states.verify,
            list_keys: states.identity.clone(),
            cache: (states.cache, STATE_CACHE_BYTES),
        })
    }

    /// What the environment says of the quick path.
    fn is_quick(&self) -> Result<Option<bool>, EngineError> {
        let Some(value) = self.surroundings.variable(QUICK) else {
            return Ok(None);
        };
        match value.to_string_lossy().as_ref() {
            "" => Ok(None),
            "on" | "1" | "true" => Ok(Some(true)),
            "off" | "0" | "false" => Ok(Some(false)),
            other => Err(EngineError::Refused {
                what: format!("{QUICK} is `{other}`"),
                why: "it is `on` or `off`".to_owned(),
            }),
        }
    }

    /// How often a watched file is put at most.
    ///
    /// # Errors
    /// Those of the configuration.
    pub fn state_interval(&self) -> Result<Duration, EngineError> {
        Ok(Duration::from_millis(self.config()?.state.interval_ms))
    }

    /// This session, which need not have a state yet.
    pub(super) fn own_session(&self, sessions: &Sessions) -> Result<Session, EngineError> {
        Ok(sessions.session(&self.surroundings.session)?)
    }

    /// This session, which has entries.
    pub(super) fn known_session(&self, sessions: &Sessions) -> Result<Session, EngineError> {
        session_named(sessions, &self.surroundings.session)
    }
}

/// A session that has entries; where there is none, the error names those that exist.
pub(super) fn session_named(sessions: &Sessions, name: &str) -> Result<Session, EngineError> {
    match sessions.existing(name) {
        Err(StateError::UnknownSession { name, near }) => {
            sessions.prove()?;
            let known = sessions.list()?.into_iter().map(|facts| facts.name);
            let known = known.take(KNOWN_MAX).collect();
            Err(EngineError::NoSession { name, near, known })
        }
        found => Ok(found?),
    }
}
