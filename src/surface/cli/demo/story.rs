//! The steps of the demo, each an `exp` command as anyone would give it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::project;
use crate::engine::EngineError;
use crate::run::{self, Cancel, Command, Outcome, Stdio};
use crate::surface::cli::output::{FAINT, STRONG, paint, print, print_error};
use crate::surface::cli::world::{BRANCH, VIEW};

/// The four approaches: faster and right; slower and right; does not compile; breaks tests.
const APPROACHES: [&str; 4] = [
    "hash=cp approaches/hash.rs src/lib.rs",
    "filter=cp approaches/filter.rs src/lib.rs",
    "typo=cp approaches/typo.rs src/lib.rs",
    "set=cp approaches/set.rs src/lib.rs",
];

/// Tells the story in a folder: the given one, which must be empty, or a new one. `is_found` says
/// that a shell finds the program by its name.
///
/// # Errors
/// [`EngineError::Refused`] for a folder that is not empty, and when a step ends otherwise than the
/// story says; [`EngineError::File`].
pub fn run(
    program: &Path,
    is_found: bool,
    folder: PathBuf,
    cancel: &Cancel,
) -> Result<(), EngineError> {
    let failed = |source| EngineError::File { what: "write", path: folder.clone(), source };
    project::write(&folder).map_err(|source| match source.kind() {
        std::io::ErrorKind::AlreadyExists => EngineError::Refused {
            what: format!("could not write the demo into `{}`", folder.display()),
            why: "it is not empty; name another folder, or none for a new one".to_owned(),
        },
        _ => failed(source),
    })?;
    let folder = folder.canonicalize().map_err(failed)?;
    let story = Story { program, folder: &folder, cancel };
    story.say("A small Rust project with a function worth speeding up:");
    story.shell("cargo generate-lockfile --offline --quiet; ls; cat src/lib.rs")?;
    story.say("Make it a workspace:");
    story.exp(&["init", "--yes"], 0)?;
    story.say("Try four ways to write it at once; each in its own branch, each evaluated:");
    let mut words = vec!["try"];
    words.extend(APPROACHES);
    words.extend(["--jobs", "2"]);
    story.exp(&words, 0)?;
    story.say("Choose the best and bring it in:");
    story.exp(&["select"], 0)?;
    story.exp(&["merge", "--selected"], 0)?;
    story.say("Somebody breaks it later; guard notices, and goes back:");
    story.shell("cp approaches/set.rs src/lib.rs")?;
    story.exp(&["guard"], 1)?;
    story.exp(&["status"], 0)?;
    story.exp(&["log", "--all"], 0)?;
    print(&ending(&folder, program, is_found));
    Ok(())
}

/// Where the project is, and three things to try, as they can be pasted into a shell: with the
/// program's path where a shell would not find it, or find another one.
fn ending(folder: &Path, program: &Path, is_found: bool) -> String {
    let quote = |path: &Path| {
        let text = path.display().to_string();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,@%".contains(c);
        match text.chars().all(is_plain) {
            true => text,
            false => format!("'{}'", text.replace('\'', "'\\''")),
        }
    };
    let exp = if is_found { "exp".to_owned() } else { quote(program) };
    let here = quote(folder);
    format!(
        "\n{} {}\nTry there:\n  cd {here}\n  {exp} diff @- @     # what the merge brought\n  \
         {exp} undo          # the broken version comes back; `exp redo` takes it away again\n  \
         {exp} show e1/set   # why that approach lost\n",
        paint(STRONG, "The project is in"),
        folder.display(),
    )
}

struct Story<'a> {
    program: &'a Path,
    folder: &'a Path,
    cancel: &'a Cancel,
}

impl Story<'_> {
    fn say(&self, text: &str) {
        print(&format!("\n{}\n", paint(STRONG, text)));
    }

    /// Runs an `exp` command that must end with that code.
    fn exp(&self, words: &[&str], wanted: i32) -> Result<(), EngineError> {
        let quote = |word: &&str| match word.contains(' ') {
            true => format!("'{word}'"),
            false => (*word).to_owned(),
        };
        let shown: Vec<_> = words.iter().map(quote).collect();
        let shown = format!("exp {}", shown.join(" "));
        let mut argv: Vec<OsString> = vec![self.program.into()];
        argv.extend(words.iter().map(OsString::from));
        self.run(&shown, Command::argv(argv, self.folder), wanted)
    }

    fn shell(&self, text: &str) -> Result<(), EngineError> {
        self.run(text, Command::shell(text, self.folder), 0)
    }

    fn run(&self, shown: &str, mut command: Command, wanted: i32) -> Result<(), EngineError> {
        print_error(&format!("{} {shown}\n", paint(FAINT, "$")));
        command.stdio = Stdio::Inherited;
        // It is about a workspace of its own, wherever it is told.
        for name in [VIEW, BRANCH] {
            command.environment.push((name.into(), None));
        }
        let finished = run::run(&command, self.cancel, &mut |_| {})?;
        match finished.outcome {
            Outcome::Exited(exit) if exit == wanted => Ok(()),
            Outcome::Cancelled => Err(EngineError::Interrupted),
            other => Err(EngineError::Refused {
                what: format!("`{shown}` ended otherwise than the story says"),
                why: format!("{other:?} instead of exit {wanted}"),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_can_be_pasted_into_a_shell() {
        let said = ending(Path::new("/tmp/it's here"), Path::new("/my tools/exp"), false);
        assert!(
            said.contains("  cd '/tmp/it'\\''s here'\n  '/my tools/exp' diff @- @  "),
            "{said}"
        );
        let said = ending(Path::new("/tmp/demo"), Path::new("/usr/bin/exp"), true);
        assert!(said.contains("  cd /tmp/demo\n  exp diff @- @  "), "{said}");
        assert_eq!(said.matches("\n  exp ").count(), 3);
    }
}
