//! The `exp` command.
fn main() {}
