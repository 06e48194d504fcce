//! The graph of `exp log` in characters: two lines for each snapshot.

use std::collections::BTreeSet;

use crate::graph::Row;

/// The line in which a snapshot stands, and the one that leads to the next.
pub fn draw(row: &Row, mark: char) -> (String, String) {
    let mut at = Canvas::default();
    for column in &row.passing {
        at.put(column * 2, '│');
    }
    at.put(row.column * 2, mark);
    let mut below = Canvas::default();
    let straight: BTreeSet<usize> =
        row.links.iter().filter(|link| link.from == link.to).map(|link| link.from).collect();
    for column in &straight {
        below.put(column * 2, '│');
    }
    for link in row.links.iter().filter(|link| link.from != link.to) {
        let (left, right) = (link.from.min(link.to), link.from.max(link.to));
        for column in left * 2 + 1..right * 2 {
            below.put_if_free(column, '─');
        }
        let (start, end) = if link.from < link.to { ('╰', '╮') } else { ('╭', '╯') };
        below.put(left * 2, if straight.contains(&left) { '├' } else { start });
        below.put(right * 2, if straight.contains(&right) { '┤' } else { end });
    }
    let width = at.0.len().max(below.0.len());
    (at.text(width), below.text(width))
}

#[derive(Default)]
struct Canvas(Vec<char>);

impl Canvas {
    fn put(&mut self, at: usize, character: char) {
        if self.0.len() <= at {
            self.0.resize(at + 1, ' ');
        }
        self.0[at] = character;
    }

    fn put_if_free(&mut self, at: usize, character: char) {
        if self.0.get(at).is_none_or(|present| *present == ' ') {
            self.put(at, character);
        }
    }

    fn text(mut self, width: usize) -> String {
        self.0.resize(width, ' ');
        self.0.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{Hash, SnapshotId};
    use crate::graph::lanes;

    #[test]
    fn a_merge_is_drawn() {
        let id = |number: u8| SnapshotId(Hash([number; 32]));
        let history = [
            (id(4), vec![id(2), id(3)]),
            (id(3), vec![id(1)]),
            (id(2), vec![id(1)]),
            (id(1), vec![]),
        ];
        let mut drawn = String::new();
        for row in lanes(&history) {
            let (at, below) = draw(&row, '●');
            drawn.push_str(&format!("{}\n{}\n", at.trim_end(), below.trim_end()));
        }
        assert_eq!(drawn, "●\n├─╮\n│ ●\n│ │\n● │\n╰─┤\n  ●\n\n");
    }
}
