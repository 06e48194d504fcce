//! Layers tried in real overlay mounts, made by `unshare` and `mount` because this room starts
//! nothing itself. Where the kernel refuses those, the tests of real mounts say nothing.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;

use super::*;
use crate::base::disk::RealDisk;
use crate::base::id::TreeId;
use crate::base::name::Label;
use crate::base::path::TreePath;
use crate::object::memory::MemoryObjects;
use crate::object::traits::put_blob;
use crate::object::tree::{self, EntryKind, TreeEntry};

/// The name that the rules of these tests ignore.
const IGNORED: &[u8] = b"ign";

/// The tree of a folder, read in full and without any of the code under test.
fn tree_of(objects: &MemoryObjects, folder: &Path) -> TreeEntry {
    let mut entries = Vec::new();
    for item in fs::read_dir(folder).unwrap() {
        let item = item.unwrap();
        let name = item.file_name().as_bytes().to_vec();
        if name == IGNORED {
            continue;
        }
        let metadata = item.metadata().unwrap();
        let (kind, content) = if metadata.is_dir() {
            entries.push(TreeEntry { name: name[..].into(), ..tree_of(objects, &item.path()) });
            continue;
        } else if metadata.is_symlink() {
            let target = fs::read_link(item.path()).unwrap();
            (EntryKind::Symlink, target.into_os_string().into_encoded_bytes())
        } else if metadata.mode() & 0o100 != 0 {
            (EntryKind::Executable, fs::read(item.path()).unwrap())
        } else {
            (EntryKind::File, fs::read(item.path()).unwrap())
        };
        let length = content.len() as u64;
        let hash = put_blob(objects, content).unwrap().0;
        entries.push(TreeEntry { name: name[..].into(), kind, hash, length });
    }
    TreeEntry::directory(b"root", &tree::build(objects, entries).unwrap())
}

fn tree_id(objects: &MemoryObjects, folder: &Path) -> TreeId {
    tree_of(objects, folder).tree().unwrap()
}

/// All ignored paths of a folder, outermost only.
fn ignored_in(folder: &Path, at: &TreePath, found: &mut Vec<TreePath>) {
    for item in fs::read_dir(at.under(folder)).unwrap() {
        let item = item.unwrap();
        let path = at.join(item.file_name().as_bytes());
        if item.file_name().as_bytes() == IGNORED {
            found.push(path);
        } else if item.file_type().unwrap().is_dir() {
            ignored_in(folder, &path, found);
        }
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs a script where `$1` is an overlay over the lower folder's own path; none where the kernel
/// refuses it.
fn in_view(place: &Path, script: &str) -> Option<String> {
    let (flags, more) = if is_root() { ("-m", "") } else { ("-Urm", ",userxattr") };
    let mount = format!(
        "mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work,\
         redirect_dir=nofollow,index=off,metacopy=off,xino=off{more} lower || exit 99\n\
         cd lower && {{\n{script}\n}}"
    );
    let output = Command::new("unshare")
        .args([flags, "sh", "-c", &mount])
        .current_dir(place)
        .output()
        .unwrap();
    let refused = !output.status.success() && output.stdout.is_empty();
    (!refused).then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn sh(folder: &Path, script: &str) {
    Command::new("sh").args(["-c", script]).current_dir(folder).output().unwrap();
}

fn folders() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_owned();
    for name in ["lower", "wanted", "upper", "work", "before", "after"] {
        fs::create_dir(place.join(name)).unwrap();
    }
    (folder, place)
}

/// A line of a script: an edit that may fail, on names from a small set so that edits meet.
fn edit() -> impl Strategy<Value = String> {
    let name =
        prop_oneof![Just("a"), Just("b"), Just("ign"), Just("$(printf 'n\\377')"), Just("a-b")];
    let path =
        proptest::collection::vec(name, 1..4).prop_map(|parts| format!("\"{}\"", parts.join("/")));
    (0..11, path.clone(), path, 0..3).prop_map(|(kind, path, other, content)| match kind {
        0 | 1 => format!("echo {content} > {path}"),
        2 => format!("rm -rf {path}"),
        3 => format!("mkdir -p {path}"),
        4 => format!("mv -T {path} {other}"),
        5 => format!("rm -rf {path}; ln -s {content} {path}"),
        6 => format!("chmod +x {path}/../* "),
        7 => format!("rm -rf {path}; mkdir -p {path}; echo {content} > {path}/a"),
        8 => format!("touch {path}"),
        9 => format!("echo {content} >> {path}"),
        _ => format!("rm -rf {path}; echo {content} > {path}"),
    })
}

fn script() -> impl Strategy<Value = String> {
    proptest::collection::vec(edit(), 0..14).prop_map(|lines| lines.join("\n"))
}

fn prepare(objects: &MemoryObjects, place: &Path, wanted: TreeId) {
    let (upper, lower) = (place.join("upper"), place.join("lower"));
    let mut hide = Vec::new();
    ignored_in(&lower, &TreePath::root(), &mut hide);
    let shown = tree_id(objects, &lower);
    let unprivileged = !is_root();
    let plan = UpperPlan { upper: &upper, lower: &lower, shown, wanted, hide: &hide, unprivileged };
    prepare_upper(&RealDisk, objects, &plan).unwrap();
}

fn keep_out(path: &TreePath, _: bool) -> bool {
    path.split().is_some_and(|(_, name)| name == IGNORED)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, failure_persistence: None, ..ProptestConfig::default() })]

    /// A view over one tree shows another; what is done in it is captured from the layer alone as
    /// a full listing would give it; and the folder underneath stays as it was.
    #[test]
    fn layers_show_and_capture_what_a_full_listing_would(
        first in script(), second in script(), third in script(),
    ) {
        let (_folder, place) = folders();
        let objects = MemoryObjects::new();
        sh(&place.join("lower"), &first);
        sh(&place, "cp -a lower/. wanted/");
        sh(&place.join("wanted"), &format!("{second}\nfind . -name ign -prune -exec rm -rf {{}} +"));
        let shown = tree_id(&objects, &place.join("lower"));
        let wanted = tree_id(&objects, &place.join("wanted"));
        prepare(&objects, &place, wanted);
        let script = format!("cp -a . ../before/\n{{\n:\n{third}\n}} >/dev/null 2>&1\ncp -a . ../after/\necho done");
        let Some(said) = in_view(&place, &script) else { return Ok(()) };
        prop_assert_eq!(said, "done\n");
        prop_assert_eq!(tree_id(&objects, &place.join("lower")), shown);
        let mut seen = Vec::new();
        ignored_in(&place.join("before"), &TreePath::root(), &mut seen);
        prop_assert!(seen.is_empty(), "ignored things show through: {:?}", seen);
        prop_assert_eq!(tree_id(&objects, &place.join("before")), wanted);
        let after = tree_id(&objects, &place.join("after"));
        let capture = capture_upper(&objects, &place.join("upper"), Note { base: wanted, shown }, &keep_out).unwrap();
        prop_assert_eq!(capture.tree, after, "{:?}", tree::diff(&objects, after, capture.tree));
        let changed: BTreeSet<_> =
            tree::diff(&objects, wanted, after).unwrap().into_iter().map(|c| c.path).collect();
        prop_assert_eq!(capture.changed.into_iter().collect::<BTreeSet<_>>(), changed);
    }
}

#[test]
fn a_tracked_folder_in_the_place_of_an_ignored_one_hides_it() {
    let (_folder, place) = folders();
    let objects = MemoryObjects::new();
    sh(&place, "mkdir lower/out wanted/out; echo old > lower/out/old; echo new > wanted/out/new");
    let wanted = tree_id(&objects, &place.join("wanted"));
    let hide = [TreePath::new(b"out").unwrap()];
    let shown = tree::empty(&objects).unwrap();
    let (upper, lower) = (place.join("upper"), place.join("lower"));
    let unprivileged = !is_root();
    let plan = UpperPlan { upper: &upper, lower: &lower, shown, wanted, hide: &hide, unprivileged };
    prepare_upper(&RealDisk, &objects, &plan).unwrap();
    let Some(said) = in_view(&place, "ls out; cat out/new") else { return };
    assert_eq!(said, "new\nnew\n");
    assert_eq!(
        capture_upper(&objects, &upper, Note { base: wanted, shown }, &keep_out).unwrap().changed,
        []
    );
}

#[test]
fn a_folder_made_anew_in_a_view_has_nothing_of_the_old_one() {
    let (_folder, place) = folders();
    let objects = MemoryObjects::new();
    sh(&place.join("lower"), "mkdir -p d/inner; echo x > d/x; echo y > d/inner/y; echo z > d/z");
    let shown = tree_id(&objects, &place.join("lower"));
    let script = "rm -rf d && mkdir d && echo new > d/new && echo z > d/z && echo done";
    let Some(said) = in_view(&place, script) else { return };
    assert_eq!(said, "done\n");
    let note = Note { base: shown, shown };
    let capture = capture_upper(&objects, &place.join("upper"), note, &keep_out).unwrap();
    let changed: Vec<_> = capture.changed.iter().map(TreePath::display).collect();
    assert_eq!(changed, ["d/inner", "d/inner/y", "d/new", "d/x"]);
}

#[test]
fn modes_of_what_is_covered_are_kept_and_times_are_new() {
    let (_folder, place) = folders();
    let objects = MemoryObjects::new();
    sh(
        &place,
        "mkdir -m 750 lower/dir; echo 1 > lower/dir/file; chmod 600 lower/dir/file; touch -d @1000 lower/dir/file lower/dir; chmod 711 lower",
    );
    sh(&place, "mkdir wanted/dir; echo 2 > wanted/dir/file; chmod +x wanted/dir/file");
    prepare(&objects, &place, tree_id(&objects, &place.join("wanted")));
    let mode = |path: &str| fs::metadata(place.join(path)).unwrap().mode() & 0o7777;
    assert_eq!([mode("upper"), mode("upper/dir"), mode("upper/dir/file")], [0o711, 0o750, 0o700]);
    assert!(fs::metadata(place.join("upper/dir/file")).unwrap().mtime() > 1_000_000);
}

#[test]
fn what_cannot_be_captured_is_named() {
    let (_folder, place) = folders();
    let objects = MemoryObjects::new();
    let upper = place.join("upper");
    sh(&upper, "mkfifo pipe; mkdir ign; echo x > ign/x; echo y > y");
    let base = tree::empty(&objects).unwrap();
    let capture = capture_upper(&objects, &upper, Note { base, shown: base }, &keep_out).unwrap();
    let left_out: Vec<_> =
        capture.left_out.iter().map(|left| (left.path.display(), left.reason)).collect();
    let wanted = [("ign", LeftOutReason::Rules), ("pipe", LeftOutReason::Special)];
    assert_eq!(left_out, wanted.map(|(path, reason)| (path.to_owned(), reason)));
    assert_eq!(capture.changed, [TreePath::new(b"y").unwrap()]);
}

#[test]
fn a_layer_has_one_holder_and_goes_without_trace() {
    let state = tempfile::tempdir().unwrap();
    let layers = Layers::new(&state.path().join("deep/state"));
    assert_eq!(layers.names().unwrap(), []);
    let label = Label::new("e7/map").unwrap();
    let layer = layers.take(&RealDisk, &label).unwrap();
    assert!(matches!(layers.take(&RealDisk, &label), Err(IsolateError::Busy { .. })));
    assert_eq!(layers.idle().unwrap(), []);
    assert_eq!(layer.note().unwrap(), None);
    let objects = MemoryObjects::new();
    let tree = tree::empty(&objects).unwrap();
    let note = Note { base: tree, shown: tree };
    layer.set_note(&RealDisk, note).unwrap();
    assert_eq!(layer.note().unwrap(), Some(note));
    drop(layer);
    assert_eq!(layers.idle().unwrap(), std::slice::from_ref(&label));
    let layer = layers.take(&RealDisk, &label).unwrap();
    assert_eq!(layer.note().unwrap(), Some(note));
    // As the kernel leaves it, and as a command may.
    fs::create_dir(layer.work().join("work")).unwrap();
    fs::create_dir_all(layer.upper().join("closed/inner")).unwrap();
    for path in [layer.work().join("work"), layer.upper().join("closed")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
    }
    layer.clear(&RealDisk).unwrap();
    assert_eq!(layer.note().unwrap(), None);
    assert_eq!(fs::read_dir(layer.upper()).unwrap().count(), 0);
    layer.remove(&RealDisk).unwrap();
    assert_eq!(fs::read_dir(state.path().join("deep/state/views")).unwrap().count(), 0);
}

#[test]
fn a_plan_shows_the_store_read_only() {
    let state = tempfile::tempdir().unwrap();
    let layer = Layers::new(state.path()).take(&RealDisk, &Label::new("x").unwrap()).unwrap();
    let (workspace, git) = (Path::new("/w"), Path::new("/main/.git"));
    let store = git.join("exp");
    let lowers = vec![workspace.to_owned()];
    let view = ViewPlan { workspace, lowers, git: Some(git), store: &store, more: vec![] };
    let plan = mount_plan(&layer, view);
    let targets: Vec<_> = plan.overlays.iter().map(|overlay| overlay.target.as_path()).collect();
    assert_eq!(targets, [workspace, git]);
    assert_ne!(plan.overlays[0].upper, plan.overlays[1].upper);
    assert!(plan.binds[0].read_only);
    assert_eq!([&plan.binds[0].source, &plan.binds[0].target], [&store, &store]);
}

#[test]
fn slots_are_taken_by_one_and_by_what_they_hold() {
    let state = tempfile::tempdir().unwrap();
    let objects = MemoryObjects::new();
    let empty = tree::empty(&objects).unwrap();
    let pool = SlotPool::new(state.path(), 2);
    let first = pool.take(&RealDisk, None).unwrap();
    let second = pool.take(&RealDisk, Some(empty)).unwrap();
    assert_ne!(first.files(), second.files());
    assert!(matches!(pool.take(&RealDisk, None), Err(IsolateError::Busy { .. })));
    second.set_holds(&RealDisk, Some(empty)).unwrap();
    let path = second.files();
    drop((first, second));
    let again = pool.take(&RealDisk, Some(empty)).unwrap();
    assert_eq!((again.files(), again.holds().unwrap()), (path, Some(empty)));
    again.set_holds(&RealDisk, None).unwrap();
    assert_eq!(again.holds().unwrap(), None);
}

#[test]
fn a_warm_copy_keeps_times_modes_and_links_and_shares_no_inode() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    sh(
        folder.path(),
        "mkdir -p from/sub; echo x > from/sub/x; ln from/sub/x from/hard; ln -s nowhere from/link; \
         mkfifo from/pipe; chmod 755 from/hard; touch -d @12345 from/hard; chmod 555 from/sub; \
         touch -d @777 from/sub",
    );
    let copied = copy_warm(&from, &to).unwrap();
    assert_eq!((copied.files, copied.left_out), (3, 1));
    let of = |path: PathBuf| fs::symlink_metadata(path).unwrap();
    for name in ["hard", "sub", "sub/x"] {
        let (a, b) = (of(from.join(name)), of(to.join(name)));
        assert_eq!((a.mode(), a.mtime(), a.mtime_nsec()), (b.mode(), b.mtime(), b.mtime_nsec()));
        assert_ne!(a.ino(), b.ino());
    }
    assert_ne!(of(to.join("hard")).ino(), of(to.join("sub/x")).ino());
    assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("nowhere"));
    assert!(copy_warm(&from, &to).is_err());
}
