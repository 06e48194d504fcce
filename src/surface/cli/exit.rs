//! Exit codes: a contract (design.md §11).

use crate::document::DocumentError;
use crate::engine::verb::state::watch::WATCHER;
use crate::engine::{Category, EngineError};
use crate::session::state::StateError;
use crate::store::bundle::BundleError;
use crate::store::{FORMAT_VERSION, StoreError};

/// Done.
pub const DONE: u8 = 0;
/// The answer is no: a regression, nothing feasible.
pub const NO: u8 = 1;
/// The request makes no sense.
pub const USAGE: u8 = 2;
/// Something moved or stands in the way.
pub const CONFLICT: u8 = 3;
/// There is no such thing.
pub const NOT_FOUND: u8 = 4;
/// Somebody else is at it.
pub const BUSY: u8 = 5;
/// Stored bytes are wrong.
pub const CORRUPT: u8 = 6;
/// The disk or a quota is full.
pub const FULL: u8 = 7;
/// Standard output could not be written. What the command did is done.
pub const OUTPUT: u8 = 8;
/// The system refused: rights, limits, a disk that fails.
pub const SYSTEM: u8 = 9;
/// A bug.
pub const BUG: u8 = 70;
/// `exec` could not run its command.
pub const EXEC_FAILED: u8 = 125;
/// Interrupted.
pub const INTERRUPTED: u8 = 130;

/// The code of an error.
pub fn code(error: &EngineError) -> u8 {
    match error.category() {
        Category::Usage => USAGE,
        Category::Conflict => CONFLICT,
        Category::NotFound => NOT_FOUND,
        Category::Busy => BUSY,
        Category::Corrupt => CORRUPT,
        Category::Full => FULL,
        Category::System => SYSTEM,
        Category::Interrupted => INTERRUPTED,
    }
}

/// The word of an error's category, for JSON.
pub fn word(error: &EngineError) -> &'static str {
    match error.category() {
        Category::Usage => "usage",
        Category::Conflict => "conflict",
        Category::NotFound => "not-found",
        Category::Busy => "busy",
        Category::Corrupt => "corrupt",
        Category::Full => "full",
        Category::System => "system",
        Category::Interrupted => "interrupted",
    }
}

/// What to do about an error, in a sentence.
pub fn hint(error: &EngineError) -> Option<String> {
    Some(match error {
        EngineError::NotAWorkspace(_) => "run `exp init` in your project's folder".to_owned(),
        EngineError::AlreadyAWorkspace(_) => "`exp status` shows where it stands".to_owned(),
        EngineError::NeedsConsent(_) => {
            "`exp init --dry-run` shows the largest folders; put what need not be captured into \
             `.expignore`, or give --yes"
                .to_owned()
        }
        EngineError::InTheWay { .. } => {
            "move these files away, or let them be captured (see `exp status`)".to_owned()
        }
        EngineError::ForgottenFile { .. } => {
            "`exp switch` or `exp rollback` brings the rest of it; a snapshot taken then does not name it"
                .to_owned()
        }
        EngineError::ChangedMeanwhile { .. } => "give the command again".to_owned(),
        EngineError::InsideView { .. } => "run this outside of the branch's command".to_owned(),
        EngineError::AcrossHead { .. } => {
            "check git's branch out again, or give --across-head".to_owned()
        }
        EngineError::NoGoodNode => {
            "`exp eval` measures a snapshot; `exp rollback --to WHAT` goes to any".to_owned()
        }
        EngineError::NoStages => {
            "add a [[stage]] to exp.toml; `exp guide` has an example".to_owned()
        }
        EngineError::NoConfig => {
            "write one with a [[stage]]; `exp guide` has an example".to_owned()
        }
        EngineError::Store(StoreError::Busy { what, .. }) if what == WATCHER => {
            "`exp state watch --stop` ends it".to_owned()
        }
        EngineError::Store(store) => {
            return hint_of_store(store).or_else(|| hint_by_category(error));
        }
        EngineError::ForeignFolder { path, owner } => format!(
            "work as that user (`sudo -u '#{owner}' exp …`); if you trust what is in it, \
             `export EXP_SAFE_DIRECTORY={}` allows it",
            path.display()
        ),
        EngineError::NoSession { near, known, .. } => no_session(near, known),
        EngineError::Bundle(bundle) => {
            return hint_of_bundle(bundle).or_else(|| hint_by_category(error));
        }
        EngineError::State(state) => {
            return hint_of_state(state).or_else(|| hint_by_category(error));
        }
        other => return hint_of_name(other).or_else(|| hint_by_category(other)),
    })
}

/// What to do about a store that cannot be used as it is.
fn hint_of_store(error: &StoreError) -> Option<String> {
    Some(match error {
        error if error.is_busy() => "wait for it to end, then give the command again".to_owned(),
        StoreError::NewerFormat { .. } => {
            "a newer exp made this store; use that one".to_owned()
        }
        // Without it nothing of the store is looked at, by no verb.
        StoreError::Corrupt { path, .. } if path.ends_with("format") => {
            format!(
                "nothing was changed; put the file back from a backup, or write it anew: its whole \
                 content is the line `exp store {FORMAT_VERSION}`"
            )
        }
        StoreError::ForeignOwner { .. } => {
            "work as that user (`sudo -u '#UID' exp …`), or set EXP_STORE to a folder of your own: files \
             that you made in that store its owner could not read"
                .to_owned()
        }
        StoreError::Link { .. } => {
            "remove the link, or set EXP_STORE to the folder itself".to_owned()
        }
        StoreError::NotEmpty { .. } => {
            "choose an empty folder, or one that is not there yet".to_owned()
        }
        error if error.is_read_only() => {
            "reading works; give yourself the right to write there".to_owned()
        }
        _ => return None,
    })
}

/// What to do about a name that is not as somebody thought.
fn hint_of_name(error: &EngineError) -> Option<String> {
    Some(match error {
        EngineError::NotFound { what, near, .. } => not_found(what, near),
        EngineError::Ambiguous { .. } => "give more digits, or the whole name".to_owned(),
        EngineError::Exists { .. } => "choose another name, or delete that one first".to_owned(),
        EngineError::Taken { branch, .. } => {
            format!("`exp branch NAME {branch}` makes another one from it; `exp switch` to that")
        }
        EngineError::Moved { .. } => {
            "look with `exp op log`, then give the command again".to_owned()
        }
        _ => return None,
    })
}

fn not_found(what: &str, near: &[String]) -> String {
    let words = match what {
        _ if !near.is_empty() => return format!("did you mean {}?", near.join(", ")),
        "selection in experiment" => "choose one with `exp select`",
        "experiment" => "open one with `exp try NAME=COMMAND …`",
        "value in the state at" => "`exp show --state` prints the whole document",
        "state document of" => "`exp snapshot --state FILE` records one",
        "value in the session's state at" => "`exp state get` prints the whole state",
        "files with state" => {
            "`exp state log` marks those that have files; without --files the state alone goes back"
        }
        "watch of session" => "`exp state watch FILE` begins one",
        what if what.contains("operation") || what.contains("undo") => {
            "`exp op log` lists what was done"
        }
        _ => "`exp log --all` and `exp branch` list what there is",
    };
    words.to_owned()
}

fn no_session(near: &[String], known: &[String]) -> String {
    match (near, known) {
        ([], []) => "`exp state put FILE` begins it; no session has a state yet".to_owned(),
        ([], known) => format!("there are: {}; name one with --session", known.join(", ")),
        (near, known) if known.len() > near.len() => {
            format!("did you mean {}? There are: {}", near.join(", "), known.join(", "))
        }
        (near, _) => format!("did you mean {}?", near.join(", ")),
    }
}

/// What to do about a bundle that is refused.
fn hint_of_bundle(error: &BundleError) -> Option<String> {
    let words = match error {
        BundleError::NotABundle => "`exp export -o FILE` writes one",
        BundleError::Version { .. } => "a newer exp made it; import it with that one",
        BundleError::Damaged { .. } => "nothing was changed; get the file anew",
        BundleError::Prerequisite { .. } => {
            "import the bundle that brings it first, or ask for one that was made without --since"
        }
        BundleError::Incomplete { .. } | BundleError::LetGo { .. } => {
            "nothing was changed; ask for a bundle that was made without --since"
        }
        _ => return None,
    };
    Some(words.to_owned())
}

/// What to do about what a session says.
fn hint_of_state(error: &StateError) -> Option<String> {
    Some(match error {
        StateError::UnknownState { .. } => {
            "`exp state log` lists the states; a name is an id, a tag or a branch".to_owned()
        }
        StateError::UnknownBranch { near, .. } if !near.is_empty() => {
            format!("did you mean {}?", near.join(", "))
        }
        StateError::UnknownBranch { .. } => {
            "`exp state branch` lists the branches, `exp state branch NAME` begins one".to_owned()
        }
        StateError::BranchExists { .. } => {
            "`exp state put FILE --branch NAME` goes on there".to_owned()
        }
        StateError::Ambiguous { .. } => "give more digits of the id".to_owned(),
        StateError::Moved { found, who, .. } => {
            let now =
                found.map_or_else(String::new, |found| format!(" It is {} now.", found.short()));
            format!("{who} was quicker.{now} Look with `exp state diff`, then put again")
        }
        StateError::Busy { .. } => "give the command again".to_owned(),
        StateError::BadName { .. } => "choose another name with --session".to_owned(),
        StateError::Document(DocumentError::Edit { .. } | DocumentError::Patch(_)) => {
            "nothing was changed; `exp state get` prints the state that it is for".to_owned()
        }
        StateError::Document(_) => "nothing was changed".to_owned(),
        StateError::TooLong { .. } => "nothing was changed; make it shorter".to_owned(),
        StateError::TooManyBranches { .. } => {
            "go on in a session of another name, or on a branch that is there".to_owned()
        }
        StateError::OtherFiles { .. } => "`exp state put FILE --files` records both".to_owned(),
        StateError::Damaged { session, .. } => {
            format!("`exp audit --session {session}` names what is damaged; nothing was changed")
        }
        StateError::Journal(error) if error.is_corruption() => {
            "`exp audit` names what is damaged; nothing was changed".to_owned()
        }
        _ => return None,
    })
}

fn hint_by_category(error: &EngineError) -> Option<String> {
    if let EngineError::NotBegun { branch, experiment, is_racing } = error {
        return Some(match is_racing {
            true => format!("`exp logs {branch} --follow` waits until it begins"),
            false => format!("`exp try --resume {experiment}` runs it"),
        });
    }
    match error.category() {
        Category::Busy => Some("wait for it to end, then give the command again".to_owned()),
        Category::Corrupt => {
            Some("`exp fsck` names what is damaged; nothing was changed".to_owned())
        }
        Category::Full if error.is_quota() => Some(
            "`exp gc` lets go of what may go; what the log of operations can be undone to, removed \
             branches too, goes only beyond `operations` and `operations_least` under [retention] in \
             the store's config.toml (`exp doctor` says where), and `quota` can be raised there; \
             nothing was changed"
                .to_owned(),
        ),
        Category::Full => Some("make room on the disk; nothing was changed".to_owned()),
        Category::System => error.system().and_then(hint_of_system).map(str::to_owned),
        _ => None,
    }
}

/// What to do about what the system said.
fn hint_of_system(error: &std::io::Error) -> Option<&'static str> {
    Some(match error.raw_os_error()? {
        libc::EACCES | libc::EPERM => {
            "give yourself the right to it (`ls -ld` shows the rights, `lsattr` what is immutable), then \
             give the command again"
        }
        libc::EROFS => "the file system is mounted read-only; mount it for writing",
        libc::EMFILE | libc::ENFILE => "too many files are open; raise the limit (`ulimit -n`)",
        libc::ENOMEM | libc::EAGAIN => {
            "memory or processes ran out; end something, or raise the limit (`ulimit -a`)"
        }
        libc::ENAMETOOLONG => "the path is longer than the system allows; shorten it",
        libc::ELOOP => "links lead in a circle; `readlink` shows where",
        libc::EIO => {
            "the disk fails; `dmesg` says more, and `exp fsck` proves the store afterwards"
        }
        libc::EBUSY | libc::ETXTBSY => "something uses it; end that, then give the command again",
        libc::EFBIG => "the file is larger than the system allows here (`ulimit -f`)",
        libc::ESTALE | libc::ENOTCONN | libc::ETIMEDOUT => {
            "the file system is gone or does not answer; mount it again"
        }
        _ => return None,
    })
}
