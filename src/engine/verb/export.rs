//! `exp export`: writes branches, tags and experiments with all that they need into one file, for
//! another store.
//!
//! **Durability**: the file is written beside, synced and renamed, so that its name never stands for
//! half of it.

use std::collections::HashSet;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use serde::Serialize;

use crate::base::id::{NamesId, ObjectId, SnapshotId};
use crate::base::limits::BLOCK_BYTES;
use crate::base::name::Label;
use crate::engine::half::Half;
use crate::engine::{Engine, EngineError};
use crate::object::evaluation::Evaluation;
use crate::object::experiment::Experiment;
use crate::object::names::{self, NameEntry, NameKey, NameValue};
use crate::object::snapshot::Snapshot;
use crate::run::Cancel;
use crate::store::bundle::{BundleError, BundlePlan, Form, Manifest, Prerequisite, Source};

/// Where a bundle goes.
pub enum Target<'w> {
    /// Into a file.
    File(PathBuf),
    /// To whatever takes bytes.
    Stream(&'w mut (dyn Write + Send)),
}

/// What can be asked of `export`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Branches, tags, experiments, snapshots; all names if there is none.
    pub what: Vec<String>,
    /// Snapshots that the receiver has.
    pub since: Vec<String>,
    /// As JSON lines instead of compressed blocks.
    pub json_lines: bool,
    /// Only say what would be written.
    pub dry_run: bool,
}

/// What was written.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The file; none for a stream.
    pub file: Option<String>,
    /// Whether it was written.
    pub written: bool,
    /// The word by which others know this store; none before anything was written.
    pub source: Option<String>,
    /// Branches, by name.
    pub branches: Vec<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Experiments.
    pub experiments: Vec<String>,
    /// How many evaluations.
    pub evaluations: usize,
    /// How many verdicts.
    pub verdicts: usize,
    /// What the receiver must have, as it is called here.
    pub since: Vec<String>,
    /// Objects in it.
    pub objects: u64,
    /// Bytes of their content; none in a dry run.
    pub bytes: Option<u64>,
    /// Bytes of the bundle; none in a dry run.
    pub bundle_bytes: Option<u64>,
    /// What is worth knowing.
    pub notices: Vec<String>,
}

/// Exports.
///
/// # Errors
/// [`EngineError::NotFound`] for a name; [`EngineError::File`]; [`EngineError::Interrupted`], after
/// which there is no file.
pub fn run(
    engine: &Engine,
    options: &Options,
    target: Target<'_>,
    cancel: &Cancel,
) -> Result<Report, EngineError> {
    engine.refuse_in_view()?;
    let names = engine.store.names()?;
    let is_cancelled = || cancel.is_cancelled();
    let mut since = Vec::new();
    for name in &options.since {
        let snapshot = engine.resolve(name)?.id;
        since.push(Prerequisite { snapshot, name: name.clone() });
    }
    let roots = engine.roots(names, &options.what)?;
    let mut plan = BundlePlan::new(&engine.store, since, &is_cancelled)?;
    plan.add(roots.clone())?;
    let findings = engine.findings_of(names, &roots, &|id| plan.holds(id))?;
    plan.add(findings.clone())?;
    let mut report = about(&roots, &findings, options, plan.objects() as u64);
    if options.dry_run {
        if let Target::File(path) = &target {
            report.file = Some(path.display().to_string());
        }
        return Ok(report);
    }
    let form = if options.json_lines { Form::Lines } else { Form::Binary };
    let who = engine.surroundings.who.clone();
    let stamp = (engine.named_source()?, who, engine.surroundings.now());
    let (manifest, bundle_bytes) = match target {
        Target::Stream(stream) => {
            let (manifest, counted) = plan.write(Counted::over(stream), form, stamp)?;
            (manifest, counted.bytes)
        }
        Target::File(path) => {
            report.file = Some(path.display().to_string());
            let is_inside = path.canonicalize().ok().or_else(|| path.parent()?.canonicalize().ok());
            if is_inside.is_some_and(|path| path.starts_with(&engine.place.root)) {
                let file = path.display();
                let notice = format!("`{file}` lies in the workspace, so the next snapshot has it");
                report.notices.push(notice);
            }
            write_file(engine, path, plan, form, stamp)?
        }
    };
    let Manifest { source, objects, bytes, .. } = manifest;
    report.source = Some(source.word());
    (report.objects, report.bytes, report.written) = (objects, Some(bytes), true);
    report.bundle_bytes = Some(bundle_bytes);
    Ok(report)
}

fn about(roots: &[NameEntry], findings: &[NameEntry], options: &Options, objects: u64) -> Report {
    let named = |room: &str| {
        let names = roots.iter().filter_map(|entry| entry.key.strip_prefix(room));
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let count = |room: &str| findings.iter().filter(|entry| entry.key.starts_with(room)).count();
    Report {
        file: None,
        written: false,
        source: None,
        branches: named("branch/"),
        tags: named("tag/"),
        experiments: named("experiment/"),
        evaluations: count("evaluation/"),
        verdicts: count("verdict/"),
        since: options.since.clone(),
        objects,
        bytes: None,
        bundle_bytes: None,
        notices: Vec::new(),
    }
}

type Stamp = (Source, String, crate::base::time::Timestamp);

fn write_file(
    engine: &Engine,
    path: PathBuf,
    plan: BundlePlan<'_>,
    form: Form,
    stamp: Stamp,
) -> Result<(Manifest, u64), EngineError> {
    let disk = engine.surroundings.disk.as_ref();
    let failed = |source| EngineError::File { what: "write", path: path.clone(), source };
    if path.is_dir() {
        let what = format!("`{}` is a folder", path.display());
        return Err(EngineError::Refused { what, why: "name the file to write".to_owned() });
    }
    let mut half = Half::create(disk, &path)?;
    let file = half.take_file();
    let counted = Counted::over(BufWriter::with_capacity(BLOCK_BYTES, file));
    let (manifest, counted) = plan.write(counted, form, stamp).map_err(|error| match error {
        BundleError::Write(source) => failed(source),
        error => error.into(),
    })?;
    let bytes = counted.bytes;
    let mut file = counted.into.into_inner().map_err(|e| failed(e.into_error()))?;
    file.sync().map_err(failed)?;
    half.place().map_err(failed)?;
    Ok((manifest, bytes))
}

/// Counts what goes through.
struct Counted<W> {
    into: W,
    bytes: u64,
}

impl<W> Counted<W> {
    fn over(into: W) -> Self {
        Self { into, bytes: 0 }
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.into.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.into.flush()
    }
}

impl Engine {
    /// What other stores know this one by; named now where it was not.
    fn named_source(&self) -> Result<Source, EngineError> {
        let around = &self.surroundings;
        let legal = |text: &str| -> String {
            let plain = |c: char| if c.is_alphanumeric() || c == '_' { c } else { '-' };
            text.chars().map(plain).take(40).collect::<String>().trim_matches('-').to_owned()
        };
        let host = around.machine.split('.').next().unwrap_or_default();
        let parts = [legal(&around.who), legal(host)];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let name = Label::new(parts.join("-")).or_else(|_| Label::new("somewhere"))?;
        let current = self.store.current()?.map(|current| current.operation.hex());
        let seed = format!(
            "{} {name} {} {} {}",
            self.store.root().display(),
            around.now().0,
            std::process::id(),
            current.unwrap_or_default(),
        );
        Ok(self.store.named_source(&name, seed.as_bytes())?)
    }

    /// The names that were asked for: all branches, tags and experiments where none were.
    fn roots(&self, names: NamesId, what: &[String]) -> Result<Vec<NameEntry>, EngineError> {
        let mut roots = Vec::new();
        if what.is_empty() {
            for room in ["branch/", "experiment/", "tag/"] {
                roots.extend(names::list(&self.store, names, room)?);
            }
        }
        for text in what {
            self.add_root(names, text, &mut roots)?;
        }
        roots.sort_by(|a, b| a.key.cmp(&b.key));
        roots.dedup_by(|a, b| a.key == b.key);
        Ok(roots)
    }

    fn add_root(
        &self,
        names: NamesId,
        text: &str,
        roots: &mut Vec<NameEntry>,
    ) -> Result<(), EngineError> {
        let mut add = |key: &NameKey| -> Result<bool, EngineError> {
            let value = names::get(&self.store, names, key)?;
            let entry = value.map(|value| NameEntry { key: key.text(), value });
            let is_there = entry.is_some();
            roots.extend(entry);
            Ok(is_there)
        };
        if let Ok(label) = Label::new(text)
            && (add(&NameKey::Branch(label.clone()))? || add(&NameKey::Tag(label))?)
        {
            return Ok(());
        }
        if add(&NameKey::Experiment(text.to_owned()))? {
            let (experiment, _) = self.experiment(Some(text))?;
            for approach in experiment.approaches {
                add(&NameKey::Branch(approach.branch))?;
            }
            return Ok(());
        }
        let resolved = self.resolve(text)?;
        if let Some(branch) = resolved.branch {
            add(&NameKey::Branch(branch))?;
            return Ok(());
        }
        // A snapshot without a name needs one to be kept by.
        let label = Label::new(format!("snapshot-{}", resolved.id.short()))?;
        let note = "exported by its id".to_owned();
        let value = NameValue::Tag { snapshot: resolved.id, note };
        roots.push(NameEntry { key: NameKey::Tag(label).text(), value });
        Ok(())
    }

    /// Verdicts and evaluations of what travels, and of what the names point at.
    fn findings_of(
        &self,
        names: NamesId,
        roots: &[NameEntry],
        travels: &dyn Fn(ObjectId) -> bool,
    ) -> Result<Vec<NameEntry>, EngineError> {
        let store = &self.store;
        let (mut snapshots, mut trees) = (HashSet::new(), HashSet::new());
        for entry in roots {
            for id in self.pointed_at(entry)? {
                snapshots.insert(id);
                trees.insert(Snapshot::fetch(store, id)?.tree);
            }
        }
        let mut found = Vec::new();
        for entry in names::list(store, names, "verdict/")? {
            let Some(NameKey::Verdict(id)) = NameKey::parse(&entry.key) else { continue };
            if snapshots.contains(&id) || travels(id.object()) {
                found.push(entry);
            }
        }
        for entry in names::list(store, names, "evaluation/")? {
            let NameValue::Evaluation(id) = entry.value else { continue };
            let tree = Evaluation::fetch(store, id)?.tree;
            if trees.contains(&tree) || travels(tree.object()) {
                found.push(entry);
            }
        }
        Ok(found)
    }

    fn pointed_at(&self, entry: &NameEntry) -> Result<Vec<SnapshotId>, EngineError> {
        Ok(match &entry.value {
            NameValue::Branch(id) | NameValue::Tag { snapshot: id, .. } => vec![*id],
            NameValue::Experiment(id) => {
                let Experiment { base, approaches, .. } = Experiment::fetch(&self.store, *id)?;
                let candidates = approaches.into_iter().filter_map(|approach| approach.candidate);
                candidates.chain([base]).collect()
            }
            _ => Vec::new(),
        })
    }
}
