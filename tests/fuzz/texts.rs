//! Texts that people, tools and other stores give: JSON, patches, settings, reports, bundles.

use expdag::base::codec;
use expdag::document::{Json, Patch, Pointer, PointerPattern, apply_merge_patch};
use expdag::engine::config::{Approaches, Config, Settings, duration_ms, size_bytes};
use expdag::run::report::{
    Counter, cargo_text, compiler_errors, failure_lines, hyperfine, junit, metrics,
};
use expdag::store::bundle::inspect;

use super::mutate::fuzz;

fn bytes(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

/// The body for JSON text.
fn use_json(bytes: &[u8]) -> bool {
    let Ok(value) = Json::parse(bytes) else {
        return false;
    };
    assert_eq!(Json::parse(value.compact().as_bytes()).as_ref(), Ok(&value));
    assert_eq!(Json::parse(value.pretty().as_bytes()).as_ref(), Ok(&value));
    true
}

#[test]
fn changed_json_is_refused_or_read_the_same_again() {
    let text = r#"{"a":[1,-2.5e+3,"x\u00e4\ud83d\ude00\n",null,true],"b":{"c":{},"d":[[]]}}"#;
    let accepted = fuzz("JSON", &[bytes(text)], (0, 5_000), use_json);
    assert!(accepted > 100, "{accepted}");
    assert!(!use_json(&b"[".repeat(10_000_000)));
    assert!(!use_json(&b"{\"a\":".repeat(1_000_000)));
}

#[test]
fn changed_patches_are_refused_or_applied_as_a_whole() {
    let before = r#"{"a":[1,2,{"b":"x"}],"c":{"d~e":null,"f/g":[true]},"n":1}"#;
    let before = Json::parse(before.as_bytes()).unwrap();
    let patch = r#"[{"op":"test","path":"/n","value":1},{"op":"add","path":"/a/-","value":[3]},
        {"op":"move","from":"/a/2/b","path":"/c/moved"},{"op":"copy","from":"/c","path":"/d"},
        {"op":"remove","path":"/c/d~0e"},{"op":"replace","path":"/c/f~1g/0","value":{"x":1e3}}]"#;
    let accepted = fuzz("patch", &[bytes(patch)], (0, 4_000), |text| {
        let Ok(patch) = Patch::parse(text) else { return false };
        if let Ok(after) = patch.apply(&before) {
            assert_eq!(patch.apply(&before).unwrap(), after);
            let merged = apply_merge_patch(&before, &after);
            assert_eq!(apply_merge_patch(&merged, &Json::parse(b"{}").unwrap()), merged);
        }
        true
    });
    assert!(accepted > 50, "{accepted}");
    let pointer = bytes("/a/0/~0x~1y/-");
    fuzz("pointer", &[pointer], (0, 4_000), |text| {
        let text = String::from_utf8_lossy(text);
        let _ = format!("{text}/**/~2").parse::<PointerPattern>();
        let Ok(pointer) = text.parse::<Pointer>() else { return false };
        assert_eq!(pointer.to_string().parse::<Pointer>().unwrap(), pointer);
        true
    });
}

const CONFIG: &str = r#"[workspace]
secrets = ["*.key"]
[state]
ignore = ["/time/**"]
[[stage]]
name = "build"
kind = "gate"
run = "make"
timeout = "20s"
[[stage]]
name = "time"
kind = "metric"
run = "./measure"
report = "number"
unit = "ms"
better = "lower"
"#;

#[test]
fn changed_settings_are_refused_or_understood() {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    fuzz("exp.toml", &[bytes(CONFIG)], (0, 2_000), |bytes| Config::parse(&text(bytes)).is_ok());
    let list = "from = '@-'\n[[approach]]\nname = 'b'\ncommand = '''\nmake\nmake x'''\n\
                [[approach]]\nname = 'a'\ncommand = 'X=1 true'\ntimeout = '90s'\n";
    fuzz("approaches", &[bytes(list)], (0, 2_000), |b| Approaches::parse(&text(b), "f").is_ok());
    let settings = bytes(expdag::engine::config::DEFAULT_SETTINGS);
    fuzz("settings", &[settings], (0, 2_000), |bytes| Settings::parse(&text(bytes)).is_ok());
    fuzz("units", &[bytes("20s"), bytes("12ms"), bytes("3h")], (0, 5_000), |bytes| {
        let text = text(bytes);
        let _ = size_bytes(&text);
        duration_ms(&text).is_ok()
    });
}

const CARGO: &str = "     Running tests/all.rs (target/debug/deps/all-0123456789abcdef)\n\n\
    running 3 tests\ntest a ... ok\ntest b ... FAILED\ntest c ... ignored\n\nfailures:\n\n\
    ---- b stdout ----\nthread 'b' (7) panicked at tests/all.rs:3:5:\nassertion failed\n\n\
    test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";

const NEXTEST: &str = "    Starting 2 tests across 1 binary\n        PASS [   0.005s] one a::b\n\
    \x20       FAIL [   0.007s] (2/2) one c\n     Summary [   0.01s] 2 tests run: 1 passed, 1 failed\n";

const ERRORS: &str = "error[E0308]: mismatched types\n --> src/a.rs:3:5\n  |\n3 |  1\n  |  ^ expected\n\n\
    src/b.c:7:3: error: expected ';' before '}' token\nE   assert 1 == 2\n";

#[test]
fn changed_reports_of_tools_are_read() {
    let samples = [CARGO, NEXTEST, ERRORS].map(bytes);
    fuzz("test report", &samples, (0, 3_000), |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let found = cargo_text(&text);
        let _ = (compiler_errors(&text), failure_lines(&text, 20), metrics(&text, &[]));
        let mut counter = Counter::default();
        let (a, b) = bytes.split_at(bytes.len() / 2);
        let _ = (counter.take(a), counter.take(b));
        drop(found);
        true
    });
    let xml = r#"<?xml version="1.0"?><testsuites><testsuite name="s" tests="2" failures="1">
        <testcase classname="c" name="a" time="0.1"/><testcase name="b"><failure message="m">x &lt; y
        <![CDATA[ z ]]></failure></testcase><testcase name="d"><skipped/></testcase>
        </testsuite></testsuites>"#;
    fuzz("junit", &[bytes(xml)], (0, 3_000), |bytes| junit(bytes).is_ok());
    let json = r#"{"results":[{"command":"x","mean":1.5,"stddev":0.1,"median":1.4,"times":[1.4,1.5,1.6],
        "exit_codes":[0,0,0]}]}"#;
    fuzz("hyperfine", &[bytes(json)], (0, 3_000), |bytes| hyperfine(bytes).is_ok());
}

/// The samples are those that ARCHITECTURE.md is held by.
#[test]
fn changed_bundles_are_refused_or_say_what_is_true() {
    let hex = include_str!("../../src/store/bundle/tests/golden/bundle.hex");
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let binary: Vec<u8> = digits.chunks(2).map(pair).collect();
    let lines = include_bytes!("../../src/store/bundle/tests/golden/bundle.jsonl").to_vec();
    fuzz("bundle", &[binary, lines], (8, 3_000), |bytes| inspect(bytes).is_ok());
    assert!(inspect(&codec::blob_id(b"").0.0).is_err());
}
