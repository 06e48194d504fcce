//! The command line itself: every verb with its help and, where they are few, its flags.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::bundle::{ExportArgs, ImportArgs};
use super::flags::{BackendFlag, DryRun, StepArgs};
use super::inner::{ExperimentVerb, HookVerb, OpVerb};
use super::race::{CompareArgs, EvalArgs, LogsArgs, RankArgs, SelectArgs, TryArgs};
use super::state::{AuditArgs, StateArgs};

/// Try several approaches at once, measure each honestly, keep the best, and get back to the last
/// good state.
#[derive(Debug, Parser)]
#[command(name = "exp", version, propagate_version = false, max_term_width = 100)]
#[command(after_help = "Start here:
  exp init                                    make this folder a workspace
  exp try 'a=./agent.sh one' 'b=./agent.sh two'  run approaches in parallel, evaluate each
  exp select && exp merge --selected          choose the best and bring it in
  exp guard                                   evaluate; on a regression go back
  exp undo                                    take the last step back

Exit codes: 0 done, 1 the answer is no, 2 usage, 3 conflict, 4 not found, 5 busy, 6 corrupt,
7 full, 8 output not written, 9 the system refused, 70 a bug, 130 interrupted. `exec` passes on its command's code; its own failures are 125.")]
pub struct Cli {
    /// Work as if started in this folder
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,
    /// Print one JSON value instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// The verb.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make a folder a workspace and take its first snapshot
    #[command(
        after_help = "Example:\n  exp init            # shows what it will capture, writes exp.toml\n  exp init --dry-run  # only shows it\n  exp init --agents   # and tells agents how to use it, in a section of AGENTS.md"
    )]
    Init {
        /// The folder; the present one if none is given
        folder: Option<PathBuf>,
        /// Go ahead above 2 GiB or 200,000 files
        #[arg(long, short)]
        yes: bool,
        /// Put a section about exp into AGENTS.md; alone it may be given again, later
        #[arg(long)]
        agents: bool,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Remove the workspace's store; the files stay as they are
    #[command(
        after_help = "Example:\n  exp deinit          # shows what would be lost\n  exp deinit --yes    # removes it"
    )]
    Deinit {
        /// Really remove it
        #[arg(long, short)]
        yes: bool,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Record the files, and a state document if one is given
    #[command(
        after_help = "Example:\n  exp snapshot -m 'parser works'\n  exp snapshot --state plan.json   # what the agent knows, with the files, under one id\n  some-agent | exp snapshot --state -"
    )]
    Snapshot {
        /// Why
        #[arg(short, long, default_value = "")]
        message: String,
        /// A JSON file with what the agent knows; `-` for standard input
        #[arg(long, value_name = "FILE")]
        state: Option<PathBuf>,
        /// Put this tag on it
        #[arg(long, value_name = "NAME")]
        tag: Option<String>,
        /// Read every file, and store again what lies damaged in the store
        #[arg(long)]
        reread: bool,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Keep what an agent knows, step by step: put, get, compare, go back
    #[command(
        after_help = "Example:\n  exp state put plan.json -m 'parser works'\n  exp state get\n  exp state log\n  exp state rollback --back 1"
    )]
    State(StateArgs),
    /// Show where the workspace stands and what has changed
    #[command(after_help = "Example:\n  exp status\n  exp status --json | jq .changes")]
    Status,
    /// Show the graph of snapshots, newest first
    #[command(
        after_help = "Example:\n  exp log             # from where the workspace stands\n  exp log --all -n 50 # from every branch, tag and verdict\n  exp log e7/map"
    )]
    Log {
        /// Where to start
        from: Vec<String>,
        /// Start from every branch, tag and verdict
        #[arg(long, short)]
        all: bool,
        /// How many at most
        #[arg(short = 'n', long, default_value_t = 20, value_name = "COUNT")]
        limit: usize,
    },
    /// Show one snapshot: change, state, evaluation, verdict
    #[command(
        after_help = "Example:\n  exp show            # where the workspace stands\n  exp show e7/map\n  exp show @ --state  # the state document as JSON\n  exp show @- --pointer /plan/0"
    )]
    Show {
        /// A branch, tag, `@`, `@-`, `NAME~2` or the first digits of an id
        #[arg(default_value = "@")]
        what: String,
        /// Print the state document
        #[arg(long)]
        state: bool,
        /// Print this part of the state (a JSON pointer)
        #[arg(long, value_name = "POINTER")]
        pointer: Option<String>,
    },
    /// Show what differs between two snapshots, or a snapshot and the files
    #[command(
        after_help = "Example:\n  exp diff            # the files against the last snapshot\n  exp diff main e7/map\n  exp diff @- @ --names"
    )]
    Diff {
        /// The older side; the workspace's snapshot if none is given
        from: Option<String>,
        /// The newer side; the files if none is given
        to: Option<String>,
        /// Only the names of the files
        #[arg(long)]
        names: bool,
        /// Compare the state documents, too
        #[arg(long)]
        state: bool,
        /// Lines of context
        #[arg(short = 'U', long, default_value_t = 3, value_name = "LINES")]
        context: usize,
    },
    /// List, create, delete or rename branches
    #[command(
        after_help = "Example:\n  exp branch                  # list\n  exp branch idea             # create one here\n  exp branch idea --from @-\n  exp branch --rename idea plan\n  exp branch --delete plan"
    )]
    Branch {
        /// The branch to create
        name: Option<String>,
        /// Where it starts
        #[arg(long, value_name = "WHAT", requires = "name")]
        from: Option<String>,
        /// Delete a branch
        #[arg(long, short, value_name = "NAME", conflicts_with_all = ["name", "rename"])]
        delete: Option<String>,
        /// Rename a branch
        #[arg(long, num_args = 2, value_names = ["OLD", "NEW"], conflicts_with = "name")]
        rename: Option<Vec<String>>,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Bring the files to another branch; un-captured work is captured first
    #[command(
        after_help = "Example:\n  exp switch idea\n  exp switch main --dry-run   # which files would change"
    )]
    Switch {
        /// The branch
        branch: String,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Run a command in a branch and record what it changed
    #[command(
        after_help = "Example:\n  exp exec idea -- cargo fmt\n  exp exec idea -- sh -c 'sed -i s/a/b/ src/lib.rs'\n\nThe exit code is the command's; 125 when it could not be run at all."
    )]
    Exec {
        /// The branch
        branch: String,
        /// The command
        #[arg(last = true, required = true, value_name = "COMMAND")]
        command: Vec<std::ffi::OsString>,
        /// Stop it after this time, such as `90s` or `10m`
        #[arg(long, value_name = "TIME")]
        timeout: Option<String>,
        /// Run it and record nothing, no commits of git either
        #[arg(long)]
        no_capture: bool,
        #[command(flatten)]
        backend: BackendFlag,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Try several approaches in parallel, each in its own branch, and evaluate each
    Try(TryArgs),
    /// Evaluate a snapshot, or the files, with the stages of exp.toml
    Eval(EvalArgs),
    /// Rank the candidates of an experiment
    Rank(RankArgs),
    /// Choose the best candidate of an experiment; exit 1 when none is feasible
    Select(SelectArgs),
    /// Set two snapshots side by side: verdicts, tests, metrics, files
    Compare(CompareArgs),
    /// List experiments, oldest first
    #[command(after_help = "Example:\n  exp experiments\n  exp experiments -n 5")]
    Experiments {
        /// How many at most, the newest ones
        #[arg(short = 'n', long, default_value_t = 20, value_name = "COUNT")]
        limit: usize,
    },
    /// Look at one experiment
    #[command(
        after_help = "Example:\n  exp experiment show\n  exp experiment show e7 --html e7.html"
    )]
    Experiment {
        /// What about it.
        #[command(subcommand)]
        verb: ExperimentVerb,
    },
    /// Print what an approach's command and the stages that measured it wrote
    Logs(LogsArgs),
    /// Open a shell in a branch; what it changed is recorded when it ends
    #[command(after_help = "Example:\n  exp shell e7/map")]
    Shell {
        /// The branch
        branch: String,
        /// Run it and record nothing, no commits of git either
        #[arg(long)]
        no_capture: bool,
        #[command(flatten)]
        backend: BackendFlag,
    },
    /// What a coding agent's hooks call around each of its tools
    #[command(
        after_help = "Example:\n  exp hook install          # adds two entries to .claude/settings.local.json\n  echo '{\"tool_name\":\"Edit\"}' | exp hook post"
    )]
    Hook {
        /// Which call.
        #[command(subcommand)]
        verb: HookVerb,
    },
    /// Bring a branch, or the selected candidate, into the workspace's branch
    #[command(
        after_help = "Example:\n  exp merge --selected    # evaluated as merged; the runner-up if that is bad\n  exp merge idea\n  exp merge idea --dry-run"
    )]
    Merge {
        /// A branch or a snapshot
        #[arg(required_unless_present = "selected")]
        name: Option<String>,
        /// The selection of an experiment (the last one if none is named)
        #[arg(long, value_name = "EXPERIMENT", num_args = 0..=1, default_missing_value = "", conflicts_with = "name")]
        selected: Option<String>,
        /// Why
        #[arg(short, long, default_value = "")]
        message: String,
        /// Do not evaluate the merged tree
        #[arg(long)]
        no_eval: bool,
        /// Take the state of one side as it is, instead of merging both place by place
        #[arg(long, value_name = "SIDE", value_parser = ["ours", "theirs"])]
        state: Option<String>,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Go back to the last good snapshot, or to a named one
    #[command(
        after_help = "Example:\n  exp rollback            # to the last snapshot that is known to be good\n  exp rollback --to @-\n  exp undo                # and forward again"
    )]
    Rollback {
        /// Where to
        #[arg(long, value_name = "WHAT")]
        to: Option<String>,
        /// Go back although git's HEAD has moved since
        #[arg(long)]
        across_head: bool,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Evaluate the files; on a regression go back to the last good snapshot (exit 1)
    #[command(
        after_help = "Example:\n  exp guard                      # after an edit\n  exp guard -- cargo update      # run it, then judge what it did\n  exp guard --keep               # judge, but leave the files"
    )]
    Guard {
        /// Run this first
        #[arg(last = true, value_name = "COMMAND")]
        command: Vec<std::ffi::OsString>,
        /// Judge, but do not go back
        #[arg(long)]
        keep: bool,
        /// Go back although git's HEAD has moved since
        #[arg(long)]
        across_head: bool,
        /// Stop the command after this time
        #[arg(long, value_name = "TIME")]
        timeout: Option<String>,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Take an operation back, files included
    #[command(
        after_help = "Example:\n  exp undo              # the newest of this session\n  exp undo              # repeated: one further\n  exp undo 3f2a9c1b     # a certain one (see `exp op log`)"
    )]
    Undo(StepArgs),
    /// Do again what `undo` took back
    #[command(after_help = "Example:\n  exp undo\n  exp redo")]
    Redo(StepArgs),
    /// The operation log
    #[command(after_help = "Example:\n  exp op log")]
    Op {
        /// What about it.
        #[command(subcommand)]
        verb: OpVerb,
    },
    /// List, put or remove tags
    #[command(
        after_help = "Example:\n  exp tag                       # list\n  exp tag v1 -m 'works'         # tag where the workspace stands\n  exp tag best e7/map\n  exp tag --delete v1"
    )]
    Tag {
        /// The tag to put
        name: Option<String>,
        /// What it names; the workspace's snapshot if nothing is given
        what: Option<String>,
        /// What to say with it
        #[arg(short, long, default_value = "")]
        message: String,
        /// Remove a tag
        #[arg(long, short, value_name = "NAME", conflicts_with = "name")]
        delete: Option<String>,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Show and verify who saved which state, when and why; exit 6 when the trail was tampered with
    #[command(
        after_help = "Example:\n  exp audit                            # all sessions in short\n  exp audit --session agent -n 20\n  exp audit --session agent --expect 3f2a…   # the digest that an earlier audit ended with"
    )]
    Audit(AuditArgs),
    /// Write branches, tags and experiments into one file, for another store
    Export(ExportArgs),
    /// Take in what was exported elsewhere; nothing here is overwritten
    Import(ImportArgs),
    /// Prove every byte of the store
    #[command(
        after_help = "Example:\n  exp fsck\n  exp fsck --rebuild   # build the catalogue anew"
    )]
    Fsck {
        /// Build the catalogue anew from the packs
        #[arg(long)]
        rebuild: bool,
    },
    /// Let go of what nothing needs, and of the files of old snapshots that nothing names
    #[command(
        after_help = "Example:\n  exp gc --dry-run   # what would go, what stays and why\n  exp gc\n  exp gc --repack    # write all packs anew: versions of one file come together\n\nWhat is kept is set in config.toml of the store. Branches, tags, milestones, what can be\nundone, the last good snapshots and running views always stay."
    )]
    Gc {
        /// Write every pack anew, which takes longer and saves more
        #[arg(long)]
        repack: bool,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Take content out of all history, as if it had never been captured
    #[command(
        after_help = "Example:\n  exp forget .env --dry-run      # what that is, and where else it stands\n  exp forget .env --yes\n  exp forget 4f2a91c0 --yes      # one content by its id\n  exp forget keys --bundle backup.bundle --yes\n\nThe snapshots stay; in them the file is a tombstone. This cannot be undone."
    )]
    Forget {
        /// Files or folders of the workspace, in all of its history; or ids of contents
        #[arg(required = true)]
        what: Vec<String>,
        /// Also take it out of this bundle
        #[arg(long = "bundle", value_name = "FILE")]
        bundles: Vec<PathBuf>,
        /// Really do it
        #[arg(long, short)]
        yes: bool,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Explain what works on this machine and what does not
    #[command(after_help = "Example:\n  exp doctor")]
    Doctor,
    /// Count snapshots, verdicts, bytes
    #[command(
        after_help = "Example:\n  exp stats --json\n  exp stats --alone   # what each branch and session holds alone"
    )]
    Stats {
        /// Also tell what each branch and session holds alone: what removing it would free
        #[arg(long)]
        alone: bool,
    },
    /// Tell the whole story on a small Rust project, in under a minute
    #[command(after_help = "Example:\n  exp demo\n  exp demo /tmp/pairs")]
    Demo {
        /// Where the project goes: an empty or new folder; a temporary one if none is given
        folder: Option<PathBuf>,
    },
    /// One page for agents: how to use exp
    #[command(
        after_help = "Example:\n  exp guide\n  exp guide --agents   # the section that `exp init --agents` puts into AGENTS.md"
    )]
    Guide {
        /// Only the short section for AGENTS.md
        #[arg(long)]
        agents: bool,
    },
    /// Print completions for a shell
    #[command(
        after_help = "Example:\n  exp completions bash > ~/.local/share/bash-completion/completions/exp"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}
