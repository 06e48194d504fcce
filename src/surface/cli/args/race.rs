//! The verbs of a race: trying, measuring, ranking, choosing, looking at what was said.

use std::path::PathBuf;

use clap::Args;

use super::flags::{BackendFlag, DryRun};

/// What `try` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  exp try 'map=./agent.sh \"use a hash map\"' 'sort=./agent.sh \"sort first\"'\n  exp try 'a=git apply a.patch' 'b=git apply b.patch' --jobs 2 --timeout 10m\n  exp try --file approaches.toml\n\nA file of approaches:\n  from = \"main\"                # where all start; may be left out (--from counts more)\n  [[approach]]\n  name = \"map\"\n  command = './agent.sh \"use a hash map\"'   # runs at the top of the branch's files\n  timeout = \"10m\"              # may be left out\n\nThe exit code is 0 when all have ended, well or not: `rank` and `select` say whether one can be\nchosen. 1 when --stop-on-error ended it, 130 when Ctrl-C did; `exp try --resume` goes on from there.\nA command fails when it exits with another code than 0, is killed, does not start or takes too long;\nwhat it left is kept, and evaluated on request (--eval-failed, or `exp eval e7/map`).\n\nThen `exp rank`, `exp select`, `exp merge --selected`."
)]
pub struct TryArgs {
    /// `NAME=COMMAND`: a name and the shell command that changes the files
    #[arg(required_unless_present_any = ["resume", "file"], value_name = "NAME=COMMAND")]
    pub approaches: Vec<String>,
    /// Approaches from a TOML file; `-` for standard input. Those of the line come after them
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Go on with an experiment: run what was interrupted, evaluate what was not
    #[arg(long, value_name = "EXPERIMENT", conflicts_with_all = ["approaches", "file", "from"])]
    pub resume: Option<String>,
    /// Where all start; the workspace's files if nothing is given
    #[arg(long, value_name = "WHAT")]
    pub from: Option<String>,
    /// How many at once
    #[arg(long, short, value_name = "COUNT")]
    pub jobs: Option<usize>,
    /// Stop a command after this time, such as `90s` or `10m`; a file may give one its own
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<String>,
    /// Only run the commands
    #[arg(long)]
    pub no_eval: bool,
    /// Run all approaches, whatever becomes of some (the default)
    #[arg(long, conflicts_with = "stop_on_error")]
    pub keep_going: bool,
    /// When a command fails, start no other, and end those that run as Ctrl-C does (exit 1)
    #[arg(long)]
    pub stop_on_error: bool,
    /// Evaluate what a failed command left, too
    #[arg(long, conflicts_with_all = ["no_eval", "stop_on_error"])]
    pub eval_failed: bool,
    #[command(flatten)]
    pub backend: BackendFlag,
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// What `eval` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  exp eval            # the files as they are\n  exp eval e7/map\n  exp eval --again    # do not take it from the memo"
)]
pub struct EvalArgs {
    /// What; the workspace's files if nothing is given
    pub what: Option<String>,
    /// Run the stages although the result is remembered
    #[arg(long)]
    pub again: bool,
    #[command(flatten)]
    pub backend: BackendFlag,
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// What `rank` takes.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  exp rank\n  exp rank e7 --json")]
pub struct RankArgs {
    /// The experiment; the last one if none is given
    pub experiment: Option<String>,
}

/// What `select` takes.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  exp select\n  exp select e7 --approach map   # choose by hand")]
pub struct SelectArgs {
    /// The experiment; the last one if none is given
    pub experiment: Option<String>,
    /// Take this one, whatever the ranking says
    #[arg(long, value_name = "NAME")]
    pub approach: Option<String>,
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// What `compare` takes.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  exp compare main e7/map\n  exp compare e7/map e7/sort --json")]
pub struct CompareArgs {
    /// One
    pub a: String,
    /// The other
    pub b: String,
}

/// What `logs` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  exp logs e7/map\n  exp logs e7/map test\n  exp logs e7/map --follow   # while it runs"
)]
pub struct LogsArgs {
    /// The branch; or `base`, `the files`, `merged`
    pub of: String,
    /// Only this stage; `approach` for the command itself
    pub stage: Option<String>,
    /// Go on until what runs has ended
    #[arg(long, short)]
    pub follow: bool,
}
