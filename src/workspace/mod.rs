//! Floor 2: the user's folder. Which files count, capturing them as a tree, and bringing them to
//! another tree without losing anything that is not recorded.
//!
//! Guarantees that a capture is what the files were at one moment each and leaves out nothing
//! silently, and that a restore never overwrites or deletes what it cannot bring back, never
//! follows a link out of the workspace, and gives present times to what it writes. Knows nothing
//! of snapshots, branches, packs or git: it gets trees, and a list of what git tracks.

mod build;
mod capture;
mod content;
mod error;
mod fingerprint;
mod handle;
mod ignore;
mod intent;
pub mod isolate;
mod keep_out;
mod listing;
mod look;
mod nearby;
mod observe;
mod obstacle;
mod perform;
mod plan;
mod record;
mod restore;
mod rules;
mod scan;
mod scan_folder;
mod single;
mod stamp;
mod stat_cache;
mod survey;
mod take_back;
mod temporary;
#[cfg(test)]
mod tests;
mod watch;
mod wildcard;
mod write;

pub use capture::{Capture, capture};
pub use error::{RestoreError, WorkspaceError};
pub use fingerprint::fingerprint;
pub use intent::Intent;
pub use keep_out::KeepOut;
pub use obstacle::{Obstacle, ObstacleKind, obstacles};
pub use plan::{PlanCounts, RestorePlan, plan_restore};
pub use restore::{Durability, RestoreReport, apply_restore};
pub use rules::{RuleOptions, Rules, default_secrets};
pub use scan::SkipReason;
pub use single::{Single, capture_file};
pub use stat_cache::StatCache;
pub use survey::{FolderTotals, Survey, survey, survey_of};
pub use take_back::{finish, take_back};
pub use temporary::write_whole;
pub use watch::{Seen, Watcher};
