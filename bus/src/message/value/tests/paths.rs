//! Parts by their path.

use super::*;

#[test]
fn a_fixed_part_is_located_without_a_message() {
    let schema = robot(false);
    let located = schema.locate("pose.position[2]").unwrap();
    assert_eq!((located.offset(), located.size(), located.type_name()), (8, 4, "f32".to_owned()));
    assert_eq!(located.field().unwrap().name(), "position");
    assert_eq!(schema.locate("").unwrap().type_name(), "Robot");
    assert_eq!(schema.locate("command").unwrap().offset(), 16);
}

#[test]
fn a_part_that_depends_on_the_message_is_located_in_it() {
    let (schema, bytes) = (robot(false), sample_bytes());
    for (path, shown, offset) in [
        ("command.Move.y", "-7", 20),
        ("command.Move", "Move { x: 7, y: -7 }", 16),
        ("limits[\"b\"]", "300", 48),
        ("path[1].frame", "9", 96),
        ("ports[80]", "false", 111),
    ] {
        assert_eq!(schema.read_part(&bytes, path).unwrap().to_string(), shown);
        assert_eq!(sample().get(path).unwrap().to_string(), shown);
        assert_eq!(schema.locate_in(&bytes, path).unwrap().offset(), offset, "{path}");
        if path != "command" {
            let why = schema.locate(path).unwrap_err().why;
            assert!(why.contains("depends on the message"), "{why}");
        }
    }
}

#[test]
fn what_is_not_there_is_named_with_what_is() {
    let (schema, bytes) = (robot(false), sample_bytes());
    for (path, message) in [
        (
            "pose.positon[2]",
            "`pose.positon[2]` leads nowhere at `positon`: `Pose` has `position`, `frame`; \
             did you mean `position`?",
        ),
        (
            "pose.position[3]",
            "`pose.position[3]` leads nowhere at `[3]`: `[f32; 3]` has the elements from 0 to 3, 3 excluded",
        ),
        (
            "pose.position[-1]",
            "`pose.position[-1]` leads nowhere at `[-1]`: `[f32; 3]` \
             has the elements from 0 to 3, 3 excluded",
        ),
        ("pose.frame.x", "`pose.frame.x` leads nowhere at `x`: `u16` has no parts"),
        ("pose[0]", "`pose[0]` leads nowhere at `[0]`: `Pose` has fields, which are named after a dot"),
        ("path[0][0]", "`path[0][0]` leads nowhere at `[0]`: `Pose` has fields, which are named after a dot"),
        (
            "command.Stop",
            "`command.Stop` leads nowhere at `Stop`: it is now the variant `Move`; \
             to change that, set the whole of it",
        ),
        (
            "command.Mov.x",
            "`command.Mov.x` leads nowhere at `Mov`: the enum `Command` has `Stop`, `Move`, `Both`; \
             did you mean `Move`?",
        ),
        (
            "command.Move.z",
            "`command.Move.z` leads nowhere at `z`: the variant `Move` of `Command` has `x`, `y`; \
             did you mean `x`?",
        ),
        (
            "command.Move[0]",
            "`command.Move[0]` leads nowhere at `[0]`: the variant `Move` has fields and no index",
        ),
        (
            "pose.position.x",
            "`pose.position.x` leads nowhere at `x`: `[f32; 3]` has elements, which are numbered in brackets",
        ),
        ("path[2]", "`path[2]` leads nowhere at `[2]`: the list has now 2 elements"),
        (
            "limits[\"c\"]",
            "`limits[\"c\"]` leads nowhere at `[\"c\"]`: the map has now 2 keys, and not this one",
        ),
    ] {
        assert_eq!(schema.read_part(&bytes, path).unwrap_err().to_string(), message);
        assert!(sample().get(path).is_err(), "{path}");
    }
    assert_eq!(schema.locate("velocity").unwrap_err().nearest.as_deref(), None);
    assert_eq!(schema.locate("poze").unwrap_err().nearest.as_deref(), Some("pose"));
    assert_eq!(sample().get("comand").unwrap_err().nearest.as_deref(), Some("command"));
}

#[test]
fn a_path_that_is_none_is_refused() {
    for path in [
        ".",
        ".pose",
        "pose.",
        "pose..frame",
        "pose[",
        "pose[]",
        "pose[\"",
        "pose[\"a\"",
        "pose[\"\\n\"]",
        "pose[0]frame",
        "pose[\"a\"b]",
        "[",
        "é[",
    ] {
        let error = robot(false).locate(path).unwrap_err();
        assert!(!error.why.is_empty() && error.path == path, "{error}");
        assert!(sample().get(path).is_err());
    }
}

#[test]
fn a_part_is_changed_in_place() {
    let (schema, mut bytes) = (robot(false), sample_bytes());
    let mut expected = bytes.clone();
    schema.set(&mut bytes, "pose.position[2]", &3.5.into()).unwrap();
    expected[8..12].copy_from_slice(&3.5_f32.to_le_bytes());
    assert_eq!(bytes, expected);
    schema.set(&mut bytes, "command", &Value::unit_variant("Stop")).unwrap();
    expected[16..22].copy_from_slice(&[1, 0, 0, 0, 0, 0]);
    assert_eq!(bytes, expected, "nothing of the variant before is left");
    schema.set(&mut bytes, "limits[\"axis\"]", &5.into()).unwrap();
    expected[38] = 5;
    expected[39] = 0;
    assert_eq!(bytes, expected);
    for (path, value, message) in [
        ("pose.position[1]", Value::from(11), "`pose.position[1]`: found 11, expected -10 to 10"),
        (
            "pose",
            structure(&[("position", Value::Absent), ("frame", 1.into())]),
            "`pose.position`: found nothing, expected an array (`[f32; 3]`)",
        ),
        ("", Value::Absent, "found nothing, expected a struct (`Robot`)"),
    ] {
        assert_eq!(schema.set(&mut bytes, path, &value).unwrap_err().to_string(), message);
        assert_eq!(bytes, expected, "an error changes nothing");
    }
    let short = schema.set(&mut bytes[1..], "pose.frame", &1.into()).unwrap_err();
    assert!(matches!(short, PartError::Invalid(_)), "{short}");
}

#[test]
fn invalid_bytes_on_the_way_are_named() {
    let (schema, mut bytes) = (robot(false), sample_bytes());
    bytes[16] = 2;
    bytes[60] = 3;
    bytes[40] = 7;
    let why = |path| schema.read_part(&bytes, path).unwrap_err().to_string();
    let whole = "the message is not valid: ";
    assert!(why("command.Move.x").starts_with(&format!("{whole}`command`: found 2")));
    assert!(why("command").starts_with(&format!("{whole}`command`: found 2")));
    assert!(why("path[0]").starts_with(&format!("{whole}`path`: found 3")));
    assert!(why("limits[\"c\"]").starts_with(&format!("{whole}`limits.entries[1].key`: found 7")));
    assert_eq!(schema.read_part(&bytes, "pose.frame"), Ok(3.into()), "what is beside the way is no matter");
}
