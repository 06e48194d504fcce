//! A pack whose index is damaged: nobody can say what it holds. The verbs go on without it where they
//! can, and store anew what it may hold.

use std::fs;
use std::path::{Path, PathBuf};

use super::common::Bench;

/// Where a pack is damaged.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// A page of its index.
    Page,
    /// The table of its blocks.
    Table,
}

fn packs(bench: &Bench) -> Vec<PathBuf> {
    let files = fs::read_dir(bench.root().join(".exp/packs")).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

fn bytes(bench: &Bench) -> u64 {
    packs(bench).iter().map(|pack| fs::metadata(pack).unwrap().len()).sum()
}

fn flip(pack: &Path, part: Part) {
    let mut bytes = fs::read(pack).unwrap();
    let footer = bytes.len() - 104;
    let number = |at: usize| u64::from_le_bytes(*bytes[footer + at..].first_chunk().unwrap());
    let at = match part {
        Part::Page => number(16) + 20,
        Part::Table => number(8) + 3,
    };
    bytes[at as usize] ^= 1;
    fs::write(pack, bytes).unwrap();
}

/// Damages the oldest pack but so many, and goes on working.
pub fn check(newer: usize, part: Part) {
    let bench = Bench::project();
    bench.write("sub/stays.txt", "as it ever was\n");
    let mut made = packs(&bench);
    for value in 2..6 {
        bench.write("value.txt", &format!("{value}\n"));
        bench.ok(&["snapshot", "-m", "more"]);
        made.extend(
            packs(&bench).into_iter().filter(|pack| !made.contains(pack)).collect::<Vec<_>>(),
        );
    }
    let newest = bench.json(&["log", "-n", "1"])["entries"][0]["id"].as_str().unwrap().to_owned();
    let harmed = &made[newer];
    flip(harmed, part);
    let name = harmed.file_name().unwrap().to_str().unwrap();
    let about = format!("{part:?} of {name}, {newer} of {}", made.len());

    // What is written does not need it, and is whole: all that it may hold is stored again.
    bench.ok(&["status"]);
    if newer == 0 {
        bench.ok(&["log", "-n", "2"]);
    }
    bench.write("value.txt", "new\n");
    let id = bench.json(&["snapshot", "-m", "new"])["snapshot"].as_str().unwrap().to_owned();
    bench.ok(&["branch", "kept"]);
    bench.ok(&["tag", "too"]);
    bench.ok(&["hook", "post"]);
    let files = ["exp.toml", "build.sh", "test.sh", "tests.txt", "value.txt", "sub/stays.txt"];
    let before = files.map(|file| bench.read(file));
    bench.ok(&["show", &id]);
    for file in files {
        fs::remove_file(bench.root().join(file)).unwrap();
    }
    bench.ok(&["rollback", "--to", &id]);
    assert_eq!(files.map(|file| bench.read(file)), before, "{about}");
    // Once, and not with each snapshot.
    let mut sizes = Vec::new();
    for value in 10..14 {
        bench.write("value.txt", &format!("{value}\n"));
        bench.ok(&["snapshot"]);
        sizes.push(bytes(&bench));
    }
    let growth: Vec<_> = sizes.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    assert!(growth.iter().all(|more| *more < 4096), "{about}: {growth:?}");

    // What does need it says so, and fsck names it and no other.
    for arguments in [&["log"][..], &["show", &newest], &["fsck"]] {
        let output = bench.run(arguments);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        match output.status.code() {
            Some(0) => assert_ne!(arguments, ["fsck"], "{about}"),
            Some(6) => assert!(said.contains(name), "{about}: {arguments:?}: {said}"),
            code => panic!("{about}: {arguments:?} ends with {code:?}: {said}"),
        }
        let is_other = |pack: &PathBuf| pack != harmed && said.contains(pack.to_str().unwrap());
        assert!(!packs(&bench).iter().any(is_other), "{about}: {said}");
    }
}
