//! A value that is none of the type is refused, and the error says why.

use super::*;

/// The sample, with the part at a top-level field replaced.
fn with(name: &str, part: Value) -> String {
    let Value::Struct(mut fields) = sample() else { panic!() };
    fields.iter_mut().find(|(field, _)| field == name).unwrap().1 = part;
    robot(false).write(&Value::Struct(fields)).unwrap_err().to_string()
}

#[test]
fn fields_are_all_there_once() {
    let of = |of: &[(&str, Value)]| with("pose", structure(of));
    let position = || ("position", list(&[0.0, 0.0, 0.0]));
    let frame = || ("frame", Value::from(1));
    assert_eq!(
        of(&[position()]),
        "`pose`: found nothing for `frame`, expected all fields: `position`, `frame` (`Pose`)"
    );
    assert_eq!(
        of(&[position(), frame(), ("fram", 1.into())]),
        "`pose`: found the field `fram`, expected only the fields `position`, `frame` (`Pose`); \
         did you mean `frame`?"
    );
    assert_eq!(
        of(&[position(), frame(), frame()]),
        "`pose`: found the field `frame` twice, expected each field once"
    );
    let variant = |name: &str, of: &[(&str, Value)]| {
        with("command", Value::Variant { name: name.to_owned(), fields: fields(of) })
    };
    assert_eq!(
        variant("Move", &[("x", 1.into())]),
        "`command.Move`: found nothing for `y`, expected all fields: `x`, `y` (`Command::Move`)"
    );
    assert_eq!(
        variant("Stop", &[("x", 1.into())]),
        "`command.Stop`: found the field `x`, expected no fields (`Command::Stop`)"
    );
    assert_eq!(
        variant("stop", &[]),
        "`command`: found the variant `stop`, expected one of `Stop`, `Move`, `Both` (enum `Command`); \
         did you mean `Stop`?"
    );
}

#[test]
fn kinds_and_lengths_are_those_of_the_type() {
    assert_eq!(with("pose", 1.into()), "`pose`: found 1, expected a struct (`Pose`)");
    assert_eq!(
        with("command", "Stop".into()),
        "`command`: found the text \"Stop\", expected a variant, one of `Stop`, `Move`, `Both` (`Command`)"
    );
    assert_eq!(
        with("path", Value::Absent),
        format!("`path`: found nothing, expected a list (`{}`)", robot(false).type_name(9))
    );
    assert_eq!(
        with("path", Value::List(vec![pose(0.0, 1), pose(0.0, 1), pose(0.0, 1)])),
        "`path`: found 3, expected a length of at most 2 (`FixedVec<_, 2>`)"
    );
    assert_eq!(with("path", Value::List(vec![pose(0.0, 0)])), "`path[0].frame`: found 0, expected 1 to 9");
    let limit = |key: &str, value: i32| (key.into(), value.into());
    assert_eq!(
        with("limits", Value::Map(vec![limit("seventy", 1)])),
        "`limits[\"seventy\"]`: found 7 bytes, expected a length of at most 6 (`FixedStr<6>`)"
    );
    assert_eq!(
        with("limits", Value::Map(vec![limit("a", 40_000)])),
        "`limits[\"a\"]`: found 40000, expected -32768 to 32767 (`i16`)"
    );
    assert_eq!(
        with("limits", Value::Map(vec![limit("b", 1), limit("a", 1), limit("b", 2)])),
        "`limits`: found the key \"b\" twice, expected each key once"
    );
    let short = structure(&[("position", list(&[0.0])), ("frame", 1.into())]);
    assert_eq!(with("pose", short), "`pose.position`: found 1 elements, expected 3 elements (`[f32; 3]`)");
}

fn alone(of: Primitive, value: impl Into<Value>) -> Result<Vec<u8>, String> {
    schema(false, [primitive(of)]).write(&value.into()).map_err(|error| error.to_string())
}

#[test]
fn numbers_are_in_range_and_converted_where_nothing_is_lost_but_digits() {
    use Primitive::*;
    assert_eq!(alone(U8, 256).unwrap_err(), "found 256, expected 0 to 255 (`u8`)");
    assert_eq!(alone(U8, -1).unwrap_err(), "found -1, expected 0 to 255 (`u8`)");
    assert_eq!(alone(U128, u128::MAX), Ok(vec![0xff; 16]));
    assert_eq!(alone(I128, i128::MIN).unwrap()[15], 0x80);
    assert!(alone(I128, u128::MAX).is_err() && alone(U64, 1_i128 << 64).is_err() && alone(U128, -1).is_err());
    assert_eq!(alone(U8, 1.0).unwrap_err(), "found 1.0, expected an integer (`u8`)");
    assert_eq!(alone(F32, 3), Ok(3_f32.to_le_bytes().to_vec()));
    assert_eq!(alone(F32, 0.1), Ok(0.1_f32.to_le_bytes().to_vec()));
    assert_eq!(alone(F64, 0.5_f32), Ok(0.5_f64.to_le_bytes().to_vec()));
    assert_eq!(alone(F32, f64::INFINITY), Ok(f32::INFINITY.to_le_bytes().to_vec()));
    assert!(alone(F32, 1e40).unwrap_err().ends_with("(`f32`)"));
    assert!(alone(F32, u128::MAX).is_err());
    assert_eq!(alone(F64, "1").unwrap_err(), "found the text \"1\", expected a number (`f64`)");
    assert_eq!(alone(NonZeroI8, 0).unwrap_err(), "found 0, expected a value other than 0");
    assert_eq!(alone(Bool, 1).unwrap_err(), "found 1, expected true or false (`bool`)");
    assert_eq!(alone(Char, "a").unwrap_err(), "found the text \"a\", expected a character (`char`)");
    assert!(alone(U8, Value::Absent).is_err());
}

/// A map from the given type, and its keys in the order in which they are written.
fn keys(key: SchemaType, others: Vec<SchemaType>, keys: &[Value]) -> String {
    let (size, align, at) = (key.size, key.align, others.len());
    let entry = SchemaKind::Struct { fields: vec![field("key", 0, at), field("value", size, at)] };
    let start = 8_u64.next_multiple_of(align);
    let map = of_kind("FixedMap", start + 20 * size, align, SchemaKind::Map { entry: at + 1, capacity: 10 });
    let types = others.into_iter().chain([key, of_kind("Entry", 2 * size, align, entry), map]);
    let schema = schema(true, types);
    let entries = keys.iter().rev().map(|key| (key.clone(), key.clone())).collect();
    let read = schema.read(&schema.write(&Value::Map(entries)).unwrap()).unwrap();
    read.as_map().unwrap().iter().map(|(key, _)| key.to_string()).collect::<Vec<_>>().join(" ")
}

#[test]
fn keys_are_in_the_order_of_rust() {
    let integers = [(-300).into(), (-1).into(), 0.into(), 2.into(), 256.into()];
    assert_eq!(keys(primitive(Primitive::I16), vec![], &integers), "-300 -1 0 2 256");
    let large = [0.into(), 1.into(), 256.into(), u128::MAX.into()];
    assert!(keys(primitive(Primitive::U128), vec![], &large).starts_with("0 1 256 3402"));
    let text = of_kind("FixedStr", 6, 1, SchemaKind::Str { capacity: 4 });
    assert_eq!(
        keys(text, vec![], &["".into(), "B".into(), "a".into(), "aa".into(), "ö".into()]),
        r#""" "B" "a" "aa" "ö""#
    );
    assert_eq!(keys(primitive(Primitive::Bool), vec![], &[false.into(), true.into()]), "false true");
    assert_eq!(keys(primitive(Primitive::Char), vec![], &['b'.into(), 'ö'.into()]), "'b' 'ö'");
    let variants = vec![variant("Last", 5, vec![]), variant("First", -5, vec![field("x", 1, 0)])];
    let of = of_kind("E", 2, 1, SchemaKind::Enum { tag: Primitive::I8, variants });
    let first = |x: i8| Value::Variant { name: "First".into(), fields: fields(&[("x", x.into())]) };
    let shown = keys(of, vec![primitive(Primitive::I8)], &[first(-1), first(1), Value::unit_variant("Last")]);
    assert_eq!(shown, "First { x: -1 } First { x: 1 } Last");
    let pair = SchemaKind::Struct { fields: vec![field("0", 0, 0), field("1", 1, 0)] };
    let of = |a: i8, b: i8| structure(&[("0", a.into()), ("1", b.into())]);
    let shown =
        keys(of_kind("P", 2, 1, pair), vec![primitive(Primitive::I8)], &[of(-1, 5), of(1, -5), of(1, 5)]);
    assert_eq!(shown, "(-1, 5) (1, -5) (1, 5)");
    let lists = SchemaKind::List { element: 0, capacity: 3 };
    let shown = keys(
        of_kind("FixedVec", 11, 1, lists),
        vec![primitive(Primitive::I8)],
        &[list::<i8>(&[]), list(&[-1, 5]), list(&[1]), list(&[1, -7])],
    );
    assert_eq!(shown, "[] [-1, 5] [1] [1, -7]");
}

#[test]
fn elements_begin_at_a_multiple_of_their_alignment() {
    let kind = SchemaKind::List { element: 0, capacity: 1 };
    let schema = schema(false, [primitive(Primitive::U128), of_kind("FixedVec", 32, 16, kind)]);
    let bytes = schema.write(&list(&[7_u8])).unwrap();
    assert_eq!((bytes[0], bytes[8], bytes[16]), (1, 0, 7));
    assert_eq!(schema.locate_in(&bytes, "[0]").unwrap().offset(), 16);
    assert_eq!(schema.read(&bytes).unwrap(), list(&[7_u8]));
}

#[test]
fn unused_bytes_are_zero() {
    let schema = robot(false);
    let mut bytes = vec![0xee; schema.size() as usize];
    schema.write_into(&sample(), &mut bytes).unwrap();
    assert_eq!(bytes, sample_bytes());
    assert_eq!(bytes[14..16], [0, 0], "padding");
    assert_eq!(bytes[50..60], [0; 10], "room for one more entry");
}

#[test]
fn a_union_is_its_bytes() {
    let kind = SchemaKind::Union { fields: vec![field("number", 0, 0), field("byte", 0, 1)] };
    let types = [primitive(Primitive::U16), primitive(Primitive::U8), of_kind("Either", 2, 2, kind)];
    let schema = schema(false, types);
    let mut bytes = vec![1, 2];
    assert_eq!(schema.read(&bytes), Ok(Value::Raw(vec![1, 2])));
    assert_eq!(schema.read_part(&bytes, "number"), Ok(0x201.into()));
    schema.set(&mut bytes, "byte", &9.into()).unwrap();
    assert_eq!(schema.write(&Value::Raw(bytes.clone())).unwrap(), [9, 2]);
    let error = schema.write(&Value::Raw(vec![1])).unwrap_err();
    assert_eq!(error.to_string(), "found 1 raw bytes, expected 2 raw bytes (`Either`)");
}
