//! Paths as Express takes them: fixed parts in any case, and a slash at the end if you like.

use std::{borrow::Cow, sync::Arc};

use axum::http::{Uri, request::Parts, uri::PathAndQuery};
use backstitch_schemas::percent::decoded_strictly;

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

/// The paths of all routes below the mount.
#[derive(Clone, Debug)]
pub(crate) struct Templates(Arc<[Vec<&'static str>]>);

impl Templates {
    /// The templates of routes, such as `/entities/by-uid/{uid}`.
    pub(crate) fn new(paths: impl Iterator<Item = &'static str>) -> Self {
        Self(paths.map(|path| path.trim_start_matches('/').split('/').collect()).collect())
    }

    /// The path as the routes are written. Parts that are a client's own words stay as they are.
    pub(crate) fn normalised<'a>(&self, path: &'a str) -> Cow<'a, str> {
        let Some((mount, below)) = path.split_at_checked(MOUNT.len()) else { return path.into() };
        let Some(below) = below.strip_prefix('/').filter(|_| mount.eq_ignore_ascii_case(MOUNT)) else {
            return path.into();
        };
        let below = below.strip_suffix('/').unwrap_or(below);
        let parts: Vec<_> = below.split('/').collect();
        let fits = |template: &&Vec<&str>| {
            template.len() == parts.len()
                && template
                    .iter()
                    .zip(&parts)
                    .all(|(fixed, part)| is_free(fixed) || fixed.eq_ignore_ascii_case(part))
        };
        // Where several fit, the router takes the one with more fixed parts.
        let fixed_parts = |template: &&Vec<&str>| template.iter().filter(|part| !is_free(part)).count();
        let Some(template) = self.0.iter().filter(fits).max_by_key(fixed_parts) else { return path.into() };
        let mut normalised = MOUNT.to_owned();
        for (fixed, part) in template.iter().zip(parts) {
            normalised.push('/');
            normalised.push_str(if is_free(fixed) { part } else { fixed });
        }
        normalised.into()
    }
}

/// Whether a part of a template stands for a client's own words.
fn is_free(part: &str) -> bool {
    part.starts_with('{')
}

/// The URI with its path normalised.
pub(crate) fn normalised_uri(uri: &Uri, templates: &Templates) -> Uri {
    let path = templates.normalised(uri.path());
    if path == uri.path() {
        return uri.clone();
    }
    let text = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.into_owned(),
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
        found.push(decoded_strictly(part).ok_or_else(|| ApiError::input("malformed uri'"))?);
    }
    <[String; N]>::try_from(found).map_err(|_| ApiError::input("malformed uri'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_parts_are_taken_in_any_case_and_names_as_they_are() {
        let templates = [
            "/entities",
            "/entities/by-name/{kind}/{namespace}/{name}/ancestry",
            "/entities/by-uid/{uid}",
            "/locations/{id}",
            "/locations/by-query",
        ];
        let templates = Templates::new(templates.into_iter());
        for (path, expected) in [
            ("/API/Catalog/Entities/", "/api/catalog/entities"),
            (
                "/api/catalog/entities/By-Name/API/Default/X/Ancestry",
                "/api/catalog/entities/by-name/API/Default/X/ancestry",
            ),
            ("/api/catalog/entities/by-uid/ABC/", "/api/catalog/entities/by-uid/ABC"),
            ("/api/catalog/LOCATIONS/By-Query", "/api/catalog/locations/by-query"),
            ("/api/catalog/locations/By-Me", "/api/catalog/locations/By-Me"),
            ("/api/catalog/nope/", "/api/catalog/nope/"),
            ("/entity/API/x/Y", "/entity/API/x/Y"),
        ] {
            assert_eq!(templates.normalised(path), expected);
        }
    }
}
