//! Refs are written as they were read.

use backstitch_schemas::{CompoundRef, EntityRef, LocationRef, RefContext};
use proptest::prelude::*;

/// Texts of the characters that matter to refs, and of any others.
fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => prop::sample::select(vec![":", "/", "a", "B", "-", ".", " ", "\t", "İ", "ß", "url", "file", "http", "javascript"])
            .prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(part, 0..9).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn a_written_ref_is_written_as_it_was_read(text in text()) {
        if let Ok(written) = CompoundRef::parse(&text) {
            prop_assert_eq!(written.to_string(), text);
        }
    }

    #[test]
    fn a_canonical_ref_is_read_as_itself(text in text()) {
        let context = RefContext { default_kind: Some("Component"), default_namespace: Some("Team") };
        if let Ok(canonical) = EntityRef::parse(&text, context) {
            let again = EntityRef::parse(canonical.as_str(), RefContext::default());
            prop_assert_eq!(again.as_ref(), Ok(&canonical));
            let parts = EntityRef::new(canonical.kind(), Some(canonical.namespace()), canonical.name());
            prop_assert_eq!(parts, canonical);
        }
    }

    #[test]
    fn a_location_ref_is_read_as_it_was_written(text in text()) {
        if let Ok(location) = LocationRef::parse(&text) {
            prop_assert_eq!(LocationRef::parse(&location.to_string()), Ok(location));
        }
    }
}
