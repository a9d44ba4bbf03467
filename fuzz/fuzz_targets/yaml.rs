//! Descriptor files: reading any bytes ends, every place is inside the file, and what was read is
//! read the same again from its JSON.

#![no_main]

use backstitch_schemas::yaml;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let lines = i32::try_from(bytes.split(|byte| matches!(byte, b'\n' | b'\r')).count()).unwrap_or(i32::MAX);
    for document in yaml::parse("file:/fuzz.yaml", bytes) {
        let placed = document.line_of("/metadata/annotations/a~1b");
        assert!((1..=lines).contains(&document.line), "line {} of {lines}", document.line);
        assert!((1..=lines).contains(&placed), "line {placed} of {lines}");
        let Ok(value) = document.outcome else { continue };
        let json = value.to_string();
        let again = yaml::parse("file:/fuzz.json", json.as_bytes());
        assert_eq!(again.len(), 1, "{json}");
        assert_eq!(again[0].outcome.as_ref().ok(), Some(&value), "{json}");
    }
});
