//! Any bytes are a schema, which then has one encoding and can be shown and compared, or an error.

#![no_main]

use bus::message::Schema;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let schema = match Schema::decode(bytes) {
        Ok(schema) => schema,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    assert_eq!(schema.encode(), bytes, "a schema has one encoding");
    assert!(!schema.to_string().is_empty());
    assert!(schema.difference(&schema).is_empty());
    assert!(schema.locate("").is_ok());
    if schema.size() <= 1 << 16 {
        let zeroes = vec![0; schema.size() as usize];
        match schema.read(&zeroes) {
            Ok(value) => assert_eq!(schema.write(&value).expect("what was read is a value"), zeroes),
            Err(invalid) => assert!(!invalid.expected().is_empty()),
        }
    }
});
