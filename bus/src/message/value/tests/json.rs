//! Values as JSON.

use serde_json::{Value as Json, json};

use super::*;

#[test]
fn json_is_as_people_write_it() {
    let json = json!({
        "pose": {"position": [0.1, 0.0, 0.5], "frame": 3},
        "command": {"Move": {"x": 7, "y": -7}},
        "limits": {"axis": -2, "b": 300},
        "path": [{"position": [1.5, 0.0, 0.5], "frame": 1}, {"position": [-1.5, 0.0, 0.5], "frame": 9}],
        "ports": {"7": true, "80": false},
    });
    assert_eq!(sample().to_json(), json);
    assert_eq!(robot(false).value_from_json(&json).unwrap(), sample());
}

#[test]
fn what_json_cannot_say_is_a_string() {
    let shown = |value: Value| value.to_json().to_string();
    assert_eq!(shown(u64::MAX.into()), "18446744073709551615");
    assert_eq!(shown(u128::MAX.into()), format!("\"{}\"", u128::MAX));
    assert_eq!(shown(i128::MIN.into()), format!("\"{}\"", i128::MIN));
    assert_eq!(shown(list(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY])), r#"["NaN","inf","-inf"]"#);
    assert_eq!(
        shown(list(&[0.1_f32, 16_777_216.0, f32::MAX, 1e-45])),
        "[0.1,16777216.0,3.4028235e+38,1e-45]"
    );
    assert_eq!(shown(vec![0_u8, 0xfe].into()), r#""00fe""#);
    assert_eq!(shown(Value::Absent), "null");
    let both = Value::Variant { name: "Both".into(), fields: fields(&[("0", 1.into()), ("1", 2.into())]) };
    assert_eq!(shown(both), r#"{"Both":[1,2]}"#);
    assert_eq!(shown(Value::unit_variant("Stop")), r#""Stop""#);
    assert_eq!(shown(Value::Map(vec![(0.5.into(), 1.into())])), "[[0.5,1]]");
    let mixed = Value::Map(vec![(1.into(), 1.into()), ("1".into(), 2.into())]);
    assert_eq!(shown(mixed), r#"[[1,1],["1",2]]"#);
}

#[test]
fn json_of_another_type_is_refused_with_its_path() {
    let refused = |path: &str, json: Json| {
        let mut whole = sample().to_json();
        *whole.pointer_mut(path).unwrap() = json;
        robot(false).value_from_json(&whole).unwrap_err().to_string()
    };
    assert_eq!(
        refused("/pose/position/1", json!("x")),
        "`pose.position[1]`: found the string \"x\", expected a number, \"NaN\", \"inf\" or \"-inf\" (`f32`)"
    );
    assert_eq!(refused("/pose/frame", json!(1.5)), "`pose.frame`: found 1.5, expected an integer (`u16`)");
    assert_eq!(
        refused("/pose", json!({"position": [], "fram": 1})),
        "`pose`: found the field `fram`, expected only the fields `position`, `frame` (`Pose`); \
         did you mean `frame`?"
    );
    assert_eq!(
        refused("/command", json!({"Move": {"x": 1}})),
        "`command.Move`: found nothing for `y`, expected all fields: `x`, `y` (`Command::Move`)"
    );
    assert_eq!(
        refused("/command", json!({"Both": [1]})),
        "`command.Both`: found an array of 1, expected an array of 2 (`Command::Both`)"
    );
    assert_eq!(
        refused("/ports", json!({"x": true})),
        "`ports[\"x\"]`: found the string \"x\", expected an integer (`u8`)"
    );
    assert_eq!(
        refused("/ports", json!([[1]])),
        "`ports[0]`: found an array of 1, expected an array of a key and a value"
    );
    assert_eq!(
        refused("/path", Json::Null),
        format!("`path`: found null, expected an array (`{}`)", robot(false).type_name(9))
    );
}

#[test]
fn a_part_is_read_from_json() {
    let schema = robot(false);
    let located = schema.locate("pose.position").unwrap();
    assert_eq!(located.value_from_json(&json!([1, 2, 3])).unwrap(), list(&[1_f32, 2.0, 3.0]));
}

#[test]
fn a_schema_is_a_table() {
    let json = robot(true).to_json();
    assert_eq!((&json["name"], &json["byte_order"]), (&json!("Robot"), &json!("big")));
    let types = json["types"].as_array().unwrap();
    assert_eq!(types.len(), robot(true).types().len());
    assert_eq!(types[1]["name"], "[f32; 3]");
    assert_eq!(types[3]["fields"][1], json!({"name": "frame", "offset": 12, "type": 2, "range": [1, 9]}));
    assert_eq!(types[5]["variants"][0], json!({"name": "Stop", "value": 1, "fields": []}));
    assert_eq!(types[14]["fingerprint"], json["fingerprint"]);
    assert_eq!((&types[8]["kind"], &types[8]["entry"]), (&json!("map"), &json!(7)));
}
