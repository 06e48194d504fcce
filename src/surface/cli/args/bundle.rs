//! What `export` and `import` take.

use std::path::PathBuf;

use clap::Args;

use super::flags::DryRun;

/// What `export` takes.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  exp export -o all.xpb                          # every branch, tag and experiment
  exp export e7 -o e7.xpb                        # one experiment with its candidates and results
  exp export main --since v1 -o later.xpb        # what main has that v1 has not
  exp export --json-lines -o - | jq .kind        # for other programs")]
pub struct ExportArgs {
    /// Branches, tags, experiments, snapshots; all names if nothing is given
    pub what: Vec<String>,
    /// The file to write; `-` for standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Leave out what this snapshot has: whoever imports must have it (may be repeated)
    #[arg(long, value_name = "WHAT")]
    pub since: Vec<String>,
    /// One JSON object a line instead of the compact form
    #[arg(long)]
    pub json_lines: bool,
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// What `import` takes.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  exp import e7.xpb --dry-run                # proves it, and says what would come
  exp import e7.xpb                          # what was found there is shown, and counts for nothing
  exp import e7.xpb --trust ann-laptop       # they count as if they were found here
  ssh ann exp export -o - | exp import -")]
pub struct ImportArgs {
    /// The bundle; `-` for standard input
    pub file: PathBuf,
    /// Let evaluations and verdicts of this source count as if they were found here
    #[arg(long, value_name = "SOURCE")]
    pub trust: Option<String>,
    #[command(flatten)]
    pub dry_run: DryRun,
}
