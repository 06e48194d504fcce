//! Pages that people and other programs read: patches that git takes, and what a page says next.

#![allow(clippy::unwrap_used, reason = "what is not as it must be ends the test")]

mod common;

use std::process::{Command, Stdio};

use common::Bench;
use common::state::{array, files};

/// A patch of every sort of change, taken by `git apply`, makes the same files.
#[test]
fn git_applies_what_diff_prints() {
    let bench = Bench::project();
    bench.write("gone.txt", "gone\n");
    bench.write("tool", "#!/bin/sh\n");
    bench.write("lines.txt", &(0..40).map(|n| format!("{n}\n")).collect::<String>());
    bench.ok(&["snapshot"]);
    bench.ok(&["branch", "idea"]);
    let change = "rm gone.txt; chmod +x tool; sed -i '3d; 30s/$/x/' lines.txt; mkdir n; \
                  printf 'no end' > n/new; : > empty; ln -s tool link; echo y > run; chmod +x run";
    bench.ok(&["exec", "idea", "--", "sh", "-c", change]);
    let patch = bench.outside("patch");
    std::fs::write(&patch, bench.ok(&["diff", "main", "idea"])).unwrap();
    let mut git = Command::new("git");
    git.args(["apply", "--whitespace=nowarn"]).arg(&patch).current_dir(bench.root());
    let output = git.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{output:?}\n{}", std::fs::read_to_string(&patch).unwrap());
    let applied = files(&bench.root());
    bench.ok(&["rollback", "--to", "idea"]);
    assert_eq!(files(&bench.root()), applied);
}

/// A conflict is said once, with its file, and what to do about it.
#[test]
fn a_conflict_says_what_is_next() {
    let bench = Bench::project();
    bench.ok(&["branch", "idea"]);
    bench.ok(&["exec", "idea", "--", "sh", "-c", "echo 5 > value.txt"]);
    bench.write("value.txt", "6\n");
    bench.ok(&["snapshot"]);
    let page = bench.exits(3, &["merge", "idea"]);
    assert!(page.starts_with("1 conflict between idea and main; nothing was changed:"), "{page}");
    assert!(page.contains("value.txt: both changed the same lines (1 place)"), "{page}");
    assert!(page.contains("exp exec NAME") && !page.contains("passed over"), "{page}");
    assert_eq!(array(&bench.json_exits(3, &["merge", "idea"])["passed_over"]).len(), 0);
}

/// Numbers and words agree, and lists are aligned.
#[test]
fn pages_are_well_formed() {
    let bench = Bench::project();
    assert_eq!(bench.ok(&["tag"]), "No tags. `exp tag NAME` puts one.\n");
    assert!(bench.ok(&["switch", "main"]).contains("already"));
    assert!(bench.ok(&["deinit"]).contains("1 snapshot, 1 branch, 0 experiments"));
    bench.ok(&["tag", "a"]);
    bench.ok(&["tag", "longer"]);
    bench.ok(&["branch", "a-long-name"]);
    for page in [bench.ok(&["tag"]), bench.ok(&["branch"])] {
        let head = bench.ok(&["--json", "log"]);
        let id = &serde_json::from_str::<serde_json::Value>(&head).unwrap()["entries"][0]["id"];
        let id = &id.as_str().unwrap()[..12];
        let columns: Vec<_> = page.lines().map(|line| line.find(id).unwrap()).collect();
        assert!(columns.iter().all(|column| *column == columns[0]), "{page}");
        assert!(page.lines().all(|line| line.trim_end() == line), "{page:?}");
    }
    for verb in [&["log", "--all"] as &[&str], &["op", "log"], &["status"], &["stats"], &["fsck"]] {
        let page = bench.ok(verb);
        assert!(
            page.ends_with('\n') && !page.contains("(s)") && !page.contains("1 packs"),
            "{page}"
        );
    }
}

/// Much is shown and asked about before any of it is read; without a terminal the answer is no.
#[test]
fn much_is_asked_about_before_it_is_captured() {
    let bench = Bench::empty();
    bench.write("data/small.txt", "x");
    let large = std::fs::File::create(bench.root().join("data/large.bin")).unwrap();
    large.set_len(3 << 30).unwrap();
    let said = bench.complains(2, &["init"]);
    assert!(said.contains("3.0 GiB") && said.contains(".expignore"), "{said}");
    assert!(!bench.exists(".exp") && !bench.exists("exp.toml"), "nothing was made");
    let plan = bench.ok(&["init", "--dry-run"]);
    assert!(plan.contains("Would capture 2 files, 3.0 GiB") && plan.contains("data"), "{plan}");
}

/// The page of an experiment: what a person sees first, and nothing of a name or command as markup.
#[test]
fn the_page_of_an_experiment_shows_every_figure_and_no_markup_of_others() {
    let bench = Bench::project();
    let broken = "broken=rm value.txt; : '<script>alert(1)</script>'";
    bench.ok(&["try", "best=echo 1234567 > value.txt", "below=echo -5 > value.txt", broken]);
    let file = bench.outside("page.html");
    bench.ok(&["experiment", "show", "--html", file.to_str().unwrap()]);
    let page = std::fs::read_to_string(file).unwrap();
    assert!(!page.contains("<script") && !page.contains("http:") && !page.contains("https:"));
    assert!(page.contains("&lt;script&gt;alert(1)") && page.contains("prefers-color-scheme: dark"));
    // Numbers as people read them, with unit and change; a test that did not run is no 0 of 0.
    assert!(page.contains("1\u{202f}234\u{202f}567 points") && !page.contains("1234567.0000"));
    assert!(page.contains("\u{2212}5 points") && page.contains("0/4") && !page.contains(">0/0<"));
    assert!(page.contains("1 file<div class=\"faint\">"), "how many files and bytes changed");
    assert!(page.contains("<code>build</code> failed with exit code 1"), "why it lost");
    // The drawing: zero and base are marked, what was not measured is named.
    assert!(page.contains("class=\"axis\"") && page.contains(">base 10 points</text>"));
    assert!(page.contains("Not measured: broken"));
    assert_eq!(page.matches("<rect").count(), 2);
    assert!(!page.contains("width=\"-") && !page.contains("NaN") && !page.contains("inf\""));
}

#[test]
fn the_page_of_an_experiment_without_metrics_has_no_empty_drawing() {
    let bench = Bench::empty();
    bench.write("exp.toml", "[[stage]]\nname = \"gate\"\nkind = \"gate\"\nrun = \"true\"\n");
    bench.ok(&["init"]);
    bench.ok(&["try", "a=touch a"]);
    let file = bench.outside("page.html");
    bench.ok(&["experiment", "show", "--html", file.to_str().unwrap()]);
    let page = std::fs::read_to_string(file).unwrap();
    assert_eq!(page.matches("<svg").count(), 1, "the graph alone");
    assert!(!page.contains("<rect"));
}

/// A measured number reads the same wherever it stands.
#[test]
fn numbers_have_four_digits_on_every_page() {
    let bench = Bench::project();
    bench.write("value.txt", "32.865067999999994\n");
    for page in [bench.ok(&["eval"]), bench.ok(&["show"])] {
        assert!(page.contains(" 32.87 points\n") && !page.contains("32.865"), "{page}");
    }
}

/// A test that fails is named once, with the most that is known of it.
#[test]
fn a_failing_test_is_listed_once() {
    let bench = Bench::project();
    bench.write("tests.txt", "ok a\nbad old\nok c\nok d\n");
    bench.ok(&["eval"]);
    bench.write("tests.txt", "bad a\nbad old\nok c\nok d\n");
    for verb in ["guard", "eval"] {
        // Whatever the answer is, the page says why.
        let output = bench.command(&[verb]).output().unwrap();
        let page = String::from_utf8(output.stdout).unwrap();
        assert!(page.contains("newly failing: tests/all.rs::a\n"), "{page}");
        assert_eq!(page.matches("tests/all.rs::a\n").count(), 1, "{page}");
        assert_eq!(page.matches("failed tests/all.rs::old\n").count(), 1, "{page}");
    }
}

/// The largest folders are listed, and nothing that is captured besides them goes unsaid.
#[test]
fn init_says_how_much_its_list_leaves_out() {
    let bench = Bench::empty();
    for folder in ["a", "b", "c", "d", "e", "f", "g"] {
        bench.write(&format!("{folder}/one.txt"), "1\n");
        bench.write(&format!("{folder}/two.txt"), "2\n");
    }
    bench.write("top.txt", "3\n");
    let page = bench.ok(&["init", "--dry-run"]);
    let is_listed = |line: &&str| line.ends_with(" B") && line.contains(" 2 files ");
    let listed = page.lines().filter(is_listed).count();
    assert!(page.contains("Would capture 15 files, 30 B:"), "{page}");
    assert!(page.contains(&format!("… and {} more files, ", 15 - 2 * listed)), "{page}");
}

/// A script is a message of many columns; the list stays a list, and `show` has all of it.
#[test]
fn long_messages_are_cut_in_the_log_alone() {
    let bench = Bench::project();
    bench.ok(&["branch", "idea"]);
    let script = format!("echo 5 > value.txt; : {} the-end", "word ".repeat(60));
    bench.ok(&["exec", "idea", "--", "sh", "-c", &script]);
    bench.ok(&["snapshot", "-m", "short"]);
    let page = bench.ok(&["log", "--all"]);
    let longest = page.lines().max_by_key(|line| line.chars().count()).unwrap();
    assert_eq!(longest.chars().count(), 100, "{page}");
    assert!(longest.contains("echo 5 > value.txt; : word") && longest.ends_with('…'), "{page}");
    assert!(bench.ok(&["show", "idea"]).contains("the-end"));
}
