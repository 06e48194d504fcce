//! Numbers that a command prints, and those in hyperfine's report.

use super::summary::{ReportError, plain};
use crate::base::limits::REPORT_BYTES_MAX;
use crate::object::evaluation::{Better, Metric};

/// What is known of a metric before it is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricSpec {
    /// Its name.
    pub name: String,
    /// Its unit where a line gives none.
    pub unit: String,
    /// Which direction is better.
    pub better: Better,
}

/// Reads lines `METRIC name value unit` (any name) and `name=value unit` (names that are asked
/// for, because many programs print such lines). The unit may be absent. Several lines of one name
/// are several samples. A metric that is not asked for is better when lower.
pub fn metrics(text: &str, asked: &[MetricSpec]) -> Vec<Metric> {
    let mut found: Vec<Metric> = Vec::new();
    for line in text.lines() {
        let line = plain(line);
        let Some((name, value, unit)) = sample_in(line.trim(), asked) else { continue };
        if !value.parse::<f64>().is_ok_and(f64::is_finite) {
            continue;
        }
        let spec = asked.iter().find(|spec| spec.name == name);
        match found.iter_mut().find(|metric| metric.name == name) {
            Some(metric) => metric.samples.push(value.to_owned()),
            None => found.push(Metric {
                name: name.to_owned(),
                unit: unit.or(spec.map(|spec| spec.unit.as_str())).unwrap_or("").to_owned(),
                better: spec.map_or(Better::Lower, |spec| spec.better),
                samples: vec![value.to_owned()],
            }),
        }
    }
    found
}

fn sample_in<'a>(
    line: &'a str,
    asked: &[MetricSpec],
) -> Option<(&'a str, &'a str, Option<&'a str>)> {
    if let Some(rest) = line.strip_prefix("METRIC ") {
        let mut words = rest.split_whitespace();
        return Some((words.next()?, words.next()?, words.next()));
    }
    let (name, rest) = line.split_once('=')?;
    let name = name.trim();
    asked.iter().find(|spec| spec.name == name)?;
    let mut words = rest.split_whitespace();
    Some((name, words.next()?, words.next()))
}

/// Reads what `hyperfine --export-json` writes: one metric of seconds for each command, named by
/// the command, a sample for each run.
///
/// # Errors
/// [`ReportError`] when it is too large or not of that form.
pub fn hyperfine(bytes: &[u8]) -> Result<Vec<Metric>, ReportError> {
    #[derive(serde::Deserialize)]
    struct Report {
        results: Vec<Command>,
    }
    #[derive(serde::Deserialize)]
    struct Command {
        command: String,
        times: Vec<f64>,
    }
    if bytes.len() as u64 > REPORT_BYTES_MAX {
        return Err(ReportError::TooLarge);
    }
    let report: Report =
        serde_json::from_slice(bytes).map_err(|e| ReportError::Malformed(e.to_string()))?;
    let metric = |command: Command| Metric {
        name: command.command,
        unit: "s".to_owned(),
        better: Better::Lower,
        samples: command.times.iter().map(f64::to_string).collect(),
    };
    Ok(report.results.into_iter().map(metric).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_samples() {
        let asked = [MetricSpec { name: "rate".into(), unit: "x".into(), better: Better::Higher }];
        let text = "PATH=3\nrate=1.5 MB/s\nMETRIC time 0.25 s\nrate = 2\nMETRIC time 1e400\nMETRIC time\n\
                    rate=fast\nMETRIC time 0.5";
        let found = metrics(text, &asked);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].unit.as_str(), found[0].better), ("MB/s", Better::Higher));
        assert_eq!(found[0].samples, ["1.5", "2"]);
        assert_eq!((found[1].unit.as_str(), found[1].better), ("s", Better::Lower));
        assert_eq!(found[1].samples, ["0.25", "0.5"]);
    }

    #[test]
    fn hyperfine_is_read() {
        let text = br#"{"results":[{"command":"sleep 1","mean":1.0,"times":[1.0,1.25]}]}"#;
        let found = hyperfine(text).unwrap();
        assert_eq!((found[0].name.as_str(), found[0].values()), ("sleep 1", vec![1.0, 1.25]));
        assert!(hyperfine(b"{}").is_err());
    }
}
