//! Plain tables: rows of cells, laid out by what is widest.

use std::fmt::Write;

use anstyle::Style;

use crate::surface::cli::line::{Line, width};
use crate::surface::cli::output::FAINT;

/// The columns of a page where no terminal says how many it has.
const COLUMNS: usize = 120;

/// A cell: its style, its text.
pub type Cell = (Style, String);

/// A table: words from the left, those columns that are numbers from the right; the last column is
/// cut where there is no room.
pub fn table(rows: Vec<Vec<Cell>>, numbers: &[usize], columns: usize) -> String {
    let columns = if columns == usize::MAX { COLUMNS } else { columns };
    let mut widths: Vec<usize> = Vec::new();
    for row in &rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (at, (_, text)) in row.iter().enumerate() {
            widths[at] = widths[at].max(width(text));
        }
    }
    let mut page = String::new();
    for row in rows {
        let mut line = Line::default();
        for (at, (style, text)) in row.into_iter().enumerate() {
            let missing = widths[at].saturating_sub(width(&text));
            let (left, right) = if numbers.contains(&at) { (missing, 0) } else { (0, missing) };
            let space = if at == 0 { "" } else { "  " };
            line.add(Style::new(), format!("{space}{}", " ".repeat(left)));
            line.add(style, text).add(Style::new(), " ".repeat(right));
        }
        let _ = writeln!(page, "{}", line.cut(columns).painted().trim_end());
    }
    page
}

/// A cell in no style.
pub fn plain(text: impl Into<String>) -> Cell {
    (Style::new(), text.into())
}

/// A cell that matters least.
pub fn faint(text: impl Into<String>) -> Cell {
    (FAINT, text.into())
}

/// The first row.
pub fn titles(titles: &[&str]) -> Vec<Cell> {
    titles.iter().map(|title| faint(*title)).collect()
}
