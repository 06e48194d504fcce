//! The part of the DAG that an experiment is: the base on the left, the candidates on the right.

use std::fmt::Write;

use super::escape::escape;
use super::shape::short_name;
use crate::engine::verb::experiment::Report;

/// Height of a row, in pixels.
pub const ROW: usize = 28;

/// Width of a character of the drawings' font, in pixels, rounded up.
pub const CHARACTER: usize = 8;

/// The longest name in a drawing, in characters.
pub const NAME_MAX: usize = 32;

/// Draws it, each node coloured by its verdict.
pub fn add(page: &mut String, report: &Report) {
    let rows = &report.table.rows;
    let longest = rows.iter().map(|row| row.approach.chars().count().min(NAME_MAX)).max();
    let width = 292 + (longest.unwrap_or(0) + 16) * CHARACTER;
    let height = (rows.len().max(1) + 1) * ROW;
    let middle = height / 2;
    let _ = writeln!(
        page,
        "<h2>Graph</h2>\n<div class=\"wide\"><svg width=\"{width}\" height=\"{height}\" \
         role=\"img\" aria-label=\"the base and its candidates\">"
    );
    for (at, row) in rows.iter().enumerate() {
        let y = (at + 1) * ROW;
        let word = row.verdict.word;
        let label = row.candidate.as_deref().map_or("nothing left", super::experiment::short);
        let _ = writeln!(
            page,
            "<path class=\"edge\" d=\"M164 {middle} C 220 {middle} 220 {y} 270 {y}\"/>\
             <circle class=\"node-{word}\" cx=\"276\" cy=\"{y}\" r=\"6\"/>\
             <text x=\"292\" y=\"{}\">{} <tspan class=\"faint\">{label}</tspan></text>",
            y + 4,
            escape(&short_name(&row.approach, NAME_MAX)),
        );
    }
    let (word, id) = (report.base.verdict.word, super::experiment::short(&report.base.id));
    let _ = writeln!(
        page,
        "<circle class=\"node-{word}\" cx=\"164\" cy=\"{middle}\" r=\"6\"/>\
         <text x=\"8\" y=\"{}\">base <tspan class=\"faint\">{id}</tspan></text>\n</svg></div>",
        middle + 4,
    );
}
