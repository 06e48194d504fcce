//! `exp state …` and `exp audit`: what an agent knows, step by step.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// What can be asked of `state`.
#[derive(Debug, Args)]
pub struct StateArgs {
    /// The session; EXP_SESSION, or one per terminal, if not given
    #[arg(long, value_name = "NAME", global = true)]
    pub session: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub verb: StateVerb,
}

/// The verbs of states.
#[derive(Debug, Subcommand)]
pub enum StateVerb {
    /// Save a state: a JSON value, or what changes in the last one
    #[command(
        after_help = "Example:\n  exp state put plan.json -m 'parser works' --tag good\n  some-agent | exp state put - --kind automatic\n  exp state put --set /step=12 --append '/done=\"parser\"' --remove /error\n  exp state put plan.json --files    # and the workspace's files, under one id\n\nChanges are made in the order --set, --append, --remove: all or none. Automatic states are\nskipped when nothing changed that counts. With the answer the state is on the disk."
    )]
    Put(PutArgs),
    /// Print a state as JSON, exactly as it was put
    #[command(
        after_help = "Example:\n  exp state get\n  exp state get good --pointer /plan/0\n  exp state get --back 3 -o plan.json\n  exp state get --at 10m             # as it was 10 minutes ago\n  exp state get --valid --check 'jq -e .plan'"
    )]
    Get(GetArgs),
    /// List what was put and done, newest first
    #[command(after_help = "Example:\n  exp state log\n  exp state log --branch idea -n 50")]
    Log {
        /// Only the states that lead to the newest one of this branch
        #[arg(long, value_name = "NAME")]
        branch: Option<String>,
        /// How many at most
        #[arg(short = 'n', long, default_value_t = 20, value_name = "COUNT")]
        limit: usize,
    },
    /// Show what differs between two states
    #[command(
        after_help = "Example:\n  exp state diff good\n  exp state diff 3f2a91 7b01cc --patch    # as RFC 6902"
    )]
    Diff {
        /// The older side: an id, a tag, a branch
        from: String,
        /// The newer side; the newest state of `main` if none is given
        to: Option<String>,
        /// As a JSON patch (RFC 6902)
        #[arg(long, conflicts_with = "merge_patch")]
        patch: bool,
        /// As a merge patch (RFC 7396)
        #[arg(long)]
        merge_patch: bool,
    },
    /// Go back to an earlier state; what is left stays in the log
    #[command(
        after_help = "Example:\n  exp state rollback --back 1\n  exp state rollback good -m 'the plan was wrong'\n  exp state rollback good --files    # the workspace's files, too\n  exp state rollback --valid         # to the newest one that is not marked invalid"
    )]
    Rollback {
        #[command(flatten)]
        which: WhichArgs,
        /// Bring back the files that were recorded with it, too
        #[arg(long)]
        files: bool,
        /// Bring them back although git's HEAD has moved since
        #[arg(long, requires = "files")]
        across_head: bool,
        /// Why
        #[arg(short, long, default_value = "")]
        message: String,
    },
    /// List branches, or begin one
    #[command(
        after_help = "Example:\n  exp state branch                 # list\n  exp state branch idea            # begins at the newest state\n  exp state branch idea --at good\n  exp state put plan.json --branch idea"
    )]
    Branch {
        /// The branch to begin
        name: Option<String>,
        /// Where it begins: an id, a tag, a branch
        #[arg(long, value_name = "WHAT", requires = "name")]
        at: Option<String>,
        /// Why
        #[arg(short, long, default_value = "", requires = "name")]
        message: String,
    },
    /// Bring what one branch learned into another; exit 3 when both changed the same
    #[command(
        after_help = "Example:\n  exp state merge idea\n  exp state merge idea --into plan-b --favour theirs"
    )]
    Merge {
        /// The branch that is brought in
        from: String,
        /// The branch that goes on; `main` if none is given
        #[arg(long, value_name = "NAME")]
        into: Option<String>,
        /// Which side counts where both changed the same place
        #[arg(long, value_enum, value_name = "SIDE")]
        favour: Option<SideWord>,
        /// Why
        #[arg(short, long, default_value = "")]
        message: String,
    },
    /// Find states by what is known of them, in all sessions
    #[command(
        after_help = "Example:\n  exp state search parser\n  exp state search --kind recovery --since 1d\n  exp state search --session agent --tag good --sort size --limit 5"
    )]
    Search(SearchArgs),
    /// Tag a state
    #[command(
        after_help = "Example:\n  exp state tag good             # the newest state of `main`\n  exp state tag good 3f2a91\n  exp state tag good --delete"
    )]
    Tag {
        /// The tag
        name: String,
        /// Which state: an id, a tag, a branch; the newest one of `main` if none is given
        what: Option<String>,
        /// Take the tag away
        #[arg(long, short)]
        delete: bool,
    },
    /// Say that a state is valid or not: `--valid` passes over the invalid ones
    #[command(
        after_help = "Example:\n  exp state mark 3f2a91 --invalid -m 'half a plan'\n  exp state rollback --valid"
    )]
    Mark {
        /// Which state: an id, a tag, a branch
        what: String,
        /// It cannot be gone on from
        #[arg(long, required_unless_present = "valid", conflicts_with = "valid")]
        invalid: bool,
        /// It can be gone on from
        #[arg(long)]
        valid: bool,
        /// Why
        #[arg(short, long, value_name = "WHY")]
        message: String,
    },
    /// List the sessions of this store
    #[command(after_help = "Example:\n  exp state sessions")]
    Sessions,
    /// Put what stands in a file whenever it has changed, until Ctrl-C
    #[command(
        after_help = "Example:\n  exp state watch plan.json &\n  exp state watch plan.json --every 5s\n  exp state watch --stop             # ends this session's watch, wherever it runs"
    )]
    Watch {
        /// The file; it has JSON
        #[arg(required_unless_present = "stop")]
        file: Option<PathBuf>,
        /// At most one state in so long a time; 30s, or what exp.toml says
        #[arg(long, value_name = "TIME")]
        every: Option<String>,
        /// The branch
        #[arg(long, value_name = "NAME")]
        branch: Option<String>,
        /// End the watch of this session
        #[arg(long, conflicts_with_all = ["file", "every", "branch"])]
        stop: bool,
    },
}

/// What `put` takes.
#[derive(Debug, Args)]
pub struct PutArgs {
    /// A JSON file with the whole state; `-` for standard input
    #[arg(required_unless_present_any = ["patch", "set", "append", "remove"],
        conflicts_with_all = ["patch", "set", "append", "remove"])]
    pub file: Option<PathBuf>,
    /// The branch; `main` if none is given
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
    /// Why it is saved; automatic ones are skipped when nothing changed that counts
    #[arg(long, value_enum, default_value = "manual")]
    pub kind: KindWord,
    /// Why, in words
    #[arg(short, long, default_value = "")]
    pub message: String,
    /// Put this tag on it
    #[arg(long = "tag", value_name = "NAME")]
    pub tags: Vec<String>,
    /// Change the last state by a JSON patch (RFC 6902) from a file; `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["set", "append", "remove"])]
    pub patch: Option<PathBuf>,
    /// Change the last state: put a value at a place
    #[arg(long, value_name = "POINTER=JSON")]
    pub set: Vec<String>,
    /// Change the last state: add a value at the end of a list
    #[arg(long, value_name = "POINTER=JSON")]
    pub append: Vec<String>,
    /// Change the last state: take away what stands there
    #[arg(long, value_name = "POINTER")]
    pub remove: Vec<String>,
    /// Save it only if this is the last state of the branch; exit 3 otherwise
    #[arg(long, value_name = "ID")]
    pub expect: Option<String>,
    /// Record the workspace's files with it, under the same id
    #[arg(long)]
    pub files: bool,
    /// Say why it was saved or skipped
    #[arg(long)]
    pub explain: bool,
}

/// Which state.
#[derive(Debug, Args)]
pub struct WhichArgs {
    /// An id or its first digits, a tag, a branch, `latest`
    #[arg(conflicts_with_all = ["at", "back", "valid"])]
    pub what: Option<String>,
    /// Of this branch; `main` if none is given
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
    /// The one at that time: `10m` (ago), `2026-01-31T12:00:00Z`, or nanoseconds as in JSON
    #[arg(long, value_name = "TIME", conflicts_with_all = ["back", "valid"])]
    pub at: Option<String>,
    /// So many states before the newest one
    #[arg(long, value_name = "COUNT", conflicts_with = "valid")]
    pub back: Option<u64>,
    /// The newest one that is not marked invalid and can be rebuilt
    #[arg(long)]
    pub valid: bool,
}

/// What `get` takes.
#[derive(Debug, Args)]
pub struct GetArgs {
    #[command(flatten)]
    pub which: WhichArgs,
    /// With --valid: the newest one for which this command, given the state as input, exits with 0
    #[arg(long, value_name = "COMMAND", requires = "valid")]
    pub check: Option<String>,
    /// Stop the check after this time; then the state is not valid
    #[arg(long, value_name = "TIME", requires = "check")]
    pub timeout: Option<String>,
    /// Only what stands there
    #[arg(long, value_name = "POINTER")]
    pub pointer: Option<String>,
    /// Write it to a file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// What `search` takes.
#[derive(Debug, Args)]
pub struct SearchArgs {
    /// A text in the message, or in a place or value that changed
    pub text: Option<String>,
    /// In this session; may be given several times. All if none is given
    #[arg(long, value_name = "NAME")]
    pub session: Vec<String>,
    /// With this tag; may be given several times
    #[arg(long = "tag", value_name = "NAME")]
    pub tags: Vec<String>,
    /// Put on this branch
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
    /// Saved for that reason
    #[arg(long, value_enum)]
    pub kind: Option<KindWord>,
    /// Put at that time or later: `10m` (ago), `2026-01-31T12:00:00Z`
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Put at that time or earlier
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// In which order: the newest, the largest, the most changed first
    #[arg(long, value_enum, default_value = "time")]
    pub sort: SortWord,
    /// The other way round
    #[arg(long)]
    pub reverse: bool,
    /// How many at most; 0 is all
    #[arg(short = 'n', long, default_value_t = 20, value_name = "COUNT")]
    pub limit: usize,
}

/// What `audit` takes.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// The session; all in short if none is given
    #[arg(long, value_name = "NAME")]
    pub session: Option<String>,
    /// A digest that must be in the trail, such as the newest one of an earlier audit
    #[arg(long, value_name = "DIGEST", requires = "session")]
    pub expect: Option<String>,
    /// Show only so many entries, the newest ones; all are verified
    #[arg(short = 'n', long, value_name = "COUNT")]
    pub limit: Option<usize>,
}

/// A side of a merge, as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SideWord {
    /// The branch that goes on
    Ours,
    /// The branch that is brought in
    Theirs,
}

/// An order of states, as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SortWord {
    /// The newest first
    Time,
    /// The largest first
    Size,
    /// The most changed first
    Changes,
}

/// Why a state is saved, as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KindWord {
    /// A step of the run
    Automatic,
    /// Somebody asked for it
    Manual,
    /// A point to come back to
    Recovery,
}
