//! The difference of two documents: the one place that names how patches are made and applied.

/// Stands for the patch of `document::patch` until that has landed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch(pub Vec<()>);

/// Stands for the pattern of `document` until that has landed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointerPattern;
