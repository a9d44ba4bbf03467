//! Answers: JSON bodies, and what every answer carries (revision, ETag, the form of an error).

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use roaring::RoaringBitmap;
use serde::Serialize;
use serde_json::json;
use sha1::{Digest, Sha1};

use crate::{
    error::ApiError,
    index::{Direction, Doc, Entity, Hit, Index, Position, Window},
    paths::RequestedUri,
    query::Projection,
    snapshot::SeenRevision,
};

/// The header that says which revision a read saw.
pub(crate) const REVISION_HEADER: &str = "backstitch-revision";

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// Larger answers get no ETag: comparing them would cost more than it saves.
const MAX_TAGGED: u64 = 64 * 1024;

/// A list is sent in pieces of about this many bytes, and never held as a whole beyond one.
const PIECE: usize = 128 * 1024;

/// Any value as a JSON answer.
pub(crate) fn json<T: Serialize>(value: &T) -> Response {
    bytes(serde_json::to_vec(value).expect("answers have texts as keys, so they serialise"))
}

/// JSON text as an answer.
pub(crate) fn bytes(text: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, JSON)], text).into_response()
}

/// One entity, whole.
pub(crate) fn entity(entity: &Entity) -> Response {
    let mut text = Vec::new();
    entity.write_json(&mut text);
    bytes(text)
}

/// Appends an entity, whole or projected.
pub(crate) fn write_entity(entity: &Entity, projection: Option<&Projection>, out: &mut Vec<u8>) {
    match projection {
        None => entity.write_json(out),
        Some(projection) => {
            let projected = projection.of(&entity.to_value());
            serde_json::to_writer(out, &projected).expect("JSON values serialise");
        }
    }
}

/// A list of entities between two texts; `null` where there is none.
pub(crate) struct EntityList {
    pub(crate) index: Arc<Index>,
    pub(crate) docs: Listed,
    pub(crate) projection: Option<Projection>,
    /// Up to and including the opening bracket.
    pub(crate) before: Vec<u8>,
    /// From the closing bracket on.
    pub(crate) after: Vec<u8>,
}

impl IntoResponse for EntityList {
    /// A short list is one answer; a long one is streamed.
    fn into_response(self) -> Response {
        let mut pieces = Pieces { list: self, is_begun: false, is_done: false };
        let Some(first) = pieces.next() else { return bytes(Vec::new()) };
        if pieces.is_done {
            return bytes(first);
        }
        let pieces = std::iter::once(first).chain(pieces);
        let stream = futures::stream::iter(pieces.map(|piece| Ok::<_, Infallible>(Bytes::from(piece))));
        ([(header::CONTENT_TYPE, JSON)], Body::from_stream(stream)).into_response()
    }
}

/// What a list holds.
pub(crate) enum Listed {
    /// These.
    These(std::vec::IntoIter<Option<Doc>>),
    /// All of a set, by uid, looked up as the list is read.
    ByUid {
        found: RoaringBitmap,
        /// Those that were looked up.
        ahead: std::vec::IntoIter<Hit<'static>>,
        /// The last of them.
        last: Option<Position>,
    },
}

impl Listed {
    /// Documents that are looked up at once.
    const AHEAD: usize = 1_000;

    /// These, in this order; `None` is shown as null.
    pub(crate) fn these(docs: Vec<Option<Doc>>) -> Self {
        Self::These(docs.into_iter())
    }

    /// All of a set, by uid.
    pub(crate) fn by_uid(found: RoaringBitmap) -> Self {
        Self::ByUid { found, ahead: Vec::new().into_iter(), last: None }
    }

    fn next(&mut self, index: &Index) -> Option<Option<Doc>> {
        match self {
            Self::These(docs) => docs.next(),
            Self::ByUid { found, ahead, last } => {
                if ahead.as_slice().is_empty() {
                    let direction = Direction::Forward;
                    let window = Window { from: last.as_ref(), direction, skip: 0, limit: Self::AHEAD };
                    let hits = index.page_by_uid(found, window);
                    *last = hits.last().map(Hit::position).or(last.take());
                    *ahead = hits.into_iter();
                }
                ahead.next().map(|hit| Some(hit.doc))
            }
        }
    }
}

/// The text of a list, piece by piece. Nobody asks for the next piece while the client has not taken the
/// last ones, or when it went away.
struct Pieces {
    list: EntityList,
    is_begun: bool,
    is_done: bool,
}

impl Iterator for Pieces {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        if self.is_done {
            return None;
        }
        let list = &mut self.list;
        let mut out = std::mem::take(&mut list.before);
        out.reserve(PIECE);
        while out.len() < PIECE {
            let Some(doc) = list.docs.next(&list.index) else {
                out.append(&mut list.after);
                self.is_done = true;
                break;
            };
            if self.is_begun {
                out.push(b',');
            }
            self.is_begun = true;
            match doc.and_then(|doc| list.index.entity(doc)) {
                Some(entity) => write_entity(entity, list.projection.as_ref(), &mut out),
                None => out.extend_from_slice(b"null"),
            }
        }
        Some(out)
    }
}

/// Gives every answer of the catalog API its last form: error body, revision, ETag, 304.
pub(crate) async fn finish(mut request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let requested = request.extensions().get::<RequestedUri>().cloned();
    let requested = requested.unwrap_or_else(|| RequestedUri(request.uri().clone()));
    let known_tags = request.headers().get(header::IF_NONE_MATCH).cloned();
    let seen = SeenRevision::default();
    request.extensions_mut().insert(seen.clone());

    let mut response = next.run(request).await;
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        write_error(&mut response, &error, &method, requested.below_mount());
    }
    if let Some(revision) = seen.get() {
        response.headers_mut().insert(REVISION_HEADER, HeaderValue::from(revision.0));
    }
    tagged(response, &method, known_tags.as_ref()).await
}

fn write_error(response: &mut Response, error: &ApiError, method: &Method, url: &str) {
    let body = json!({
        "error": {"name": error.name, "message": error.message},
        "request": {"method": method.as_str(), "url": url},
        "response": {"statusCode": error.status.as_u16()},
    });
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    *response.body_mut() = Body::from(body.to_string());
}

/// Adds the ETag that Express gives, and answers 304 where the client has it already.
async fn tagged(response: Response, method: &Method, known: Option<&HeaderValue>) -> Response {
    let size = response.body().size_hint().exact().filter(|size| (1..=MAX_TAGGED).contains(size));
    if size.is_none() || response.headers().get(header::CONTENT_TYPE) != Some(&JSON) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let tag = etag(&bytes);
    let is_read = matches!(*method, Method::GET | Method::HEAD) && parts.status.is_success();
    let is_known =
        is_read && known.and_then(|known| known.to_str().ok()).is_some_and(|known| has_tag(known, &tag));
    insert_tag(&mut parts.headers, &tag);
    if is_known {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

fn insert_tag(headers: &mut HeaderMap, tag: &str) {
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
}

/// Length and SHA-1, as Express has it.
fn etag(bytes: &[u8]) -> String {
    format!("W/\"{:x}-{}\"", bytes.len(), STANDARD_NO_PAD.encode(Sha1::digest(bytes)))
}

fn has_tag(known: &str, tag: &str) -> bool {
    let strong = tag.trim_start_matches("W/");
    known.split(',').map(str::trim).any(|known| known == "*" || known.trim_start_matches("W/") == strong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_are_those_of_express() {
        assert_eq!(etag(b"[]"), "W/\"2-l9Fw4VUO7kr8CvBlt4zaMCqXZ0w\"");
        assert!(has_tag("\"a\", W/\"2-x\"", "W/\"2-x\""));
        assert!(!has_tag("\"a\"", "W/\"2-x\""));
    }
}
