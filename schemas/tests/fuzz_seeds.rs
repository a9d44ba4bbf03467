//! What the fuzzers start from and what they once broke is read as they demand, in every run of the
//! tests.

use std::{fs, path::Path};

use backstitch_schemas::yaml;

#[test]
fn every_seed_of_the_yaml_fuzzer_is_read_within_its_lines_and_the_same_from_its_json() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/yaml");
    let mut read = 0;
    for seed in fs::read_dir(seeds).unwrap() {
        let path = seed.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let lines = i32::try_from(bytes.split(|byte| *byte == b'\n').count()).unwrap();
        for document in yaml::parse("file:/seed.yaml", &bytes) {
            assert!((1..=lines).contains(&document.line), "{path:?}: line {}", document.line);
            assert!((1..=lines).contains(&document.line_of("/a/0")), "{path:?}");
            let Ok(value) = document.outcome else { continue };
            let again = yaml::parse("file:/seed.json", value.to_string().as_bytes());
            assert_eq!(again[0].outcome.as_ref().ok(), Some(&value), "{path:?}");
            read += 1;
        }
    }
    assert!(read > 5, "{read} documents were read");
}
