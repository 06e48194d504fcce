//! Durable puts a second: a state of 20 x 100 fields of which three change with each put.
//!
//! Every way takes the new state from memory to the disk: what SQLite gets as text is made within
//! the time, as an agent would have to. `bare fdatasync` is the limit that the disk sets: 512 bytes
//! written over and synced, in a file that does not grow.

use std::path::Path;
use std::sync::Mutex;
use std::thread;

use expdag::session::state::{Answer, Put, PutKind, Session, Sessions, StateError, What};
use rusqlite::Connection;
use serde_json::Value;

use crate::Options;
use crate::rounds::{Way, interleaved, print};
use crate::sqlite;
use crate::state::{self, COMPONENTS};

/// Sessions in a group.
const GROUP: usize = 64;
/// Threads, each with a session or a connection of its own.
const THREADS: usize = 16;

fn wanted<'a>(options: &Options, ways: Vec<Way<'a>>) -> Vec<Way<'a>> {
    ways.into_iter().filter(|way| way.name.contains(&options.only)).collect()
}

/// Demands that a put was saved.
fn saved(answer: Result<Answer, StateError>) {
    let answer = answer.expect("it is saved");
    assert!(answer.id().is_some() && answer.fallback.is_none(), "{answer:?}");
}

fn by_edits(step: usize) -> Put {
    let edits = state::edits(step, COMPONENTS);
    Put::new(PutKind::Recovery, What::Edits { base: None, edits })
}

/// The value of the put changes in place, so that nothing is copied for it.
fn change(put: &mut Put, step: usize) {
    let What::Value(json) = &mut put.what else { panic!("a whole value") };
    state::change_json(json, step, COMPONENTS);
}

fn begun(sessions: &Sessions, name: &str) -> (Session, Put) {
    let session = sessions.session(name).expect("a good name");
    let put = Put::recovery(state::json(COMPONENTS));
    saved(session.put(&put));
    (session, put)
}

struct Row {
    connection: Connection,
    value: Value,
}

impl Row {
    fn new(file: &Path) -> Self {
        Self { connection: sqlite::open(file), value: state::value(COMPONENTS) }
    }

    fn full(&mut self, step: usize) -> String {
        state::change_value(&mut self.value, step, COMPONENTS);
        serde_json::to_string(&self.value).expect("text")
    }
}

/// Whether a row holds the whole state or the patch that leads to it.
#[derive(Clone, Copy, PartialEq)]
enum Text {
    Full,
    Patch,
}

fn insert(row: &mut Row, text: Text, session: &str, step: usize) {
    let text = match text {
        Text::Full => row.full(step),
        Text::Patch => state::patch(step, COMPONENTS),
    };
    sqlite::insert(&row.connection, session, &text);
}

fn bare(folder: &Path) -> impl FnMut(usize) -> usize {
    use std::os::unix::fs::FileExt;
    let file = std::fs::File::create(folder.join("bare")).expect("a file");
    file.write_all_at(&[0; 4096], 0).and_then(|()| file.sync_all()).expect("a write");
    move |count| {
        for step in 0..count {
            file.write_all_at(&[step as u8; 512], 0)
                .and_then(|()| file.sync_data())
                .expect("a write");
        }
        count
    }
}

/// One thread, one session, each put durable by itself.
pub fn alone(options: &Options) {
    let folder = options.folder();
    let sessions = Sessions::at(&folder.path().join("store")).expect("a store");
    let (edited, _) = begun(&sessions, "edits");
    let (session, mut put) = begun(&sessions, "whole");
    let mut full = Row::new(&folder.path().join("full.db"));
    let mut patch = Row::new(&folder.path().join("patch.db"));
    let mut steps = [0; 4];
    let [edits_at, whole_at, full_at, patch_at] = &mut steps;
    // Runs one step after the other.
    fn go(at: &mut usize, count: usize, mut step: impl FnMut(usize)) -> usize {
        for _ in 0..count {
            *at += 1;
            step(*at);
        }
        count
    }
    let ways = vec![
        Way::new("exp, edits", |n| go(edits_at, n, |at| saved(edited.put(&by_edits(at))))),
        Way::new("exp, whole value", |n| {
            go(whole_at, n, |at| {
                change(&mut put, at);
                saved(session.put(&put));
            })
        }),
        Way::new("SQLite full", |n| go(full_at, n, |at| insert(&mut full, Text::Full, "full", at))),
        Way::new("SQLite patch", |n| {
            go(patch_at, n, |at| insert(&mut patch, Text::Patch, "patch", at))
        }),
        Way::new("bare fdatasync", bare(folder.path())),
    ];
    let rows = interleaved(wanted(options, ways), options.count(9, 1), options.count(200, 50));
    print("Durable puts, alone: one thread, one session", &rows, &["SQLite full", "SQLite patch"]);
}

/// One call for 64 sessions, one transaction with 64 rows.
pub fn grouped(options: &Options) {
    let folder = options.folder();
    let store = |name| Sessions::at(&folder.path().join(name)).expect("a store");
    let (of_edits, of_values) = (store("edits"), store("whole"));
    let names: Vec<String> = (0..GROUP).map(|n| format!("session {n}")).collect();
    let edited: Vec<Session> = names.iter().map(|name| begun(&of_edits, name).0).collect();
    let mut whole: Vec<(Session, Put)> = names.iter().map(|name| begun(&of_values, name)).collect();
    let mut full: Vec<Value> = vec![state::value(COMPONENTS); GROUP];
    let mut databases = ["full.db", "patch.db"].map(|name| sqlite::open(&folder.path().join(name)));
    let [full_rows, patch_rows] = &mut databases;
    let mut steps = [0; 4];
    let [edits_at, whole_at, full_at, patch_at] = &mut steps;
    fn go(at: &mut usize, count: usize, mut step: impl FnMut(usize)) -> usize {
        for _ in 0..count {
            *at += 1;
            step(*at);
        }
        count * GROUP
    }
    let ways = vec![
        Way::new("exp, put_all, edits", |n| {
            go(edits_at, n, |at| {
                let puts: Vec<_> =
                    edited.iter().map(|session| (session.clone(), by_edits(at))).collect();
                of_edits.put_all(&puts).into_iter().for_each(saved);
            })
        }),
        Way::new("exp, put_all, whole value", |n| {
            go(whole_at, n, |at| {
                whole.iter_mut().for_each(|(_, put)| change(put, at));
                of_values.put_all(&whole).into_iter().for_each(saved);
            })
        }),
        Way::new("SQLite full", |n| {
            go(full_at, n, |at| {
                let transaction = full_rows.transaction().expect("a transaction");
                for (value, name) in full.iter_mut().zip(&names) {
                    state::change_value(value, at, COMPONENTS);
                    let text = serde_json::to_string(value).expect("text");
                    sqlite::insert(&transaction, name, &text);
                }
                transaction.commit().expect("a commit");
            })
        }),
        Way::new("SQLite patch", |n| {
            go(patch_at, n, |at| {
                let transaction = patch_rows.transaction().expect("a transaction");
                for name in &names {
                    sqlite::insert(&transaction, name, &state::patch(at, COMPONENTS));
                }
                transaction.commit().expect("a commit");
            })
        }),
    ];
    let rows = interleaved(wanted(options, ways), options.count(9, 1), options.count(10, 2));
    let title = format!("Durable puts, grouped: {GROUP} sessions in one call or transaction");
    print(&title, &rows, &["SQLite full", "SQLite patch"]);
}

/// Many threads at once, each saving its own session.
fn at_once<T: Send>(count: usize, each: &mut [T], save: impl Fn(&mut T, usize) + Sync) -> usize {
    thread::scope(|scope| {
        for own in each.iter_mut() {
            let save = &save;
            scope.spawn(move || (0..count).for_each(|step| save(own, step)));
        }
    });
    count * each.len()
}

/// 16 threads, each with single durable puts: one session each; one connection each, or one for all.
pub fn threads(options: &Options) {
    let folder = options.folder();
    let sessions = Sessions::at(&folder.path().join("store")).expect("a store");
    let mut edited: Vec<(Session, usize)> =
        (0..THREADS).map(|n| (begun(&sessions, &format!("edits {n}")).0, 0)).collect();
    let mut whole: Vec<(Session, Put, usize)> = (0..THREADS)
        .map(|n| begun(&sessions, &format!("whole {n}")))
        .map(|(session, put)| (session, put, 0))
        .collect();
    let connections = |name: &str| -> Vec<Row> {
        (0..THREADS).map(|_| Row::new(&folder.path().join(name))).collect()
    };
    let (mut full, mut patch) = (connections("full.db"), connections("patch.db"));
    let shared = Mutex::new(Row::new(&folder.path().join("one.db")));
    let mut nothing = [(); THREADS];
    let ways = vec![
        Way::new("exp, edits", |n| {
            at_once(n, &mut edited, |(session, at), _| {
                *at += 1;
                saved(session.put(&by_edits(*at)));
            })
        }),
        Way::new("exp, whole value", |n| {
            at_once(n, &mut whole, |(session, put, at), _| {
                *at += 1;
                change(put, *at);
                saved(session.put(put));
            })
        }),
        Way::new("SQLite full", |n| {
            at_once(n, &mut full, |row, step| insert(row, Text::Full, "one of many", step))
        }),
        Way::new("SQLite patch", |n| {
            at_once(n, &mut patch, |row, step| insert(row, Text::Patch, "one of many", step))
        }),
        Way::new("SQLite patch, one connection, a lock", |n| {
            at_once(n, &mut nothing, |(), step| {
                insert(&mut shared.lock().expect("a lock"), Text::Patch, "one of many", step);
            })
        }),
    ];
    let rows = interleaved(wanted(options, ways), options.count(7, 1), options.count(40, 10));
    let title = format!("Durable puts, {THREADS} threads at once: one put each");
    print(&title, &rows, &["SQLite full", "SQLite patch"]);
}
