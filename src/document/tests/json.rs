//! Our reader and writer of JSON text against another one, and a table of what is no JSON.

use proptest::prelude::*;

use crate::document::{Json, Number};

/// The same value for the other implementation.
fn theirs(value: &Json) -> serde_json::Value {
    match value {
        Json::Null => serde_json::Value::Null,
        Json::Bool(value) => (*value).into(),
        Json::Number(number) => number.as_str().parse::<i64>().unwrap().into(),
        Json::String(text) => text.as_str().into(),
        Json::List(items) => items.iter().map(theirs).collect(),
        Json::Map(entries) => entries.iter().map(|(key, v)| (key.clone(), theirs(v))).collect(),
    }
}

fn text() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        any::<char>(),
        prop::char::range('\0', '\u{7f}'),
        Just('"'),
        Just('\\'),
        Just('\u{2028}'),
        Just('😀'),
    ];
    prop::collection::vec(character, 0..12).prop_map(|chars| chars.into_iter().collect())
}

fn value() -> impl Strategy<Value = Json> {
    let scalar = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i64>().prop_map(Json::from),
        text().prop_map(Json::String),
    ];
    scalar.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::List),
            prop::collection::btree_map(text(), inner, 0..6).prop_map(Json::Map),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn both_write_and_read_the_same(value in value()) {
        let other = theirs(&value);
        prop_assert_eq!(value.compact(), serde_json::to_string(&other).unwrap());
        prop_assert_eq!(value.pretty(), serde_json::to_string_pretty(&other).unwrap());
        prop_assert_eq!(&Json::parse(value.compact().as_bytes()).unwrap(), &value);
        prop_assert_eq!(&Json::parse(value.pretty().as_bytes()).unwrap(), &value);
    }

    /// One changed byte: both accept it or both refuse it, save where we are stricter on purpose.
    #[test]
    fn both_refuse_the_same(value in value(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = value.compact().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let other = serde_json::from_slice::<serde_json::Value>(&bytes);
        match (Json::parse(&bytes), other) {
            (Ok(_), Ok(_)) | (Err(_), Err(_)) => {}
            (Err(error), Ok(_)) => prop_assert_eq!(error.reason, "the key stands twice in its map"),
            (Ok(_), Err(error)) => {
                let message = error.to_string();
                prop_assert!(message.contains("number out of range"), "{}", message);
            }
        }
    }
}

#[test]
fn what_is_no_json_is_refused_by_both() {
    for bad in [
        "",
        " ",
        "nul",
        "nulll",
        "True",
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{",
        "}",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "{\"a\" 1}",
        "01",
        "-",
        "-01",
        "+1",
        "1.",
        ".5",
        "1e",
        "1e+",
        "1.e1",
        "0x1",
        "NaN",
        "Infinity",
        "--1",
        "1-2",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12G4\"",
        "\"\\u+123\"",
        "\"\\ud800\"",
        "\"\\ud800x\"",
        "\"\\ud800\\n\"",
        "\"\\udc00\"",
        "\"\\ud800\\ud800\"",
        "\"\n\"",
        "\"\0\"",
        "'a'",
        "1 2",
        "[]]",
        "{}{}",
        "// a\n1",
        "\u{feff}1",
        "\u{a0}1",
        "nul\u{e9}",
    ] {
        assert!(Json::parse(bad.as_bytes()).is_err(), "{bad:?}");
        assert!(serde_json::from_str::<serde_json::Value>(bad).is_err(), "{bad:?}");
    }
    for bad in [&b"\"\xff\""[..], b"\"\xed\xa0\x80\"", b"\"\xc0\x80\"", b"\x80"] {
        assert!(Json::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn an_error_says_where() {
    for (text, shown) in [
        (
            "{\"ä\": 1,\n \"ö\": tru}",
            "only `null`, `true` and `false` are words (line 2, column 7, byte 17)",
        ),
        ("{\"a\":1,\"a\":2}", "the key stands twice in its map (line 1, column 8, byte 7)"),
        ("[1,\n", "a value is missing (line 2, column 1, byte 4)"),
    ] {
        let error = Json::parse(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(error, format!("could not read the JSON text: {shown}"));
    }
    let error = Json::parse(b"[\"a\xff\"]").unwrap_err();
    assert_eq!((error.offset, error.reason), (3, "it is not UTF-8"));
}

#[test]
fn numbers_keep_their_text_and_escapes_are_read() {
    let long = "-123456789012345678901234567890.50E+400";
    assert_eq!(Json::parse(long.as_bytes()).unwrap().compact(), long);
    assert_eq!(Number::new("1e2").unwrap().as_f64(), 100.0);
    for bad in ["", "1 ", " 1", "0x", "1e2e3", "٣"] {
        assert_eq!(Number::new(bad), None, "{bad}");
    }
    let escaped = Json::parse(br#""\u00e4\ud83d\ude00\/\b\f\n\r\t\u0000\"""#).unwrap();
    assert_eq!(escaped, Json::from("ä😀/\u{8}\u{c}\n\r\t\0\""));
    assert_eq!(escaped.compact(), "\"ä😀/\\b\\f\\n\\r\\t\\u0000\\\"\"");
}
