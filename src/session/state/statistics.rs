//! What the puts of a session cost, from the measurements of all processes.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use super::log::stream_of;
use super::measure::{self, Fate, Measure};
use super::meter::{Meter, older};
use super::sessions::Sessions;
use crate::base::limits::METRICS_FILE_BYTES_MAX;

/// What the puts of a session cost. Covers the newest `METRICS_FILE_BYTES_MAX` to twice as much of
/// measurements; those of the last moment may still be on their way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Puts that were measured.
    pub puts: u64,
    /// Those that were saved.
    pub saved: u64,
    /// Those that were skipped.
    pub skipped: u64,
    /// Those that failed.
    pub failed: u64,
    /// Measurements that were dropped, of all sessions of the processes that wrote to this one.
    pub dropped: u64,
    /// How long they took.
    pub duration: Durations,
    /// Fields that they changed.
    pub fields_changed: u64,
    /// Bytes of their entries.
    pub bytes: u64,
}

/// How long puts took, to the microsecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    /// The mean.
    pub mean: Duration,
    /// Half of them took no longer.
    pub p50: Duration,
    /// 95 of 100 took no longer.
    pub p95: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

impl Statistics {
    /// The share of puts that were skipped; 0 without any.
    pub fn skip_rate(&self) -> f64 {
        share(self.skipped, self.puts)
    }

    /// The share of puts that failed; 0 without any.
    pub fn error_rate(&self) -> f64 {
        share(self.failed, self.puts)
    }

    fn of<'a>(measures: impl Iterator<Item = &'a Measure>) -> Self {
        let mut all = Self::default();
        let mut micros = Vec::new();
        for measure in measures {
            all.puts += 1;
            match measure.fate {
                Fate::Saved => all.saved += 1,
                Fate::Skipped => all.skipped += 1,
                Fate::Failed => all.failed += 1,
            }
            all.dropped += u64::from(measure.dropped);
            all.fields_changed += u64::from(measure.fields);
            all.bytes += u64::from(measure.bytes);
            micros.push(u64::from(measure.micros));
        }
        all.duration = durations(micros);
        all
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn durations(mut micros: Vec<u64>) -> Durations {
    micros.sort_unstable();
    let count = micros.len() as u64;
    let Some(max) = micros.last().copied() else { return Durations::default() };
    // The least value that so many of a hundred do not pass.
    let at = |percent: u64| micros[((count * percent).div_ceil(100).max(1) - 1) as usize];
    Durations {
        mean: Duration::from_micros(micros.iter().sum::<u64>() / count),
        p50: Duration::from_micros(at(50)),
        p95: Duration::from_micros(at(95)),
        p99: Duration::from_micros(at(99)),
        max: Duration::from_micros(max),
    }
}

impl Sessions {
    /// What the puts of a session cost. A session without measurements has zeros.
    pub fn statistics(&self, session: &str) -> Statistics {
        let stream = stream_of(session);
        let measures = self.shared.meter.measures();
        Statistics::of(measures.iter().filter(|measure| measure.stream == stream))
    }

    /// The same of all sessions together.
    pub fn statistics_of_all(&self) -> Statistics {
        Statistics::of(self.shared.meter.measures().iter())
    }
}

impl Meter {
    /// All that was written. A file that cannot be read has none.
    fn measures(&self) -> Vec<Measure> {
        let Some(path) = self.path() else { return Vec::new() };
        let mut all = read(&older(path)).unwrap_or_default();
        all.extend(read(path).unwrap_or_default());
        all
    }
}

/// The measurements in a file.
pub(super) fn read(path: &Path) -> io::Result<Vec<Measure>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(2 * METRICS_FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(measure::all(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measured_values() {
        let found = durations((1..=200).rev().collect());
        let micros = |micros| Duration::from_micros(micros);
        assert_eq!(found.mean, micros(100));
        assert_eq!([found.p50, found.p95, found.p99], [100, 190, 198].map(micros));
        assert_eq!(found.max, micros(200));
        assert_eq!(durations(vec![7]).p99, micros(7));
        assert_eq!(durations(Vec::new()), Durations::default());
    }
}
