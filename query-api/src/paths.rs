//! Paths as Express takes them: fixed parts in any case, and a slash at the end if you like.

use axum::http::{Uri, request::Parts, uri::PathAndQuery};

use crate::error::ApiError;

/// Where the catalog API is mounted.
pub(crate) const MOUNT: &str = "/api/catalog";

/// The URI as the client sent it.
#[derive(Clone, Debug)]
pub(crate) struct RequestedUri(pub(crate) Uri);

impl RequestedUri {
    /// Path and query below the mount, as error bodies show it.
    pub(crate) fn below_mount(&self) -> &str {
        let text = self.0.path_and_query().map_or("/", PathAndQuery::as_str);
        match text.get(..MOUNT.len()) {
            Some(mount) if mount.eq_ignore_ascii_case(MOUNT) => match &text[MOUNT.len()..] {
                "" => "/",
                rest => rest,
            },
            _ => text,
        }
    }
}

/// How many parts after this one are a client's own words.
fn free_parts(part: &str) -> usize {
    match part {
        "by-name" | "history" => 3,
        "by-uid" => 1,
        _ => 0,
    }
}

/// The path as the routes are written. Parts that name an entity stay as they are.
pub(crate) fn normalised(path: &str) -> String {
    let is_ours = path.get(..MOUNT.len()).is_some_and(|start| start.eq_ignore_ascii_case(MOUNT));
    if !is_ours {
        return path.to_owned();
    }
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut free = 0;
    let parts = path.split('/').map(|part| {
        if free > 0 {
            free -= 1;
            return part.to_owned();
        }
        let part = part.to_ascii_lowercase();
        free = free_parts(&part);
        part
    });
    parts.collect::<Vec<_>>().join("/")
}

/// The URI with its path normalised.
pub(crate) fn normalised_uri(uri: &Uri) -> Uri {
    let path = normalised(uri.path());
    let text = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let mut parts = uri.clone().into_parts();
    match PathAndQuery::try_from(text) {
        Ok(path_and_query) => parts.path_and_query = Some(path_and_query),
        // Lower case does not make a path invalid; if it did, no route would match either way.
        Err(_) => return uri.clone(),
    }
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}

/// The `N` decoded parts of the path that follow `marker`.
///
/// # Errors
/// If a part is not percent-encoded UTF-8.
pub(crate) fn parts_after<const N: usize>(parts: &Parts, marker: &str) -> Result<[String; N], ApiError> {
    let behind = parts.uri.path().split('/').skip_while(|part| *part != marker).skip(1);
    let mut found = Vec::with_capacity(N);
    for part in behind.take(N) {
        found.push(percent_decoded(part).ok_or_else(|| ApiError::input("malformed uri'"))?);
    }
    <[String; N]>::try_from(found).map_err(|_| ApiError::input("malformed uri'"))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        if *byte == b'%' {
            let digits = std::str::from_utf8(behind.get(..2)?).ok()?;
            if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return None;
            }
            decoded.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &behind[2..];
        } else {
            decoded.push(*byte);
            rest = behind;
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_parts_are_taken_in_any_case_and_names_as_they_are() {
        for (path, expected) in [
            ("/API/Catalog/Entities/", "/api/catalog/entities"),
            (
                "/api/catalog/entities/By-Name/API/Default/X/Ancestry",
                "/api/catalog/entities/by-name/API/Default/X/ancestry",
            ),
            ("/api/catalog/entities/by-uid/ABC/", "/api/catalog/entities/by-uid/ABC"),
            ("/entity/API/x/Y", "/entity/API/x/Y"),
        ] {
            assert_eq!(normalised(path), expected);
        }
    }

    #[test]
    fn only_whole_percent_encoded_utf8_is_decoded() {
        assert_eq!(percent_decoded("a%20b%3Ac").as_deref(), Some("a b:c"));
        for text in ["%E0%A4%A", "%zz", "%", "%ff", "%+1"] {
            assert_eq!(percent_decoded(text), None, "{text}");
        }
    }
}
