//! Percent-encoding of URLs.

/// A text with its `%…` replaced; bytes that are no UTF-8 become replacement characters.
pub(crate) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut decoded, mut index) = (Vec::with_capacity(bytes.len()), 0);
    while index < bytes.len() {
        let digits = (bytes[index] == b'%').then(|| text.get(index + 1..index + 3)).flatten();
        // A sign would be taken for a part of the number.
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                index += 3;
            }
            None => {
                decoded.push(bytes[index]);
                index += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_escape_stays() {
        for (text, expected) in [
            ("a%20b", "a b"),
            ("%c3%A4", "ä"),
            ("%", "%"),
            ("%2", "%2"),
            ("%+f%zz", "%+f%zz"),
            ("%ff", "\u{fffd}"),
        ] {
            assert_eq!(decoded(text), expected);
        }
    }
}
