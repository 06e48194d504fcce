//! What a panic looks like from outside: one message, exit code 70. And none where a panic is a
//! finding: sled may panic on a damaged catalogue, which is caught, set aside and said.

use std::panic::{self, UnwindSafe};

use super::exit;
use super::live;
use super::output::print_error;
use crate::store::catalogue::CATALOGUE_THREAD;

/// Does the work; a panic in it is a bug of ours, and said to be one.
pub fn guarded(work: impl FnOnce() -> u8 + UnwindSafe) -> u8 {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |found| {
        if std::thread::current().name() != Some(CATALOGUE_THREAD) {
            live::give_up();
            usual(found);
        }
    }));
    panic::catch_unwind(work).unwrap_or_else(|_| {
        print_error(
            "error: this is a bug in exp; what was committed is safe (`exp fsck` proves it)\n",
        );
        exit::BUG
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_bug_and_has_its_code() {
        assert_eq!(guarded(|| panic!("on purpose")), exit::BUG);
        assert_eq!(guarded(|| 3), 3);
    }
}
