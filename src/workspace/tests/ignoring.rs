//! Ignore rules beside git's own answers: generated files of rules, generated names.
//!
//! `EXP_IGNORE_FILES` sets how many files of rules are tried (300); `EXP_IGNORE_LIST` names a file with
//! the paths of ignore files to try besides, one a line.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::base::fuzz::Mutator;
use crate::workspace::ignore::{Patterns, Said};

/// Parts that patterns are made of: what globs mean, what they do not, and plain letters.
const PARTS: [&str; 40] = [
    "a",
    "b",
    "ab",
    "c",
    ".log",
    "x y",
    "/",
    "/",
    "/",
    "*",
    "*",
    "**",
    "**/",
    "/**",
    "?",
    "[ab]",
    "[!a]",
    "[^b]",
    "[a-c]",
    "[]a]",
    "[[:alpha:]]",
    "[[:digit:]x]",
    "[[:nope:]]",
    "[",
    "]",
    "{a,b}",
    "{",
    "}",
    "\\a",
    "\\*",
    "\\ ",
    "\\",
    "!",
    "#",
    " ",
    "\t",
    "é",
    "[a",
    "-",
    ".",
];

/// Names of files and folders.
const NAMES: [&str; 22] = [
    "a", "b", "ab", "abc", "c", "a.log", ".log", "x y", "*", "[", "]", "{a,b}", "!a", "#a", "a ",
    " a", "é", "-", "a\\b", "1", "\\", "a-b",
];

fn pattern(random: &mut Mutator) -> String {
    let mut text = String::new();
    if random.below(6) == 0 {
        text.push('!');
    }
    for _ in 0..=random.below(5) {
        text.push_str(PARTS[random.below(PARTS.len())]);
    }
    for _ in 0..random.below(2) {
        text.push_str(["/", " ", "\\ ", "\r"][random.below(4)]);
    }
    text
}

/// Makes a tree of such names; gives the paths with whether each is a folder.
fn tree(root: &Path, names: &[&str]) -> Vec<(String, bool)> {
    let mut paths = Vec::new();
    for (number, one) in names.iter().enumerate() {
        if number % 2 == 0 {
            fs::write(root.join(one), "").unwrap();
            paths.push(((*one).to_owned(), false));
            continue;
        }
        fs::create_dir_all(root.join(one).join("ab")).unwrap();
        paths.extend([((*one).to_owned(), true), (format!("{one}/ab"), true)]);
        for two in names {
            for path in [format!("{one}/{two}"), format!("{one}/ab/{two}")] {
                if !root.join(&path).exists() {
                    fs::write(root.join(&path), "").unwrap();
                    paths.push((path, false));
                }
            }
        }
    }
    paths
}

/// The paths that git ignores by the rules that stand in a folder.
fn by_git(root: &Path, paths: &[(String, bool)]) -> BTreeSet<String> {
    let mut command = Command::new("git");
    command.args(["check-ignore", "--no-index", "-z", "--stdin"]).current_dir(root);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let input: String = paths.iter().flat_map(|(path, _)| [path, "\0"]).collect();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// The same by ours: what stands in an ignored folder is ignored.
fn by_ours(rules: &Patterns, path: &str, is_folder: bool) -> bool {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    for end in ends {
        let says = rules.ask(&path.as_bytes()[..end], end < path.len() || is_folder);
        if says == Some(Said::Ignored) {
            return true;
        }
    }
    false
}

/// The paths on which we and git differ.
fn differences(root: &Path, content: &[u8], paths: &[(String, bool)]) -> Vec<String> {
    fs::write(root.join(".gitignore"), content).unwrap();
    let git = by_git(root, paths);
    let rules = Patterns::parse(content);
    let differs = |(path, is_folder): &&(String, bool)| {
        by_ours(&rules, path, *is_folder) != git.contains(path)
    };
    paths.iter().filter(differs).map(|(path, _)| path.clone()).collect()
}

fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let status = Command::new("git").args(["init", "-q"]).current_dir(folder.path()).status();
    assert!(status.unwrap().success());
    folder
}

#[test]
fn generated_rules_mean_what_they_mean_to_git() {
    let folder = repository();
    let paths = tree(folder.path(), &NAMES);
    let mut random = Mutator::of("ignore rules");
    let files = std::env::var("EXP_IGNORE_FILES").ok().and_then(|text| text.parse().ok());
    let (mut rules, mut ignored) = (0, 0);
    for _ in 0..files.unwrap_or(300) {
        let lines: Vec<String> = (0..=random.below(4)).map(|_| pattern(&mut random)).collect();
        rules += lines.len();
        let content = lines.join("\n");
        let differ = differences(folder.path(), content.as_bytes(), &paths);
        assert!(differ.is_empty(), "{content:?}: {differ:?}");
        let patterns = Patterns::parse(content.as_bytes());
        ignored += paths.iter().filter(|(path, is)| by_ours(&patterns, path, *is)).count();
    }
    println!("{rules} rules, {} names, {ignored} times ignored, no difference", paths.len());
    assert!(ignored > 1_000, "{ignored}");
}

/// Ignore files of real projects, with names that are made from their own patterns.
#[test]
fn rules_of_real_projects_mean_what_they_mean_to_git() {
    let listed =
        std::env::var("EXP_IGNORE_LIST").ok().map(|list| fs::read_to_string(list).unwrap());
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/.gitignore").to_owned();
    let files: Vec<String> =
        listed.iter().flat_map(|list| list.lines()).map(str::to_owned).chain([own]).collect();
    let (mut rules, mut names) = (0, 0);
    for file in &files {
        let content = fs::read(file).unwrap();
        let text = String::from_utf8_lossy(&content).into_owned();
        let folder = repository();
        let mut paths = Vec::new();
        for line in
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            rules += 1;
            let plain: String = line
                .chars()
                .filter(|c| !matches!(c, '!' | '*' | '?' | '[' | ']' | '\\' | '^'))
                .collect();
            for name in [
                plain.clone(),
                plain.replace('*', "x"),
                format!("x{plain}"),
                format!("{plain}x"),
                format!("sub/{plain}"),
                format!("{plain}/inner"),
            ] {
                let name = name.trim_matches('/').replace("//", "/");
                let is_odd =
                    |part: &str| matches!(part, "" | "." | ".." | ".git") || part.len() > 200;
                if name.is_empty() || name.starts_with(".gitignore") || name.split('/').any(is_odd)
                {
                    continue;
                }
                let place = folder.path().join(&name);
                let Some(parent) = place.parent() else { continue };
                if fs::create_dir_all(parent).is_ok()
                    && !place.exists()
                    && fs::write(&place, "").is_ok()
                {
                    paths.push((name, false));
                }
            }
        }
        for path in paths.clone() {
            for (at, _) in path.0.match_indices('/') {
                paths.push((path.0[..at].to_owned(), true));
            }
        }
        paths.retain(|(path, is_folder)| folder.path().join(path).is_dir() == *is_folder);
        paths.sort();
        paths.dedup();
        names += paths.len();
        let differ = differences(folder.path(), &content, &paths);
        assert!(differ.is_empty(), "{file}: {differ:?}");
    }
    println!("{} files, {rules} rules, {names} names, no difference", files.len());
}
