//! What a name is called that another store uses otherwise: it is kept beside the one that is here.

use crate::base::codec;
use crate::base::name::Label;

/// `LABEL+SOURCE`, or from the second try on `LABEL+SOURCE.2`; where that is too long, with a digest
/// instead of the label. None where even that is none.
pub(super) fn label(label: &Label, source: &str, attempt: usize) -> Option<Label> {
    let digest = || codec::digest("beside", label.as_str().as_bytes()).hex();
    let short = |_| Label::new(text(&format!("kept-{}", &digest()[..16]), source, attempt));
    Label::new(text(label.as_str(), source, attempt)).or_else(short).ok()
}

/// The same for any name.
pub(super) fn text(name: &str, source: &str, attempt: usize) -> String {
    match attempt {
        1 => format!("{name}+{source}"),
        attempt => format!("{name}+{source}.{attempt}"),
    }
}

/// The branch of an experiment that is kept beside as a whole: `e7/map` is `e7+SOURCE/map`. None for
/// a branch that is not of that experiment.
pub(super) fn unit(branch: &Label, experiment: &str, source: &str) -> Option<Label> {
    let rest = branch.as_str().strip_prefix(experiment)?.strip_prefix('/')?;
    Label::new(format!("{}/{rest}", text(experiment, source, 1))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beside_are_labels() {
        let main = Label::new("main").unwrap();
        assert_eq!(label(&main, "ann-3f2a", 1).unwrap().as_str(), "main+ann-3f2a");
        assert_eq!(label(&main, "ann-3f2a", 2).unwrap().as_str(), "main+ann-3f2a.2");
        let long = Label::new("x".repeat(200)).unwrap();
        let kept = label(&long, "ann-3f2a", 1).unwrap();
        assert!(kept.as_str().starts_with("kept-") && kept.as_str().ends_with("+ann-3f2a"));
        assert_ne!(kept, label(&long, "ann-3f2a", 2).unwrap());
        let map = Label::new("e7/map").unwrap();
        assert_eq!(unit(&map, "e7", "ann").unwrap().as_str(), "e7+ann/map");
        assert_eq!(unit(&map, "e", "ann"), None);
        assert_eq!(unit(&main, "e7", "ann"), None);
    }
}
