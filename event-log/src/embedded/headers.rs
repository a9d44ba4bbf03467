//! Headers as one blob: for each name and value its length (4 bytes, little endian) and its UTF-8.

use crate::LogError;

/// Encodes headers, in order.
pub(super) fn encode<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut blob = Vec::with_capacity(256);
    for text in headers.into_iter().flat_map(|(name, value)| [name, value]) {
        let length = u32::try_from(text.len()).expect("the topic's limit keeps headers far below 4 GiB");
        blob.extend(length.to_le_bytes());
        blob.extend(text.as_bytes());
    }
    blob
}

/// Decodes what [`encode`] wrote.
pub(super) fn decode(mut blob: &[u8]) -> Result<Vec<(String, String)>, LogError> {
    let mut headers = Vec::new();
    while !blob.is_empty() {
        headers.push((text(&mut blob)?, text(&mut blob)?));
    }
    Ok(headers)
}

fn text(blob: &mut &[u8]) -> Result<String, LogError> {
    let read = |blob: &mut &[u8]| {
        let length = blob.split_off(..4)?;
        let length = u32::from_le_bytes(length.try_into().ok()?);
        let text = blob.split_off(..usize::try_from(length).ok()?)?;
        String::from_utf8(text.to_vec()).ok()
    };
    read(blob)
        .ok_or_else(|| LogError::Unusable("the log's file holds headers that cannot be read".to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn encode_then_decode_is_identity(headers: Vec<(String, String)>) {
            let blob = super::encode(headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            prop_assert_eq!(super::decode(&blob).unwrap(), headers);
        }

        #[test]
        fn any_other_bytes_are_refused_or_read_but_never_panic(blob: Vec<u8>) {
            let _ = super::decode(&blob);
        }
    }
}
