//! Floor 4: the verbs, and what they share. The only floor that composes the rooms below.
//!
//! Each verb goes the same way: options, a plan that reads, an apply that writes, a report.
//! Nothing here prints, exits, or reads the environment or the clock.

mod arriving;
mod beside;
mod catalogue;
pub mod config;
mod context;
mod counting;
mod discover;
mod environment;
mod error;
mod evaluate;
mod events;
mod excludes;
mod finding;
mod flight;
mod follow;
mod foreign;
mod half;
mod held;
mod inner;
mod merged;
mod on_request;
mod place;
mod quoted;
mod race;
mod recover;
mod region;
pub mod report;
mod rescue;
mod resolve;
mod retention;
mod settings;
mod states;
mod still;
mod surroundings;
mod take;
mod thinned;
mod tracked;
mod transact;
pub mod verb;
mod view;

pub use context::Engine;
pub use error::{Category, EngineError};
pub use events::{Event, Watch};
pub use follow::Followed;
pub use held::{Alone, HeldAlone};
pub use surroundings::Surroundings;
pub use view::Backend;
