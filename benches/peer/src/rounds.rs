//! Ways to do the same, in interleaved rounds, so that a disturbance does not fall on one of them
//! alone.

use std::time::Instant;

use crate::machine::written_bytes;

/// One way to save states.
pub struct Way<'a> {
    pub name: &'static str,
    /// Saves about that many states; says how many they were.
    pub save: Box<dyn FnMut(usize) -> usize + 'a>,
}

impl<'a> Way<'a> {
    pub fn new(name: &'static str, save: impl FnMut(usize) -> usize + 'a) -> Self {
        Self { name, save: Box::new(save) }
    }
}

/// What a way gave: a figure for each round.
pub struct Row {
    pub name: &'static str,
    a_second: Vec<f64>,
    bytes: Vec<f64>,
}

impl Row {
    /// Saved states a second.
    pub fn a_second(&self) -> f64 {
        median(&self.a_second)
    }
}

/// The middle one.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Every way in each round, each time beginning with another one. The first round warms up.
pub fn interleaved(mut ways: Vec<Way<'_>>, rounds: usize, count: usize) -> Vec<Row> {
    let row = |way: &Way<'_>| Row { name: way.name, a_second: Vec::new(), bytes: Vec::new() };
    let mut rows: Vec<Row> = ways.iter().map(row).collect();
    for round in 0..=rounds {
        for step in 0..ways.len() {
            let at = (step + round) % ways.len();
            let (bytes, begun) = (written_bytes(), Instant::now());
            let saved = (ways[at].save)(count) as f64;
            let seconds = begun.elapsed().as_secs_f64();
            if round > 0 {
                rows[at].a_second.push(saved / seconds);
                rows[at].bytes.push((written_bytes() - bytes) as f64 / saved);
            }
        }
    }
    rows
}

/// The rows with the ratios of the first ones to those named in `against`.
pub fn print(title: &str, rows: &[Row], against: &[&str]) {
    println!("\n{title}");
    print!("| {:38} | {:>9} | {:>8} | {:>11}", "way", "puts/s", "µs/put", "bytes/put");
    against.iter().for_each(|name| print!(" | x {name}"));
    println!(" |");
    let bars = vec!["---"; 4 + against.len()].join("|");
    println!("|{bars}|");
    for row in rows {
        let speed = row.a_second();
        let bytes = median(&row.bytes);
        print!("| {:38} | {speed:9.0} | {:8.1} | {bytes:11.0}", row.name, 1e6 / speed);
        for name in against {
            let other = rows.iter().find(|row| row.name == *name).map_or(f64::NAN, Row::a_second);
            print!(" | {:1$.2}", speed / other, name.len() + 2);
        }
        println!(" |");
    }
}
