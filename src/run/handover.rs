//! What the child's side tells the caller's side, through a pipe.
//!
//! **Format**: 16 bytes: kind, step, index, one byte of padding, the error's or the status's number
//! (`i32`), the largest resident set in KiB (`i64`), all little-endian. Between two processes of
//! one program; never stored.

/// Bytes of one report.
pub(super) const REPORT_BYTES: usize = 16;

const KIND_FAULT: u8 = 1;
const KIND_ENDED: u8 = 2;

/// What relay or keeper tell the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// A step failed; the command did not start.
    Fault {
        /// Which step.
        step: Step,
        /// Which overlay or bind, where it is one.
        index: u8,
        /// What the system said.
        errno: i32,
    },
    /// The command ended.
    Ended {
        /// The status as `waitpid` gives it.
        status: i32,
        /// The largest resident set in KiB.
        memory_kib: i64,
    },
}

impl Report {
    /// As it goes through the pipe.
    pub(super) fn to_bytes(self) -> [u8; REPORT_BYTES] {
        let mut bytes = [0; REPORT_BYTES];
        let (value, memory) = match self {
            Self::Fault { step, index, errno } => {
                bytes[..3].copy_from_slice(&[KIND_FAULT, step as u8, index]);
                (errno, 0)
            }
            Self::Ended { status, memory_kib } => {
                bytes[0] = KIND_ENDED;
                (status, memory_kib)
            }
        };
        bytes[4..8].copy_from_slice(&value.to_le_bytes());
        bytes[8..].copy_from_slice(&memory.to_le_bytes());
        bytes
    }

    /// Reads one; none for bytes that are none.
    pub(super) fn from_bytes(bytes: [u8; REPORT_BYTES]) -> Option<Self> {
        let value = i32::from_le_bytes(bytes[4..8].try_into().ok()?);
        let memory_kib = i64::from_le_bytes(bytes[8..].try_into().ok()?);
        match bytes[0] {
            KIND_FAULT => {
                let step = *Step::ALL.get(usize::from(bytes[1]))?;
                Some(Self::Fault { step, index: bytes[2], errno: value })
            }
            KIND_ENDED => Some(Self::Ended { status: value, memory_kib }),
            _ => None,
        }
    }
}

/// The steps that can fail, in the order in which they are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Step {
    Keep,
    Unshare,
    Identity,
    Fork,
    Private,
    OpenBind,
    Overlay,
    Bind,
    Session,
    Folder,
}

impl Step {
    const ALL: [Self; 10] = [
        Self::Keep,
        Self::Unshare,
        Self::Identity,
        Self::Fork,
        Self::Private,
        Self::OpenBind,
        Self::Overlay,
        Self::Bind,
        Self::Session,
        Self::Folder,
    ];

    /// The step as words after "could not".
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Keep => "bind the keeper's life to this process",
            Self::Unshare => "enter namespaces of its own",
            Self::Identity => "map its user and group to themselves",
            Self::Fork => "fork",
            Self::Private => "make the mounts private",
            Self::OpenBind => "open the source of a bind at",
            Self::Overlay => "mount an overlay over",
            Self::Bind => "bind to",
            Self::Session => "start a session of its own",
            Self::Folder => "enter the folder",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fuzz::fuzz;

    #[test]
    fn what_is_sent_is_what_is_read() {
        for (number, step) in Step::ALL.into_iter().enumerate() {
            assert_eq!(step as usize, number);
            let fault = Report::Fault { step, index: 7, errno: -3 };
            assert_eq!(Report::from_bytes(fault.to_bytes()), Some(fault));
        }
        let ended = Report::Ended { status: 0x0900, memory_kib: 1 << 40 };
        assert_eq!(Report::from_bytes(ended.to_bytes()), Some(ended));
        assert_eq!(Report::from_bytes([0; REPORT_BYTES]), None);
        assert_eq!(
            Report::from_bytes([KIND_FAULT, 99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            None
        );
    }

    #[test]
    fn fuzzed_reports_say_what_they_say_or_nothing() {
        let samples = [
            Report::Fault { step: Step::Overlay, index: 1, errno: 13 }.to_bytes().to_vec(),
            Report::Ended { status: 0x0100, memory_kib: 4_096 }.to_bytes().to_vec(),
        ];
        fuzz("handover", &samples, (0, 3_000), |bytes| {
            let Ok(bytes) = bytes.try_into() else { return false };
            let Some(report) = Report::from_bytes(bytes) else { return false };
            assert_eq!(Report::from_bytes(report.to_bytes()), Some(report));
            true
        });
    }
}
