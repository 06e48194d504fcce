//! JUnit's XML, as dozens of tools write it.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::summary::{Cases, ReportError, ReportSummary};
use crate::base::limits::REPORT_BYTES_MAX;
use crate::object::evaluation::TestStatus;

/// Reads a report. A test is named `class::name`, or by the suites around it where it has no class.
///
/// # Errors
/// [`ReportError`] when it is too large, has a document type or is no well-formed XML.
pub fn junit(bytes: &[u8]) -> Result<ReportSummary, ReportError> {
    if bytes.len() as u64 > REPORT_BYTES_MAX {
        return Err(ReportError::TooLarge);
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|_| ReportError::Malformed("it is not UTF-8".to_owned()))?;
    let mut reader = Reader::from_str(text);
    let mut state = State::default();
    loop {
        let event = reader.read_event().map_err(|e| ReportError::Malformed(e.to_string()))?;
        match event {
            Event::Start(element) => state.start(&element)?,
            Event::Empty(element) => {
                state.start(&element)?;
                state.end(element.local_name().as_ref().as_ref());
            }
            Event::End(element) => state.end(element.local_name().as_ref().as_ref()),
            Event::DocType(_) => return Err(ReportError::DocumentType),
            Event::Eof => break,
            _ => {}
        }
    }
    state.finish()
}

#[derive(Default)]
struct State {
    cases: Cases,
    suites: Vec<String>,
    case: Option<(String, TestStatus)>,
    is_report: bool,
}

impl State {
    fn start(&mut self, element: &BytesStart<'_>) -> Result<(), ReportError> {
        match element.local_name().as_ref() {
            "testsuites" => self.is_report = true,
            "testsuite" => {
                self.is_report = true;
                self.suites.push(attribute(element, "name")?);
            }
            "testcase" => {
                let (class, name) = (attribute(element, "classname")?, attribute(element, "name")?);
                let suites = self.suites.iter().filter(|suite| !suite.is_empty()).cloned();
                let mut parts: Vec<String> =
                    if class.is_empty() { suites.collect() } else { vec![class] };
                parts.push(name);
                self.case = Some((parts.join("::"), TestStatus::Passed));
            }
            "failure" | "error" => self.set(TestStatus::Failed),
            "skipped" => self.set(TestStatus::Skipped),
            _ => {}
        }
        Ok(())
    }

    /// A failure after a skip counts, not the other way round.
    fn set(&mut self, status: TestStatus) {
        if let Some((_, known)) = &mut self.case
            && *known != TestStatus::Failed
        {
            *known = status;
        }
    }

    fn end(&mut self, name: &str) {
        if name == "testcase" {
            if let Some((name, status)) = self.case.take() {
                self.cases.add(name, status);
            }
        } else if name == "testsuite" {
            self.suites.pop();
        }
    }

    fn finish(self) -> Result<ReportSummary, ReportError> {
        if !self.is_report {
            return Err(ReportError::Malformed("it has no `testsuite`".to_owned()));
        }
        if self.case.is_some() || !self.suites.is_empty() {
            return Err(ReportError::Malformed("it breaks off".to_owned()));
        }
        Ok(ReportSummary { tests: self.cases.into_tests(), faults: Vec::new() })
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Result<String, ReportError> {
    let malformed = |error: String| ReportError::Malformed(error);
    let found = element.try_get_attribute(name).map_err(|error| malformed(error.to_string()))?;
    let Some(found) = found else { return Ok(String::new()) };
    let value = found.normalized_value(XmlVersion::Implicit1_0);
    value.map(|value| value.into_owned()).map_err(|error| malformed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_nest_and_ends_are_told_apart() {
        let text = br#"<?xml version="1.0"?><testsuites><testsuite name="outer"><testsuite name="in &amp; out">
            <testcase name="a" time="1"/><testcase name="b"><failure message="x">no</failure></testcase>
            <testcase classname="c.D" name="e"><error/></testcase>
            <testcase classname="c.D" name="f"><skipped/><system-out>failure</system-out></testcase>
            </testsuite></testsuite></testsuites>"#;
        let summary = junit(text).unwrap();
        let found: Vec<_> = summary.tests.iter().map(|t| (t.name.as_str(), t.status)).collect();
        let wanted = [
            ("c.D::e", TestStatus::Failed),
            ("c.D::f", TestStatus::Skipped),
            ("outer::in & out::a", TestStatus::Passed),
            ("outer::in & out::b", TestStatus::Failed),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn what_is_no_report_is_refused() {
        assert!(matches!(junit(b"<html></html>"), Err(ReportError::Malformed(_))));
        assert!(junit(b"<testsuite><testcase name='a'>").is_err());
        assert!(junit(b"<testsuite><testcase name='a'></testsuite>").is_err());
        assert!(junit(b"\xff").is_err());
        let bomb = b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]><testsuite name='&a;'/>";
        assert_eq!(junit(bomb), Err(ReportError::DocumentType));
    }
}
