//! Cursors as texts: JSON in base64, read as leniently as Backstage reads them.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::Value;

/// Up to how many characters V8 shows the whole text.
const SHOWN_WHOLE: usize = 20;
/// How many characters V8 shows on each side of what it does not understand.
const AROUND: usize = 10;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The value in a cursor. Letters that are not of the alphabet are passed over, and it ends where the
/// padding begins, as in Node.js.
///
/// # Errors
/// What V8 says of a text that is no JSON.
pub(super) fn value(cursor: &str) -> Result<Value, String> {
    let letters = cursor.bytes().take_while(|byte| *byte != b'=').filter_map(|byte| match byte {
        b'-' => Some(b'+'),
        b'_' => Some(b'/'),
        letter => (letter.is_ascii_alphanumeric() || matches!(letter, b'+' | b'/')).then_some(letter),
    });
    let mut letters: Vec<u8> = letters.collect();
    if letters.len() % 4 == 1 {
        letters.pop();
    }
    let bytes = LENIENT.decode(letters).map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&bytes);
    serde_json::from_str(&text).map_err(|error| format!("SyntaxError: {}", words(&text, &error)))
}

/// V8's words for what cannot go on where it stands.
fn words(text: &str, error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "Unexpected end of JSON input".to_owned();
    }
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = before + error.column().saturating_sub(1);
    let chars: Vec<char> = text.chars().collect();
    let place = text.char_indices().take_while(|(index, _)| *index <= at).count().saturating_sub(1);
    let Some(token) = chars.get(place) else { return error.to_string() };
    let shown = |from: usize, to: usize| chars[from..to].iter().collect::<String>();
    let (from, to) = (place.saturating_sub(AROUND), (place + AROUND).min(chars.len()));
    let (from, to) = if chars.len() <= SHOWN_WHOLE { (0, chars.len()) } else { (from, to) };
    let (start, end) = (if from > 0 { "..." } else { "" }, if to < chars.len() { "..." } else { "" });
    format!("Unexpected token '{token}', {start}\"{}\"{end} is not valid JSON", shown(from, to))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn every_text_is_read_or_refused(bytes in any::<Vec<u8>>(), text in ".*", json in "[\\[\\]{}\":, \na1é\u{1f600}]{0,40}") {
            let encoded = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
            for cursor in [encoded(&bytes), encoded(text.as_bytes()), encoded(json.as_bytes()), text] {
                if let Err(reason) = value(&cursor) {
                    prop_assert!(reason.starts_with("SyntaxError: "), "{reason}");
                }
            }
            prop_assert_eq!(value(&encoded(json.as_bytes())).is_ok(), serde_json::from_str::<Value>(&json).is_ok());
        }
    }

    #[test]
    fn what_node_reads_is_read() {
        let expected = json!({"a": 1, "b": "??>"});
        for text in ["eyJhIjoxLCJiIjoiPz8+In0=", "eyJhIjoxLCJiIjoiPz8-In0", "!eyJhIjoxLCJi IjoiPz8+In0=x"] {
            assert_eq!(value(text), Ok(expected.clone()), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_told_as_v8_tells_it() {
        let cases = [
            ("", "SyntaxError: Unexpected end of JSON input"),
            (
                "!!notacursor",
                "SyntaxError: Unexpected token '\u{fffd}', \"\u{fffd}\u{fffd}Zr\u{fffd}\u{fffd}\" is not valid JSON",
            ),
        ];
        for (cursor, expected) in cases {
            assert_eq!(value(cursor).unwrap_err(), expected, "{cursor}");
        }
        let long =
            base64::engine::general_purpose::STANDARD.encode("nothing that anybody would take for JSON");
        assert_eq!(
            value(&long).unwrap_err(),
            "SyntaxError: Unexpected token 'o', \"nothing tha\"... is not valid JSON"
        );
    }
}
