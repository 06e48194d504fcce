//! What a workspace is at one moment: every name as the pages show it, and every file with its
//! mode, its content and where a link leads. Two of them compare.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use super::Bench;

/// Files below a folder by path: mode and content, or where the link leads.
pub type Files = BTreeMap<Vec<u8>, (u32, Vec<u8>)>;

/// Names and files of a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Branches and tags with what they name, the branch and the snapshot of the workspace, the
    /// history from there, and the experiments' selections.
    pub names: BTreeMap<String, String>,
    pub files: BTreeMap<String, (u32, String)>,
}

impl State {
    /// Reads it through the command. Nothing is captured by that.
    pub fn of(bench: &Bench) -> Self {
        let mut names = BTreeMap::new();
        for branch in array(&bench.json(&["branch"])["branches"]) {
            let here = if branch["here"] == true { " (here)" } else { "" };
            let head = branch["head"]["id"].as_str().expect("an id");
            names.insert(format!("branch {}", word(&branch["name"])), format!("{head}{here}"));
        }
        for tag in array(&bench.json(&["tag"])["tags"]) {
            let what = format!("{} {}", word(&tag["snapshot"]), word(&tag["note"]));
            names.insert(format!("tag {}", word(&tag["name"])), what);
        }
        let log = bench.json(&["log", "-n", "1000"]);
        let ids: Vec<_> = array(&log["entries"]).iter().map(|entry| word(&entry["id"])).collect();
        names.insert("history".to_owned(), ids.join(" "));
        let ranked = bench.run(&["--json", "rank"]);
        if let Ok(table) = serde_json::from_slice::<Value>(&ranked.stdout)
            && table["experiment"].is_string()
        {
            let chosen = format!("{}", table["selected"]);
            names.insert(format!("experiment {}", word(&table["experiment"])), chosen);
        }
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let file = |(path, (mode, content))| (text(path), (mode, text(content)));
        let files = files(&bench.root()).into_iter().map(file).collect();
        Self { names, files }
    }
}

/// Everything below a folder but the store.
pub fn files(root: &Path) -> Files {
    let mut all = Files::new();
    walk(root, root, &mut all);
    all
}

fn walk(root: &Path, folder: &Path, all: &mut Files) {
    for entry in fs::read_dir(folder).expect("a folder that can be read") {
        let path = entry.expect("an entry").path();
        let name = path.strip_prefix(root).expect("below").as_os_str().as_bytes().to_owned();
        if name == b".exp" || name == b".git" {
            continue;
        }
        let meta = fs::symlink_metadata(&path).expect("a file");
        let mode = meta.permissions().mode() & 0o777;
        if meta.is_symlink() {
            let leads = fs::read_link(&path).expect("a link");
            all.insert(name, (0o120000, leads.as_os_str().as_bytes().to_owned()));
        } else if meta.is_dir() {
            all.insert(name, (0o040000, Vec::new()));
            walk(root, &path, all);
        } else {
            all.insert(name, (mode, fs::read(&path).expect("a file that can be read")));
        }
    }
}

pub fn array(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

pub fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
