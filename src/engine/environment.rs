//! The fingerprint of the environment in which an evaluation runs: a memo that forgets it would
//! answer for another compiler (trap 23).
//!
//! Covers the operating system, the version of the readers of reports, the variables that the evaluator names, the tools that its
//! commands start as found on `PATH` (file, size, time), rustup's choice of tool chain, and the
//! content of the `keep` files. Starts no program.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Engine;
use super::config::Config;
use crate::base::codec::{blob_id, digest};
use crate::base::id::Hash;
use crate::base::limits::KEPT_FILE_BYTES_MAX;
use crate::base::regular;
use crate::run::report::READER_VERSION;

/// Tools that commands start without naming them.
const IMPLIED_TOOLS: [&str; 6] = ["rustc", "cc", "node", "python3", "go", "java"];

impl Engine {
    /// The digest of the environment for an evaluator.
    pub(super) fn environment_digest(&self, config: &Config) -> Hash {
        let mut facts: BTreeSet<Vec<u8>> = BTreeSet::new();
        let mut fact = |name: &str, value: &[u8]| {
            facts.insert([name.as_bytes(), b"=", value].concat());
        };
        fact("system", self.surroundings.system.as_bytes());
        fact("reader", READER_VERSION.to_string().as_bytes());
        for name in config.environment.iter().map(String::as_str).chain(["RUSTUP_TOOLCHAIN"]) {
            let value = self.surroundings.variable(name);
            fact(name, value.map_or(&b"(unset)"[..], |value| value.as_bytes()));
        }
        for tool in tools(config) {
            if let Some(path) = self.on_path(&tool) {
                fact(&tool, &file_stamp(&path));
            }
        }
        if let Some(home) = &self.surroundings.home {
            fact("rustup", &file_stamp(&home.join(".rustup/settings.toml")));
        }
        for kept in &config.workspace.keep {
            let place = self.place.root.join(kept);
            let content = regular::read(&place, KEPT_FILE_BYTES_MAX).unwrap_or_default();
            fact(kept, blob_id(&content).hex().as_bytes());
        }
        let all: Vec<Vec<u8>> = facts.into_iter().collect();
        digest("environment", &all.join(&b'\n'))
    }

    fn on_path(&self, tool: &str) -> Option<PathBuf> {
        let path = self.surroundings.variable("PATH")?;
        let folders = path.as_bytes().split(|byte| *byte == b':').map(OsStr::from_bytes);
        folders.map(|folder| Path::new(folder).join(tool)).find(|path| path.is_file())
    }
}

/// The first word of each command, and what is started without being named.
fn tools(config: &Config) -> BTreeSet<String> {
    let first = |run: &str| run.split_whitespace().next().map(str::to_owned);
    let named = config.stages.iter().filter_map(|stage| first(&stage.run));
    let plain = |tool: &String| !tool.contains('/') && !tool.contains('=');
    named.filter(plain).chain(IMPLIED_TOOLS.map(str::to_owned)).collect()
}

fn file_stamp(path: &Path) -> Vec<u8> {
    match std::fs::metadata(path) {
        Ok(meta) => {
            let (seconds, nanos) = (meta.mtime(), meta.mtime_nsec());
            format!("{} {} {seconds}.{nanos}", path.display(), meta.len()).into_bytes()
        }
        Err(_) => b"(absent)".to_vec(),
    }
}
