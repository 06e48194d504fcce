//! Measuring never waits and never fails a put.

use super::*;
use crate::base::limits::METRICS_QUEUE_MAX;
use crate::session::state::*;

#[test]
fn measurements_that_cannot_be_written_are_counted_and_hold_nothing_up() {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(MemoryLog::default());
    // A folder of that name: nothing can be written there.
    let sessions = Sessions::from_parts(Parts {
        log,
        objects: Arc::new(MemoryObjects::new()),
        who: String::new(),
        clock: Arc::new(StepClock::default()),
        settings: StateSettings::default(),
        metrics: Some(folder.path().to_owned()),
    })
    .unwrap();
    let session = sessions.session("s").unwrap();
    let count = METRICS_QUEUE_MAX + 500;
    for step in 0..count {
        session.put(&Put::automatic(json(&format!("{{\"step\":{step}}}")))).unwrap();
    }
    sessions.close().unwrap();
    assert_eq!(sessions.shared.meter.dropped(), count as u64);
    assert_eq!(sessions.statistics("s"), Statistics::default());
}

#[test]
fn the_file_is_put_aside_at_its_bound_and_both_are_read() {
    use crate::base::limits::METRICS_FILE_BYTES_MAX;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics");
    let parts = |log: &Arc<MemoryLog>| Parts {
        log: log.clone(),
        objects: Arc::new(MemoryObjects::new()),
        who: String::new(),
        clock: Arc::new(StepClock::default()),
        settings: ignoring(&["/seen"]),
        metrics: Some(path.clone()),
    };
    let log = Arc::new(MemoryLog::default());
    for round in 0..2 {
        let sessions = Sessions::from_parts(parts(&log)).unwrap();
        let session = sessions.session("s").unwrap();
        for seen in 0..3 {
            let value = format!("{{\"round\":{round},\"seen\":{seen}}}");
            session.put(&Put::automatic(json(&value))).unwrap();
        }
        let moved =
            Put { expect: Some(session.get(&At::latest()).unwrap().id), ..Put::manual(json("1")) };
        session.put(&moved).unwrap();
        session.put(&moved).unwrap_err();
        sessions.close().unwrap();
        let statistics = sessions.statistics("s");
        assert_eq!((statistics.puts, statistics.failed), (5 * (round + 1), round + 1));
        assert_eq!((statistics.saved, statistics.skipped), (2 * (round + 1), 2 * (round + 1)));
        assert_eq!(sessions.statistics("t"), Statistics::default());
        assert_eq!(sessions.statistics_of_all(), statistics);
        // Grows past its bound by what is no measurement.
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.resize(METRICS_FILE_BYTES_MAX as usize, 0);
        std::fs::write(&path, bytes).unwrap();
    }
    assert!(folder.path().join("metrics.old").exists());
}
