//! A workspace in a temporary folder and the `exp` command in a hermetic environment: its own
//! home, state folder and session; no variables of the machine but `PATH`.
#![allow(dead_code, reason = "each test program uses its own part")]

pub mod state;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A project whose evaluation needs no compiler: `build.sh` is the gate, `test.sh` prints test
/// results as cargo does, `value.txt` is the metric.
pub const CONFIG: &str = r#"
[[stage]]
name = "build"
kind = "gate"
run = "sh build.sh"
timeout = "20s"

[[stage]]
name = "test"
kind = "test"
run = "sh test.sh"
report = "cargo"
timeout = "20s"

[[stage]]
name = "value"
kind = "metric"
run = "cat value.txt"
report = "number"
unit = "points"
better = "lower"
"#;

const BUILD: &str = "test -f value.txt\n";

/// Passes one test for each line `ok NAME` of `tests.txt`, fails one for each `bad NAME`.
const TEST: &str = r#"
passed=0 failed=0
total=$(grep -c . tests.txt)
echo "     Running tests/all.rs (target/debug/deps/all-0123456789abcdef)"
echo
echo "running $total tests"
while read -r word name; do
  if [ "$word" = ok ]; then passed=$((passed+1)); echo "test $name ... ok"
  else failed=$((failed+1)); echo "test $name ... FAILED"; fi
done < tests.txt
echo
if [ $failed -eq 0 ]; then word=ok; else word=FAILED; fi
echo "test result: $word. $passed passed; $failed failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s"
[ $failed -eq 0 ]
"#;

/// Takes the machine's variables from a command, but `PATH`, and where a program that was built to
/// count its lines (`.ci/coverage`) writes the counts: else it leaves a file in the workspace.
pub fn bare(command: &mut Command) {
    command.env_clear();
    for name in ["PATH", "LLVM_PROFILE_FILE"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
}

/// Where a workspace and all around it lies: ours, or somebody else's.
enum Home {
    Own(tempfile::TempDir),
    Lent(PathBuf),
}

/// A workspace with everything around it.
pub struct Bench {
    home: Home,
    pub session: String,
}

impl Bench {
    /// An empty folder that is no workspace yet.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["work", "home", "state"] {
            fs::create_dir(folder.path().join(name)).expect("a new folder");
        }
        Self { home: Home::Own(folder), session: "one".to_owned() }
    }

    /// The workspace `work` in a folder that somebody else has made, beside `home` and `state`.
    pub fn at(folder: &Path) -> Self {
        Self { home: Home::Lent(folder.to_owned()), session: "one".to_owned() }
    }

    /// A workspace with the small project, initialised.
    pub fn project() -> Self {
        let bench = Self::empty();
        bench.write("exp.toml", CONFIG);
        bench.write("build.sh", BUILD);
        bench.write("test.sh", TEST);
        bench.write("tests.txt", "ok a\nok b\nok c\nok d\n");
        bench.write("value.txt", "10\n");
        bench.ok(&["init"]);
        bench
    }

    pub fn root(&self) -> PathBuf {
        self.outside("work")
    }

    pub fn outside(&self, name: &str) -> PathBuf {
        match &self.home {
            Home::Own(folder) => folder.path().join(name),
            Home::Lent(folder) => folder.join(name),
        }
    }

    pub fn write(&self, path: &str, content: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
    }

    pub fn exists(&self, path: &str) -> bool {
        self.root().join(path).exists()
    }

    /// The command, ready to run in the workspace.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_in(&self.root(), arguments)
    }

    pub fn command_in(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_exp"));
        command.args(arguments).current_dir(folder);
        bare(&mut command);
        command.env("HOME", self.outside("home"));
        command.env("XDG_STATE_HOME", self.outside("state"));
        command.env("EXP_SESSION", &self.session).env("USER", "tester");
        command.stdin(std::process::Stdio::null());
        command
    }

    /// Runs it; whatever comes of it.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("exp can be started")
    }

    /// Runs it; it must exit with that code. Returns standard output.
    pub fn exits(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "exp {arguments:?}\n{out}\n{err}");
        out
    }

    /// Runs it; it must succeed. Returns standard output.
    pub fn ok(&self, arguments: &[&str]) -> String {
        self.exits(0, arguments)
    }

    /// Runs it with `--json`; it must exit with that code. Returns the value.
    pub fn json_exits(&self, code: i32, arguments: &[&str]) -> Value {
        let mut all = vec!["--json"];
        all.extend(arguments);
        let out = self.exits(code, &all);
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("exp {arguments:?}: {e}\n{out}"))
    }

    /// Runs it with `--json`; it must succeed.
    pub fn json(&self, arguments: &[&str]) -> Value {
        self.json_exits(0, arguments)
    }

    /// Standard error of a command that must exit with that code.
    pub fn complains(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "exp {arguments:?}\n{out}\n{err}");
        err
    }

    /// The same workspace in another session.
    pub fn as_session<R>(&mut self, session: &str, work: impl FnOnce(&Self) -> R) -> R {
        let own = std::mem::replace(&mut self.session, session.to_owned());
        let result = work(self);
        self.session = own;
        result
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
