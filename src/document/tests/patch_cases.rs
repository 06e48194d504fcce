//! Single cases of patches: what is refused and how it is named, numbers, bounds, ways back.

use super::model::{json, pointer};
use crate::document::{
    Json, ListKeys, Patch, PatchError, PatchOp, apply_merge_patch, is_numerically_equal,
    merge_patch_between,
};

fn patch(text: &str) -> Patch {
    Patch::parse(text.as_bytes()).unwrap()
}

#[test]
fn a_bad_patch_is_refused_and_the_operation_is_named() {
    let good = r#"{"op":"test","path":"/a","value":1}"#;
    for (second, reason) in [
        ("1", "it is no map"),
        ("{}", "its member `op` is missing"),
        (r#"{"op":1,"path":""}"#, "its member `op` is no string"),
        (r#"{"op":"spam","path":""}"#, "there is no operation `spam`"),
        (r#"{"op":"Add","path":"","value":1}"#, "there is no operation `Add`"),
        (r#"{"op":"remove"}"#, "its member `path` is missing"),
        (r#"{"op":"remove","path":["a"]}"#, "its member `path` is no string"),
        (r#"{"op":"add","path":"/a"}"#, "its member `value` is missing"),
        (r#"{"op":"copy","path":"/a"}"#, "its member `from` is missing"),
        (
            r#"{"op":"remove","path":"a"}"#,
            "`path`: could not read `a` as a JSON pointer: it does not begin with `/`",
        ),
        (
            r#"{"op":"move","from":"/~2","path":""}"#,
            "`from`: could not read `/~2` as a JSON pointer: `~` is only in `~0` and `~1`",
        ),
        (r#"{"op":"remove","path":""}"#, "the whole document cannot be removed"),
        (r#"{"op":"move","from":"/a","path":"/a/b"}"#, "a value cannot be moved into itself"),
    ] {
        let error = Patch::parse(format!("[{good},{second}]").as_bytes()).unwrap_err().to_string();
        assert_eq!(error, format!("could not read operation 2 of the patch: {reason}"));
    }
    assert_eq!(Patch::parse(b"{}").unwrap_err(), PatchError::NoList);
    let error = Patch::parse(b"[\n1,]").unwrap_err().to_string();
    assert_eq!(
        error,
        "could not read the JSON text: no value begins so (line 2, column 3, byte 4)"
    );
}

#[test]
fn a_patch_that_does_not_fit_is_named() {
    let before = json(r#"{"a":{"b":[1,2]},"s":"x"}"#);
    for (second, at, reason) in [
        (r#"{"op":"remove","path":"/x"}"#, "/x", "nothing stands there"),
        (r#"{"op":"replace","path":"/x","value":1}"#, "/x", "nothing stands there"),
        (r#"{"op":"replace","path":"/a/b/-","value":1}"#, "/a/b/-", "nothing stands there"),
        (r#"{"op":"remove","path":"/a/b/2"}"#, "/a/b/2", "nothing stands there"),
        (r#"{"op":"remove","path":"/a/b/01"}"#, "/a/b/01", "nothing stands there"),
        (r#"{"op":"add","path":"/x/y","value":1}"#, "/x/y", "nothing stands there"),
        (r#"{"op":"add","path":"/s/y","value":1}"#, "/s/y", "it would stand inside a scalar"),
        (
            r#"{"op":"add","path":"/a/b/3","value":1}"#,
            "/a/b/3",
            "it is no position up to the end of the list",
        ),
        (r#"{"op":"move","from":"/x","path":"/y"}"#, "/x", "nothing stands there"),
        (r#"{"op":"move","from":"/x","path":"/x"}"#, "/x", "nothing stands there"),
        (r#"{"op":"copy","from":"/x","path":"/y"}"#, "/x", "nothing stands there"),
        (r#"{"op":"copy","from":"/s","path":"/x/y"}"#, "/x/y", "nothing stands there"),
        (r#"{"op":"test","path":"/s","value":"y"}"#, "/s", "another value stands there"),
        (r#"{"op":"test","path":"/x","value":null}"#, "/x", "nothing stands there"),
    ] {
        let patch = patch(&format!(r#"[{{"op":"add","path":"/new","value":1}},{second}]"#));
        let error = patch.apply(&before).unwrap_err();
        assert_eq!(patch.reversed(&before).unwrap_err(), error);
        let name = patch.0[1].name();
        let shown =
            format!("could not apply operation 2 of the patch (`{name}` at `{at}`): {reason}");
        assert_eq!(error.to_string(), shown);
    }
}

#[test]
fn a_patch_made_by_hand_is_checked_as_well() {
    let ops = vec![PatchOp::Move { from: pointer("/a"), path: pointer("/a/b") }];
    let error = Patch(ops).apply(&json(r#"{"a":{}}"#)).unwrap_err();
    assert!(matches!(error, PatchError::Operation { number: 1, .. }), "{error}");
}

#[test]
fn test_compares_numbers_by_value_and_everything_else_by_text() {
    for (a, b) in [
        ("1", "1.0"),
        ("1", "10e-1"),
        ("0", "-0.00e7"),
        ("120", "1.2E+2"),
        ("[1,{\"a\":0.5}]", "[1.0,{\"a\":5e-1}]"),
        ("1e999999999999999999999", "10e999999999999999999998"),
        ("9007199254740993", "9007199254740993.000"),
    ] {
        assert!(is_numerically_equal(&json(a), &json(b)), "{a} {b}");
        let test = Patch(vec![PatchOp::Test { path: pointer(""), value: json(b) }]);
        assert_eq!(test.apply(&json(a)).unwrap(), json(a), "the number keeps its text");
        assert!(!Patch::between(&json(a), &json(b), &ListKeys::default()).0.is_empty());
    }
    for (a, b) in [
        ("1", "-1"),
        ("9007199254740992", "9007199254740993"),
        ("0.1", "0.10000000000000001"),
        ("1e400", "2e400"),
        ("1", "\"1\""),
        ("1e-1", "1e1"),
        ("[1]", "[1,1]"),
        ("{\"a\":1}", "{\"b\":1}"),
        ("1e9999999999999999999999999999999999", "10e9999999999999999999999999999999998"),
    ] {
        assert!(!is_numerically_equal(&json(a), &json(b)), "{a} {b}");
    }
}

#[test]
fn depth_and_size_of_what_a_patch_makes_are_bounded() {
    let nested = |levels: usize| json(&("[".repeat(levels) + &"]".repeat(levels)));
    let add = |path: &str, value| Patch(vec![PatchOp::Add { path: pointer(path), value }]);
    assert!(add("/a", nested(127)).apply(&json("{}")).is_ok());
    let too_deep = "the value would be nested too deeply (128 levels at most)";
    let error = add("/a", nested(128)).apply(&json("{}")).unwrap_err().to_string();
    assert!(error.ends_with(too_deep), "{error}");
    // A copy and a move go deeper, too.
    let before: Json = [("a", nested(100)), ("b", nested(100))].into_iter().collect();
    let deep = "/0".repeat(40);
    for op in ["copy", "move"] {
        let text = format!(r#"[{{"op":"{op}","from":"/a","path":"/b{deep}/-"}}]"#);
        let error = patch(&text).apply(&before).unwrap_err().to_string();
        assert!(error.ends_with(too_deep), "{error}");
    }
    let long = add(&format!("/{}", "k".repeat(65_537)), Json::Null);
    assert!(long.apply(&json("{}")).unwrap_err().to_string().contains("the key is too long"));
    let inside: Json = [("k".repeat(65_537), Json::Null)].into_iter().collect();
    assert!(add("/a", inside).validate().is_err());
}

/// Each operation can be taken back, also where it puts one value over another.
#[test]
fn every_operation_can_be_taken_back() {
    for (before, text) in [
        (r#"{"a":1}"#, r#"[{"op":"add","path":"/a","value":2}]"#),
        (r#"{"a":1}"#, r#"[{"op":"add","path":"","value":2}]"#),
        (r#"{"a":[1]}"#, r#"[{"op":"add","path":"/a/-","value":2}]"#),
        (r#"{"a":[1]}"#, r#"[{"op":"copy","from":"/a","path":"/a/-"}]"#),
        (r#"{"a":[1],"b":2}"#, r#"[{"op":"copy","from":"/a","path":"/b"}]"#),
        (r#"{"a":1,"b":2}"#, r#"[{"op":"move","from":"/a","path":"/b"}]"#),
        (r#"{"a":1,"b":2}"#, r#"[{"op":"move","from":"/a","path":"/a"}]"#),
        (r#"{"a":{"b":1}}"#, r#"[{"op":"move","from":"/a/b","path":"/a"}]"#),
        (r#"{"a":{"b":1}}"#, r#"[{"op":"move","from":"/a/b","path":""}]"#),
        (r#"[{"b":1}]"#, r#"[{"op":"move","from":"/0/b","path":"/0"}]"#),
        (r#"[{"b":1},2]"#, r#"[{"op":"move","from":"/0/b","path":"/1"}]"#),
        (r#"[0,1,{"a":2}]"#, r#"[{"op":"move","from":"/0","path":"/1/a"}]"#),
        (r#"[0,1,{"a":2}]"#, r#"[{"op":"move","from":"/0","path":"/1/b"}]"#),
        (r#"[0,1,2]"#, r#"[{"op":"move","from":"/0","path":"/-"}]"#),
        (r#"[[0],1]"#, r#"[{"op":"move","from":"/0/0","path":"/0"},{"op":"remove","path":"/1"}]"#),
        (r#"{"a":1}"#, r#"[{"op":"test","path":"/a","value":1},{"op":"remove","path":"/a"}]"#),
    ] {
        let (before, patch) = (json(before), patch(text));
        let after = patch.apply(&before).unwrap();
        let back = patch.reversed(&before).unwrap();
        assert_eq!(back.apply(&after).unwrap(), before, "{text}: {}", back.compact());
    }
}

/// Lists that would take 10^10 comparisons end at once, and the patch still fits.
#[test]
fn the_work_on_long_lists_is_bounded() {
    let numbers = |from: i64| Json::from((from..from + 100_000).collect::<Vec<i64>>());
    let (before, after) = (numbers(0), numbers(7));
    let patch = Patch::between(&before, &after, &ListKeys::default());
    assert_eq!(patch.0.len(), 100_000, "by position");
    assert_eq!(patch.apply(&before).unwrap(), after);
    // Known by a field it is exact, whatever the order: one stays.
    let items = |ids: &mut dyn Iterator<Item = i64>| {
        Json::List(ids.map(|id| [("id", Json::from(id))].into_iter().collect()).collect())
    };
    let (before, after) = (items(&mut (0..5_000)), items(&mut (0..5_000).rev()));
    let patch = Patch::between(&before, &after, &ListKeys::default());
    assert_eq!(patch.0.len(), 4_999);
    assert_eq!(patch.apply(&before).unwrap(), after);
}

#[test]
fn a_field_may_be_another_one_at_some_places() {
    let keys = ListKeys::by_position().with("/steps".parse().unwrap(), "name");
    let before =
        json(r#"{"steps":[{"name":"a"},{"name":"b"}],"rest":[{"name":"a"},{"name":"b"}]}"#);
    let after = json(r#"{"steps":[{"name":"b"},{"name":"a"}],"rest":[{"name":"b"},{"name":"a"}]}"#);
    let names: Vec<_> = Patch::between(&before, &after, &keys)
        .0
        .iter()
        .map(|op| (op.name(), op.path().to_string()))
        .collect();
    let count =
        |name| names.iter().filter(|(op, at)| *op == name && at.starts_with("/steps")).count();
    assert_eq!((count("move"), names.len()), (1, 3), "{names:?}");
    // The same field twice, or missing in one: by position.
    for list in [r#"[{"name":"a"},{"name":"a"}]"#, r#"[{"name":"a"},{}]"#, r#"[{"name":null}]"#] {
        let keys = ListKeys::everywhere("name");
        let patch = Patch::between(&json(list), &json(r#"[{"name":"c"},{"name":"a"}]"#), &keys);
        assert!(patch.0.iter().all(|op| op.name() != "move"), "{}", patch.compact());
    }
}

/// RFC 7396, appendix A.
#[test]
fn merge_patches_are_those_of_the_rfc() {
    for (target, patch, result) in [
        (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
        (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
        (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
        (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
        (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
        (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
        (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
        (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
        (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
        (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
        (r#"{"a":"foo"}"#, "null", "null"),
        (r#"{"a":"foo"}"#, r#""bar""#, r#""bar""#),
        (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
        ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
        ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
    ] {
        let (target, result) = (json(target), json(result));
        assert_eq!(apply_merge_patch(&target, &json(patch)), result, "{}", target.compact());
        let found = merge_patch_between(&target, &result).unwrap();
        assert_eq!(apply_merge_patch(&target, &found), result, "{}", found.compact());
    }
}

#[test]
fn what_a_merge_patch_cannot_say_is_none() {
    for (before, after) in [
        ("{}", r#"{"a":null}"#),
        (r#"{"a":1}"#, r#"{"a":null}"#),
        ("[]", r#"{"a":{"b":null}}"#),
        (r#"{"a":{"b":1}}"#, r#"{"a":{"b":null}}"#),
    ] {
        assert_eq!(merge_patch_between(&json(before), &json(after)), None, "{before} {after}");
    }
    let untouched = merge_patch_between(&json(r#"{"a":null}"#), &json(r#"{"a":null,"b":[null]}"#));
    assert_eq!(untouched, Some(json(r#"{"b":[null]}"#)), "a null that stays, and one in a list");
    assert_eq!(merge_patch_between(&json("1"), &Json::Null), Some(Json::Null));
}
