//! Errors as clients of Backstage expect them: a name that they act on, and a message.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{access::CriteriaError, catalog::WaitError, query::QueryError};

/// An error answer. Its body also tells the request, so `answer::finish` writes it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ApiError {
    /// The status of the answer.
    pub(crate) status: StatusCode,
    /// The name that clients act on.
    pub(crate) name: &'static str,
    /// What is wrong.
    pub(crate) message: String,
    /// Seconds after which to try again.
    pub(crate) retry_after: Option<u32>,
}

impl ApiError {
    fn new(status: StatusCode, name: &'static str, message: impl Into<String>) -> Self {
        Self { status, name, message: message.into(), retry_after: None }
    }

    /// 400: the request is wrong.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InputError", message)
    }

    /// 403: not for this principal, or not for anybody.
    pub(crate) fn not_allowed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "NotAllowedError", message)
    }

    /// 409: something else stands in the way.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "ConflictError", message)
    }

    /// 404: there is no such thing.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFoundError", message)
    }

    /// 503: not now.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailableError", message);
        Self { retry_after: Some(1), ..error }
    }

    /// 500: something that we depend on is wrong.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Error", message)
    }

    /// 501: not by this server.
    pub(crate) fn not_implemented(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "NotImplementedError", message)
    }

    /// 410: never again.
    pub(crate) fn gone(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, "GoneError", message)
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        Self::input(error.0)
    }
}

impl From<CriteriaError> for ApiError {
    fn from(error: CriteriaError) -> Self {
        match &error {
            CriteriaError::UnknownRule(_) => Self::internal(error.to_string()),
            _ => Self::input(error.to_string()),
        }
    }
}

impl From<WaitError> for ApiError {
    fn from(error: WaitError) -> Self {
        match &error {
            WaitError::Loading | WaitError::TooLate { .. } => Self::unavailable(error.to_string()),
            WaitError::OtherIncarnation(_) => Self::gone(error.to_string()),
        }
    }
}

impl From<backstitch_read_model::ReadModelError> for ApiError {
    fn from(error: backstitch_read_model::ReadModelError) -> Self {
        tracing::warn!(%error, "the read model could not be asked");
        Self::unavailable("The read model is unavailable, try again soon")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}
