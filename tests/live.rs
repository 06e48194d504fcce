//! What a race shows while it runs: lines redrawn in place on a terminal, one line for each event
//! elsewhere.
#![allow(clippy::unwrap_used, reason = "a helper of tests is a test")]

mod common;
#[path = "bundles/made.rs"]
mod made;
#[path = "live/others.rs"]
mod others;

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use common::{Bench, text};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// A new terminal of that many columns and rows: our side, and that of a command.
fn terminal(ws_col: u16, ws_row: u16) -> (OwnedFd, File) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    tcsetwinsize(&ours, Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    (ours, theirs)
}

/// Runs a command whose standard error is a terminal, until it ends; gives what came there.
fn on_terminal(command: &mut Command, size: (u16, u16), term: &str) -> (String, Option<i32>) {
    let (ours, theirs) = terminal(size.0, size.1);
    let mut child = command.env("TERM", term).stdout(Stdio::null()).stderr(theirs).spawn().unwrap();
    // The command holds the only other copy, so that reading ends with it.
    command.stderr(Stdio::null());
    let (mut all, mut ours) = (Vec::new(), File::from(ours));
    let mut piece = [0; 4096];
    while let Ok(count @ 1..) = ours.read(&mut piece) {
        all.extend_from_slice(&piece[..count]);
    }
    (text(&all), child.wait().unwrap().code())
}

/// What stands on a terminal that is wide enough for all that was sent, line by line.
fn screen(sent: &str) -> Vec<String> {
    let (mut lines, mut row, mut column) = (vec![Vec::new()], 0_usize, 0_usize);
    let mut rest = sent;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        match letter {
            '\n' => row += 1,
            '\r' => column = 0,
            '\u{1b}' => {
                let end = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap();
                match &rest[end..=end] {
                    "A" => row -= rest[1..end].parse::<usize>().unwrap(),
                    "K" => lines[row].truncate(column),
                    "J" => {
                        lines.truncate(row + 1);
                        lines[row].truncate(column);
                    }
                    _ => {}
                }
                rest = &rest[end + 1..];
            }
            letter => {
                let line: &mut Vec<char> = &mut lines[row];
                line.resize(line.len().max(column + 1), ' ');
                line[column] = letter;
                column += 1;
            }
        }
        lines.resize(lines.len().max(row + 1), Vec::new());
    }
    lines.into_iter().map(|line| line.into_iter().collect()).collect()
}

#[test]
fn on_a_terminal_what_runs_is_redrawn_and_what_ended_stays() {
    let bench = Bench::project();
    let mut command = bench.command(&["try", "five=echo 5 > value.txt", "bad=exit 3"]);
    let (sent, code) = on_terminal(&mut command, (60, 10), "xterm");
    assert_eq!(code, Some(0));
    let lines = screen(&sent);
    let lines: Vec<&str> = lines.iter().map(|line| line.as_str()).collect();
    assert_eq!(lines[0], "base  good: every stage passed");
    assert_eq!(lines[1], "experiment e1: 2 approaches");
    let of = |name: &str| lines.iter().filter(|line| line.starts_with(name)).count();
    assert_eq!(
        (of("e1/five  good  · done, 1 changed file"), of("e1/bad   exit 3, 0 changed")),
        (1, 1)
    );
    assert_eq!((lines.len(), lines[4]), (5, ""), "the live lines are gone: {lines:#?}");
    assert!(sent.contains("e1/bad") && sent.contains("waiting") && sent.contains("\u{1b}[J"));
    assert!(!sent.contains("\u{1b}[?25l"), "the cursor is never hidden, so it need not come back");
}

#[test]
fn on_a_narrow_and_low_terminal_nothing_wraps() {
    let bench = Bench::project();
    let go = bench.outside("go");
    let wait = format!("until test -e {}; do sleep 0.02; done", go.display());
    let names: Vec<String> = (0..20).map(|at| format!("überaus-langer-name-{at}={wait}")).collect();
    let mut all = vec!["try", "--jobs", "20", "--no-eval"];
    all.extend(names.iter().map(String::as_str));
    let (ours, theirs) = terminal(24, 4);
    let mut command = bench.command(&all);
    let mut child =
        command.env("TERM", "xterm").stdout(Stdio::null()).stderr(theirs).spawn().unwrap();
    command.stderr(Stdio::null());
    let (mut sent, mut ours) = (String::new(), File::from(ours));
    let mut piece = [0; 4096];
    // Until all of them are seen to run.
    while !sent.contains("… 18 more at work") {
        let count = ours.read(&mut piece).unwrap();
        sent.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
    let lines = screen(&sent);
    let fits = |line: &String| line.chars().count() < 24;
    assert!(lines[1..].iter().all(fits), "{lines:#?}");
    assert!(lines.len() <= 5, "the opening line, three lines and the cursor: {lines:#?}");
    assert!(lines[1].ends_with('…'), "{lines:#?}");
    std::fs::write(go, "").unwrap();
    while ours.read(&mut piece).is_ok_and(|count| count > 0) {}
    assert!(child.wait().unwrap().success());
}

#[test]
fn tests_are_counted_while_they_run() {
    let bench = Bench::project();
    let go = bench.outside("go");
    let wait =
        format!("echo \"test $name ... ok\"; until test -e {}; do sleep 0.02; done", go.display());
    let test = bench.read("test.sh").replace("echo \"test $name ... ok\"", &wait);
    bench.write("test.sh", &test);
    let (ours, theirs) = terminal(80, 10);
    let mut command = bench.command(&["try", "a=true"]);
    let child = command.env("TERM", "xterm").stdout(Stdio::null()).stderr(theirs).spawn();
    command.stderr(Stdio::null());
    let (mut sent, mut ours) = (String::new(), File::from(ours));
    let mut piece = [0; 4096];
    while !sent.contains("test 1/4") {
        let count = ours.read(&mut piece).unwrap();
        sent.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
    std::fs::write(go, "").unwrap();
    while ours.read(&mut piece).is_ok_and(|count| count > 0) {}
    assert!(child.unwrap().wait().unwrap().success());
}

#[test]
fn elsewhere_each_event_is_a_line() {
    let bench = Bench::project();
    let race = ["try", "five=echo 5 > value.txt"];
    let piped = text(&bench.run(&race).stderr);
    assert!(
        piped.contains("e1/five running\n") && piped.contains("e1/five test: passed"),
        "{piped}"
    );
    assert!(!piped.contains('\u{1b}'), "{piped:?}");
    let (sent, _) = on_terminal(&mut bench.command(&race), (80, 24), "dumb");
    assert!(sent.contains("e2/five running\r\n") && !sent.contains("\u{1b}[J"), "{sent:?}");
    let mut quiet = bench.command(&["--json", "try", "five=echo 5 > value.txt"]);
    assert_eq!(on_terminal(&mut quiet, (80, 24), "xterm").0, "");
    let mut plain = bench.command(&race);
    let (sent, _) = on_terminal(plain.env("NO_COLOR", "1"), (80, 24), "xterm");
    assert!(
        sent.contains("\u{1b}[J") && !sent.contains("\u{1b}[3"),
        "live, without colour: {sent:?}"
    );
}
