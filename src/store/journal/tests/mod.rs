//! Tests of the journal: through its public face, on real files.

mod basic;
