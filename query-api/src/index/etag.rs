//! The etag of an entity, in half the room.

use std::fmt;

/// The stitcher's etags are forty hexadecimal digits, held as the bytes that they stand for. Whatever else an
/// etag may be is held as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Etag {
    /// The digits of a SHA-1, in lower case.
    Sha1([u8; 20]),
    /// Another text.
    Other(Box<str>),
}

impl Etag {
    /// How many bytes it takes beyond its inline form.
    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Self::Sha1(_) => 0,
            Self::Other(text) => text.len(),
        }
    }
}

impl From<&str> for Etag {
    fn from(text: &str) -> Self {
        sha1(text).map_or_else(|| Self::Other(text.into()), Self::Sha1)
    }
}

fn sha1(text: &str) -> Option<[u8; 20]> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let mut bytes = [0; 20];
    if pairs.len() != bytes.len() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha1(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::Other(text) => f.write_str(text),
        }
    }
}

const _: () = assert!(size_of::<Etag>() == 24, "there is one in each entity");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_the_same_afterwards() {
        let sha1 = "0123456789abcdef0123456789abcdef01234567";
        assert!(matches!(Etag::from(sha1), Etag::Sha1(_)));
        for text in [sha1, &sha1.to_uppercase(), &sha1[..39], &sha1[..38], "", "é", &format!("{sha1}00")] {
            assert_eq!(Etag::from(text).to_string(), text);
        }
    }
}
