//! Where a verb is hit: at a system call, by `strace`, or at a moment.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::library::random::Random;
use super::scene::{Scene, Verb, count_calls};

/// Those that change something, and those that wait.
const CALLS: &str = "write,pwrite64,fsync,fdatasync,syncfs,rename,renameat2,unlink,unlinkat,mkdir,ftruncate,flock,link";

/// What there is to hit.
pub struct Target {
    /// System calls and how often they are made; none without `strace`.
    calls: Vec<(String, usize)>,
    /// How long it takes.
    took: Duration,
}

impl Target {
    /// Runs the verb once in a scene, under `strace` where there is one.
    pub fn of(scene: &Scene, verb: &Verb) -> Self {
        let begun = Instant::now();
        let trace = scene.root().with_file_name("trace");
        let mut command = Command::new("strace");
        command.args(["-f", "-e", &format!("trace={CALLS}"), "-o"]).arg(&trace);
        command.args(Scene::words(verb)).stdin(scene.input(verb));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let is_traced = scene.dress(&mut command).status().is_ok_and(|status| status.success());
        let calls = match std::fs::read_to_string(&trace) {
            Ok(text) if is_traced => count_calls(&text).into_iter().collect(),
            _ => Vec::new(),
        };
        Self { calls, took: begun.elapsed() }
    }
}

/// Where it is hit.
#[derive(Debug)]
pub enum Strike {
    /// When one of its threads makes that system call so often.
    Call(String, usize),
    /// After that time.
    Moment(Duration),
}

impl Strike {
    /// Chooses one.
    pub fn choose(target: &Target, random: &mut Random) -> Self {
        if target.calls.is_empty() || random.below(3) == 0 {
            let micros = target.took.as_micros() as usize;
            return Self::Moment(Duration::from_micros(random.below(micros) as u64));
        }
        let (call, count) = &target.calls[random.below(target.calls.len())];
        Self::Call(call.clone(), 1 + random.below(*count))
    }

    /// Runs the verb and hits it. Whether it died of that.
    pub fn hit(&self, scene: &Scene, verb: &Verb) -> bool {
        let words = Scene::words(verb);
        let mut command = match self {
            Self::Call(call, count) => {
                let mut command = Command::new("strace");
                let inject = format!("inject={call}:signal=KILL:when={count}");
                command.args(["-f", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e"]);
                command.arg(inject).args(&words);
                command
            }
            Self::Moment(_) => {
                let mut command = Command::new(words[0]);
                command.args(&words[1..]);
                command
            }
        };
        command.stdin(scene.input(verb)).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = scene.dress(&mut command).spawn().expect("it can be started");
        if let Self::Moment(moment) = self {
            // Not to wait for something, but to strike at any moment.
            std::thread::sleep(*moment);
            let _ = child.kill();
        }
        let status = child.wait().expect("it is ours");
        !status.success() || status.signal().is_some()
    }
}
