//! The laws of shape: lengths, module documentation, what a `mod.rs` holds, and that every room
//! and every verb is where a reader looks for it.

use super::law::{Violation, violation};
use super::scan::{Source, close_of, item_end, skip_space};

/// Lines in a file at most.
pub const FILE_LINES_MAX: usize = 500;

/// Lines in a function at most.
pub const FUNCTION_LINES_MAX: usize = 70;

/// Files and functions (`path` or `path name`) that may be longer, each with the reason.
const LONGER: [(&str, &str); 0] = [];

/// The folder with one file for each verb of the engine.
pub const VERBS: &str = "src/engine/verb/";

/// Where the command line lies.
pub const CLI: &str = "src/surface/cli";

fn may_be_longer(name: &str) -> bool {
    LONGER.iter().any(|(listed, _)| *listed == name)
}

/// A file is short enough to be read at once.
pub fn file_length(source: &Source) -> Vec<Violation> {
    let lines = source.text.lines().count();
    if lines <= FILE_LINES_MAX || may_be_longer(&source.path) {
        return Vec::new();
    }
    vec![violation(source, 0, format!("{lines} lines; at most {FILE_LINES_MAX}"))]
}

/// A function fits a screen.
pub fn function_length(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    for (name, line, lines) in source.functions() {
        if lines > FUNCTION_LINES_MAX && !may_be_longer(&format!("{} {name}", source.path)) {
            let fault = format!("`{name}` has {lines} lines; at most {FUNCTION_LINES_MAX}");
            found.push(Violation { path: source.path.clone(), line, fault });
        }
    }
    found
}

/// Every file opens with what it is for.
pub fn module_doc(source: &Source) -> Vec<Violation> {
    let mut lines = source.text.lines().map(str::trim);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with("#!["));
    if first.is_some_and(|line| line.starts_with("//!") && line.len() > 4) {
        return Vec::new();
    }
    vec![violation(source, 0, "the file does not open with `//!` and what it is for")]
}

/// A `mod.rs` holds documentation, modules and exports, nothing else. That of a folder of tests may
/// hold what the tests share.
pub fn mod_files(source: &Source) -> Vec<Violation> {
    if !source.path.ends_with("/mod.rs") || source.is_all_tests() {
        return Vec::new();
    }
    let code = &source.code;
    let mut at = skip_space(code, 0);
    while at < code.len() {
        while code[at..].starts_with("#[") || code[at..].starts_with("#![") {
            let open = at + code[at..].find('[').unwrap_or(0);
            at = skip_space(code, close_of(code, open).unwrap_or(code.len()));
        }
        let end = item_end(code, at).unwrap_or(code.len());
        if !is_mod_or_use(&code[at..end]) {
            return vec![violation(source, at, "a `mod.rs` holds only docs, `mod` and `use`")];
        }
        at = skip_space(code, end);
    }
    Vec::new()
}

fn is_mod_or_use(item: &str) -> bool {
    let mut item = item.trim_start();
    if let Some(rest) = item.strip_prefix("pub") {
        let rest = rest.trim_start();
        item = match rest.split_once(')') {
            Some((_, after)) if rest.starts_with('(') => after.trim_start(),
            _ => rest,
        };
    }
    item.ends_with(';') && (item.starts_with("mod ") || item.starts_with("use "))
}

/// Every room is named in the guide as `` `room/` ``.
pub fn rooms_in_guide<'a>(rooms: impl Iterator<Item = &'a str>, guide: &str) -> Vec<Violation> {
    let named = |room: &str| {
        let ends = format!("{room}/");
        super::scan::find(guide, &ends).into_iter().any(|at| {
            let before = guide[..at].chars().next_back();
            before.is_none_or(|c| !c.is_alphanumeric() && c != '/') || guide[..at].ends_with("src/")
        })
    };
    let missing = rooms.filter(|room| !named(room)).map(|room| Violation {
        path: "ARCHITECTURE.md".to_owned(),
        line: 1,
        fault: format!("the room `{room}/` is not named"),
    });
    missing.collect()
}

/// Every verb of the engine is named by the command line and by a test outside `src/`.
pub fn verbs_everywhere(sources: &[Source]) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in sources {
        let Some(verb) = verb_of(source) else { continue };
        let in_cli = |s: &&Source| s.path.starts_with(CLI) && !s.find(verb).is_empty();
        let in_tests = |s: &&Source| {
            s.path.starts_with("tests/") && !s.path.starts_with("tests/tidy") && says(&s.text, verb)
        };
        if !sources.iter().any(|s| in_cli(&s)) {
            found.push(violation(source, 0, format!("no command in {CLI} names `{verb}`")));
        }
        if !sources.iter().any(|s| in_tests(&s)) {
            found.push(violation(source, 0, format!("no test in tests/ says `{verb}`")));
        }
    }
    found
}

fn verb_of(source: &Source) -> Option<&str> {
    let inside = source.path.strip_prefix(VERBS)?;
    let verb = inside.split('/').next()?.trim_end_matches(".rs");
    let is_first = !inside.contains('/') || inside.ends_with("/mod.rs");
    (is_first && verb != "mod" && !source.is_all_tests()).then_some(verb)
}

/// Whether a test says a verb: as a word, with dashes, or as words of a command line.
fn says(text: &str, verb: &str) -> bool {
    let forms = [
        verb.to_owned(),
        verb.replace('_', "-"),
        verb.replace('_', " "),
        verb.replace('_', "\", \""),
    ];
    forms.iter().any(|form| !super::scan::find(text, form).is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::check;

    #[test]
    fn long_files_and_functions_are_caught() {
        check(file_length, "src/base/x.rs", &"\n".repeat(501), 1);
        check(file_length, "src/base/x.rs", &"\n".repeat(500), 0);
        let function = |lines: usize| format!("fn a() {{\n{}}}\n", "b();\n".repeat(lines - 2));
        check(function_length, "src/base/x.rs", &function(71), 1);
        check(function_length, "src/base/x.rs", &function(70).repeat(2), 0);
        check(function_length, "src/base/x.rs", &format!("impl A {{ {} }}", function(99)), 1);
    }

    #[test]
    fn a_file_says_what_it_is_for() {
        for bad in ["", "use a;", "// note\n", "//!\nuse a;", "/// item\nfn a() {}"] {
            check(module_doc, "src/base/x.rs", bad, 1);
        }
        check(module_doc, "src/base/x.rs", "//! Says it.\n", 0);
        check(module_doc, "src/base/x.rs", "#![allow(unsafe_code)]\n\n//! Says it.\n", 0);
    }

    #[test]
    fn a_mod_file_holds_nothing_of_its_own() {
        for bad in ["fn a() {}", "mod a { }", "mod a; const B: u8 = 1;", "pub struct A;", "mod a"] {
            check(mod_files, "src/base/mod.rs", bad, 1);
            check(mod_files, "src/base/x.rs", bad, 0);
        }
        let good = "//! Doc.\n#![allow(x)]\n/// Doc.\npub mod a;\npub(crate) mod b;\nmod c;\n\
                    #[cfg(test)]\nmod tests;\npub use a::{B, C};\npub(super) use c::D;\nuse e;\n";
        check(mod_files, "src/base/mod.rs", good, 0);
        let tests = Source::new("src/base/tests/mod.rs", "fn shared() {}");
        assert_eq!(mod_files(&tests.all_tests()), []);
    }

    #[test]
    fn every_room_is_in_the_guide() {
        let guide = "The rooms `base/` and src/object/, and run/process.rs. The grapes/ are not.";
        let missing = |room| rooms_in_guide([room].into_iter(), guide).len();
        assert_eq!(["base", "object", "run"].map(missing), [0, 0, 0]);
        assert_eq!(["store", "apes", "process"].map(missing), [1, 1, 1]);
    }

    #[test]
    fn every_verb_is_everywhere() {
        let verb = || Source::new("src/engine/verb/op_log.rs", "//! It.");
        let cli = || Source::new("src/surface/cli/map.rs", "engine.op_log();");
        let test = || Source::new("tests/cli.rs", "exp([\"op\", \"log\"]);");
        assert_eq!(verbs_everywhere(&[verb(), cli(), test()]), []);
        assert_eq!(verbs_everywhere(&[verb(), cli()]).len(), 1);
        assert_eq!(verbs_everywhere(&[verb(), test()]).len(), 1);
        let elsewhere = Source::new("tests/tidy/x.rs", "op_log");
        let comment = Source::new("src/surface/cli/map.rs", "// op_log");
        assert_eq!(verbs_everywhere(&[verb(), comment, elsewhere]).len(), 2);
        let room = Source::new("src/engine/verb/mod.rs", "mod op_log;");
        let tests = Source::new("src/engine/verb/merge/tests.rs", "");
        assert_eq!(verbs_everywhere(&[room, tests]), []);
    }
}
