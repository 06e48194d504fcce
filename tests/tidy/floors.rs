//! The law of floors: a file imports only from lower floors or its own room.

use super::law::{Violation, violation};
use super::scan::{Source, close_of, skip_space, word_at};

/// Every room and its floor (design.md §12).
pub const FLOORS: [(&str, u8); 12] = [
    ("base", 0),
    ("object", 1),
    ("store", 2),
    ("graph", 2),
    ("merge", 2),
    ("document", 2),
    ("workspace", 2),
    ("run", 2),
    ("policy", 3),
    ("session", 3),
    ("engine", 4),
    ("surface", 5),
];

/// The floor of people and programs.
pub const SURFACE: u8 = 5;

/// The floor of a room.
pub fn floor_of(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

/// The floor of a file; `lib.rs` and `main.rs` stand above all.
pub fn floor(source: &Source) -> Option<u8> {
    match source.room() {
        Some(room) => floor_of(room),
        None => Some(SURFACE + 1),
    }
}

/// Whether the laws for what is below the surface hold for a file.
pub fn is_below_surface(source: &Source) -> bool {
    source.path.starts_with("src/") && floor(source).is_some_and(|floor| floor < SURFACE)
}

/// A path that leads into another room leads down.
pub fn floors(source: &Source) -> Vec<Violation> {
    let Some(room) = source.room() else { return Vec::new() };
    let Some(own) = floor_of(room) else {
        return vec![violation(source, 0, format!("the room `{room}` has no floor"))];
    };
    let mut found = Vec::new();
    for (at, other) in roads(source) {
        let fault = match floor_of(&other) {
            _ if other == room => continue,
            Some(floor) if floor < own => continue,
            Some(floor) => format!("`{room}` ({own}) must not see `{other}` ({floor})"),
            None => format!("`crate::{other}` is no room"),
        };
        found.push(violation(source, at, fault));
    }
    found
}

/// Each place that names a room, and which.
fn roads(source: &Source) -> Vec<(usize, String)> {
    let code = &source.code;
    let mut roads = Vec::new();
    for at in source.find("crate::").into_iter().filter(|at| !code[..*at].ends_with("::")) {
        roads.extend(heads(code, at + "crate::".len()).into_iter().map(|head| (at, head)));
    }
    for at in source.find("super::") {
        if code[..at].ends_with("super::") {
            continue;
        }
        let mut next = at;
        let mut climbs = 0;
        while code[next..].starts_with("super::") {
            next += "super::".len();
            climbs += 1;
        }
        if climbs == depth(source, at) {
            roads.extend(heads(code, next).into_iter().map(|head| (at, head)));
        }
    }
    roads
}

/// How many modules lie between the crate and a position.
fn depth(source: &Source, at: usize) -> usize {
    let inside = source.path.trim_start_matches("src/").trim_end_matches(".rs");
    let files = inside.split('/').filter(|part| *part != "mod").count();
    let inline = source.find("mod").into_iter().filter(|start| {
        let name = skip_space(&source.code, start + "mod".len());
        let open = skip_space(&source.code, name + word_at(&source.code, name).len());
        let is_inline = source.code[open..].starts_with('{');
        is_inline && close_of(&source.code, open).is_some_and(|end| (open..end).contains(&at))
    });
    files + inline.count()
}

/// The first words of what follows a path: one, or those of a group in braces.
fn heads(code: &str, at: usize) -> Vec<String> {
    let at = skip_space(code, at);
    if !code[at..].starts_with('{') {
        let word = word_at(code, at);
        return if word.is_empty() { Vec::new() } else { vec![word.to_owned()] };
    }
    let end = close_of(code, at).unwrap_or(code.len());
    let (mut heads, mut depth, mut begins) = (Vec::new(), 0, true);
    let mut here = at + 1;
    while here + 1 < end {
        match code.as_bytes()[here] {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b',' if depth == 0 => begins = true,
            byte if begins && !byte.is_ascii_whitespace() => {
                heads.push(word_at(code, here).to_owned());
                begins = false;
            }
            _ => {}
        }
        here += 1;
    }
    heads
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::check;

    #[test]
    fn up_and_sideways_is_caught() {
        for bad in [
            "use crate::engine::verb;",
            "use crate::store::Packs;",
            "use crate::{base::id, store::{a, b}};",
            "fn a() { crate::surface::show() }",
            "use super::super::run::Process;",
            "mod tests { use super::super::super::engine; }",
            "use crate::utilities::x;",
        ] {
            check(floors, "src/graph/walk.rs", bad, 1);
        }
        check(floors, "src/helpers/x.rs", "", 1);
        check(floors, "src/base/id.rs", "use crate::object::tree;", 1);
        check(floors, "src/policy/mod.rs", "use super::session;", 1);
    }

    #[test]
    fn down_and_within_is_allowed() {
        for good in [
            "use crate::base::id::{Hash, Kind};",
            "use crate::{base, object::tree::{entry, diff}, graph};",
            "use super::super::base::id;",
            "use super::store;",
            "mod tests { use super::super::run; }",
            "pub(crate) fn store() {} // crate::store::x",
            "let text = \"crate::engine::x\";",
        ] {
            check(floors, "src/graph/walk.rs", good, 0);
        }
        check(floors, "src/main.rs", "use crate::surface::cli;", 0);
        check(floors, "src/engine/verb/merge.rs", "use crate::policy::rank; use super::eval;", 0);
    }
}
