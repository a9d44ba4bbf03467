//! Errors in the shape of Backstage's own.

use axum::{
    Json,
    extract::{
        Request,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    http::{Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::NotHere;

/// Why a request is not answered as asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    /// The request is wrong.
    #[error("{0}")]
    Input(String),
    /// The request is wrong in several places.
    #[error("{message}")]
    Rejected {
        /// What is wrong in all.
        message: String,
        /// Each, as the answer lists it.
        rejected: Value,
    },
    /// What is asked cannot be done to this provider.
    #[error("{0}")]
    Conflict(String),
    /// The caller may not do it.
    #[error("{0}")]
    NotAllowed(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// There is such a thing, but this cannot be done to it.
    #[error("{0}")]
    Verb(String),
    /// Larger than what is taken.
    #[error("{0}")]
    TooLarge(String),
    /// Later, or elsewhere.
    #[error("{0}")]
    Unavailable(String),
}

impl ApiError {
    fn name_and_status(&self) -> (&'static str, StatusCode) {
        match self {
            Self::Input(_) | Self::Rejected { .. } => ("InputError", StatusCode::BAD_REQUEST),
            Self::Conflict(_) => ("ConflictError", StatusCode::CONFLICT),
            Self::NotAllowed(_) => ("NotAllowedError", StatusCode::FORBIDDEN),
            Self::NotFound(_) => ("NotFoundError", StatusCode::NOT_FOUND),
            Self::Verb(_) => ("MethodNotAllowedError", StatusCode::METHOD_NOT_ALLOWED),
            Self::TooLarge(_) => ("PayloadTooLargeError", StatusCode::PAYLOAD_TOO_LARGE),
            Self::Unavailable(_) => ("ServiceUnavailableError", StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

/// The body without `request`, which [`name_request`] adds on the way out.
#[derive(Clone)]
struct Body(Value);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (name, status) = self.name_and_status();
        let mut error = json!({"name": name, "message": self.to_string()});
        if let Self::Rejected { rejected, .. } = &self {
            error["rejected"] = rejected.clone();
        }
        let body = json!({"error": error, "response": {"statusCode": status.as_u16()}});
        let mut response = (status, Json(&body)).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        }
        response.extensions_mut().insert(Body(body));
        response
    }
}

/// What came of a request, in the extensions of its answer, for whoever keeps records.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was done; what changed, in numbers.
    Done(Value),
    /// It was not done; why.
    Failed(String),
}

/// A path that is none of ours.
pub(super) async fn unknown_path(uri: Uri) -> ApiError {
    ApiError::NotFound(format!("there is nothing at {}; docs/PUSH.md tells what there is", uri.path()))
}

/// A verb that a path does not have. The header `Allow` names those that it has.
pub(super) async fn other_verb(method: Method, uri: Uri) -> ApiError {
    ApiError::Verb(format!("{method} is not possible at {}; the header Allow tells what is", uri.path()))
}

/// Says in an error which request it answers.
pub(super) async fn name_request(request: Request, next: Next) -> Response {
    let method = request.method().to_string();
    let url = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let mut response = next.run(request).await;
    let Some(Body(mut body)) = response.extensions_mut().remove::<Body>() else { return response };
    let text = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
    let outcome = Outcome::Failed(format!("{}: {}", text("name"), text("message")));
    response.extensions_mut().insert(outcome);
    body["request"] = json!({"method": method, "url": url});
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, axum::body::Body::from(body.to_string()))
}

impl From<QueryRejection> for ApiError {
    fn from(cause: QueryRejection) -> Self {
        Self::Input(cause.body_text())
    }
}

impl From<PathRejection> for ApiError {
    fn from(cause: PathRejection) -> Self {
        Self::Input(cause.body_text())
    }
}

impl From<JsonRejection> for ApiError {
    fn from(cause: JsonRejection) -> Self {
        match cause.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge(cause.body_text()),
            _ => Self::Input(cause.body_text()),
        }
    }
}

impl From<NotHere> for ApiError {
    fn from(cause: NotHere) -> Self {
        Self::Unavailable(cause.to_string())
    }
}
