//! Any bytes are a message of any schema, which is then written again, also by way of JSON, or an error.
//!
//! The input is the length of the schema in two bytes, little endian, the schema, and the message; what the
//! message lacks is zero.

#![no_main]

use bus::message::Schema;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((len, rest)) = input.split_first_chunk() else { return };
    let Some((schema, message)) = rest.split_at_checked(u16::from_le_bytes(*len).into()) else { return };
    let Ok(schema) = Schema::decode(schema) else { return };
    if schema.size() > 1 << 16 {
        assert!(schema.read(message).is_err());
        return;
    }
    let mut message = message.to_vec();
    message.resize(schema.size() as usize, 0);
    let value = match schema.read(&message) {
        Ok(value) => value,
        Err(invalid) => {
            assert!(!invalid.expected().is_empty() && !invalid.found().is_empty());
            return;
        }
    };
    let again = schema.write(&value).expect("what was read is a value");
    for (written, found) in again.iter().zip(&message) {
        assert!(written == found || *written == 0, "only what is unused becomes zero");
    }
    // Not by `==`, for the sake of NaN.
    let shown = value.to_string();
    assert_eq!(schema.read(&again).expect("what was written is read").to_string(), shown);
    if shown.contains("NaN") {
        return; // JSON loses its bits, and with them the order of keys
    }
    let back = schema.value_from_json(&value.to_json()).expect("JSON is of the same type");
    let of_json = schema.write(&back).expect("JSON has the same value");
    assert_eq!(schema.read(&of_json).expect("what was written is read").to_string(), shown);
});
