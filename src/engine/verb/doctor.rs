//! `exp doctor`: what works here, what does not, and what to do about it.

use serde::Serialize;

use crate::engine::discover::Place;
use crate::engine::view::probe_backends;
use crate::engine::{Category, Engine, EngineError, Surroundings};

/// What can be asked of `doctor`: nothing yet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {}

/// One thing looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What.
    pub what: String,
    /// Whether it is as it should be.
    pub well: bool,
    /// What was found.
    pub found: String,
    /// What to do, where there is something to do.
    pub advice: Option<String>,
}

/// All that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// In the order in which they were made.
    pub checks: Vec<Check>,
}

/// Looks. Works outside of a workspace, too.
///
/// # Errors
/// None of its own: what fails is a finding.
pub fn run(surroundings: Surroundings, _options: &Options) -> Result<Report, EngineError> {
    let mut checks = Vec::new();
    let place = match Place::find(&surroundings) {
        Ok(place) => {
            checks.push(well("workspace", place.root.display().to_string()));
            place
        }
        Err(error) => {
            let advice = "`exp init` makes this folder a workspace";
            checks.push(ill("workspace", error.to_string(), advice));
            Place::of(&surroundings.folder, &surroundings)?
        }
    };
    checks.push(well("session", surroundings.session.clone()));
    checks.push(match &place.git {
        Some(git) => well("git", format!("top level {}", git.top.display())),
        None => well("git", "not in a git repository; the store lies in .exp".to_owned()),
    });
    for (name, outcome) in probe_backends(&surroundings, &place) {
        checks.push(match outcome {
            Ok(found) => well(name, found),
            Err(reason) => ill(name, reason, "branches get folders of their own instead"),
        });
    }
    if place.is_registered()? {
        checks.extend(store_checks(surroundings));
    }
    Ok(Report { checks })
}

fn store_checks(surroundings: Surroundings) -> Vec<Check> {
    let engine = match Engine::open_read_only(surroundings) {
        Ok(engine) => engine,
        Err(error) => return vec![ill("store", error.to_string(), "`exp fsck` says more")],
    };
    let store = match engine.store.pack_totals() {
        Ok((packs, bytes)) => well("store", format!("{packs} packs, {bytes} bytes")),
        Err(error) => ill("store", error.to_string(), "`exp fsck` names what is damaged"),
    };
    let config = match engine.config() {
        Ok(config) if config.stages.is_empty() => {
            ill("exp.toml", "no stages".to_owned(), "without stages nothing can be evaluated")
        }
        Ok(config) => {
            let names: Vec<_> = config.stages.iter().map(|stage| stage.name.as_str()).collect();
            well("exp.toml", names.join(", "))
        }
        Err(error) => ill("exp.toml", error.to_string(), "mend it; until then defaults serve"),
    };
    let catalogue = match crate::engine::catalogue::open_common(&engine) {
        Ok(_) => well("catalogue", "up to date".to_owned()),
        Err(error) if error.category() == Category::Busy => {
            ill("catalogue", error.to_string(), "`exp stats` counts without it meanwhile")
        }
        Err(error) => ill("catalogue", error.to_string(), "`exp fsck --rebuild` builds it anew"),
    };
    vec![store, settings_check(&engine), config, catalogue]
}

/// Where the limits are written, and which quota holds.
fn settings_check(engine: &Engine) -> Check {
    match engine.settings() {
        Ok(settings) => {
            let quota = settings.quota_bytes;
            let quota = quota.map_or("no quota".to_owned(), |bytes| format!("quota {bytes} bytes"));
            let path = engine.store.layout().config();
            well("settings", format!("{quota}; {}", path.display()))
        }
        Err(error) => ill("settings", error.to_string(), "mend it; until then nothing is recorded"),
    }
}

fn well(what: &str, found: String) -> Check {
    Check { what: what.to_owned(), well: true, found, advice: None }
}

fn ill(what: &str, found: String, advice: &str) -> Check {
    Check { what: what.to_owned(), well: false, found, advice: Some(advice.to_owned()) }
}
