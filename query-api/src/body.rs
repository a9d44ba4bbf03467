//! JSON bodies of requests, checked in the words of Backstage's OpenAPI validation.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::header,
};
use serde_json::{Map, Value};

use crate::{error::ApiError, state::ApiState};

/// The members of a JSON object; none if the request has no body.
#[derive(Clone, Debug, Default)]
pub(crate) struct JsonBody(Map<String, Value>);

impl FromRequest<ApiState> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let read = axum::body::to_bytes(body, state.config.body_bytes).await;
        let bytes = read.map_err(|_| ApiError::input("request entity too large"))?;
        let media_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        Self::parse(media_type, &bytes)
    }
}

/// Whether a text in it has a NUL, which no database stores.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(members) => members.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

impl JsonBody {
    fn parse(media_type: Option<&str>, bytes: &Bytes) -> Result<Self, ApiError> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let essence = media_type.map(|text| text.split(';').next().unwrap_or_default().trim());
        if !essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
            let found = essence.unwrap_or("undefined");
            return Err(ApiError::input(format!("unsupported media type {found}")));
        }
        match serde_json::from_slice(bytes) {
            Ok(value @ Value::Object(_)) if has_nul(&value) => {
                Err(ApiError::input("request/body must not contain NUL"))
            }
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(_) => Err(ApiError::input("request/body must be object")),
            // The words of JavaScript's parser where people are likely to see them.
            Err(error) if error.is_eof() => Err(ApiError::input("Unexpected end of JSON input")),
            Err(error) => Err(ApiError::input(format!("{error} in JSON"))),
        }
    }

    /// Whatever it is.
    pub(crate) fn member(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A text.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        let text = |value: &'_ Value| value.as_str().is_some();
        self.checked(name, "string", text).map(|value| value.and_then(Value::as_str))
    }

    /// A number.
    pub(crate) fn number(&self, name: &str) -> Result<Option<&Value>, ApiError> {
        self.checked(name, "number", Value::is_number)
    }

    /// One of a few words.
    pub(crate) fn word(&self, name: &str, words: &[&'static str]) -> Result<Option<&'static str>, ApiError> {
        let Some(value) = self.text(name)? else { return Ok(None) };
        let wrong = || {
            let words = words.join(", ");
            ApiError::input(format!(
                "request/body/{name} must be equal to one of the allowed values: {words}"
            ))
        };
        words.iter().copied().find(|word| *word == value).map(Some).ok_or_else(wrong)
    }

    /// Refuses members that are not among `known`.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => {
                Err(ApiError::input(format!("Malformed request: Unrecognized key(s) in object: '{name}'")))
            }
            None => Ok(()),
        }
    }

    /// An object.
    pub(crate) fn object(&self, name: &str) -> Result<Option<&Value>, ApiError> {
        self.checked(name, "object", Value::is_object)
    }

    /// A number that is not negative; a fraction is cut off.
    pub(crate) fn count(&self, name: &str) -> Result<Option<usize>, ApiError> {
        let Some(number) = self.checked(name, "number", Value::is_number)?.and_then(Value::as_f64) else {
            return Ok(None);
        };
        if number < 0.0 {
            return Err(ApiError::input(format!("request/body/{name} must be >= 0")));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates, as meant")]
        let count = number as usize;
        Ok(Some(count))
    }

    /// A list of texts.
    pub(crate) fn texts(&self, name: &str) -> Result<Option<Vec<&str>>, ApiError> {
        let Some(items) = self.items(name)? else { return Ok(None) };
        let text = |(position, item): (usize, &'_ Value)| item.is_string().then_some(()).ok_or(position);
        if let Some(position) = items.iter().enumerate().find_map(|item| text(item).err()) {
            return Err(ApiError::input(format!("request/body/{name}/{position} must be string")));
        }
        Ok(Some(items.iter().filter_map(Value::as_str).collect()))
    }

    /// A list of anything.
    pub(crate) fn items(&self, name: &str) -> Result<Option<&Vec<Value>>, ApiError> {
        Ok(self.checked(name, "array", Value::is_array)?.and_then(Value::as_array))
    }

    /// The error of a member that has to be there.
    pub(crate) fn missing(name: &str) -> ApiError {
        ApiError::input(format!("request/body must have required property '{name}'"))
    }

    fn checked(
        &self,
        name: &str,
        kind: &str,
        is: impl Fn(&Value) -> bool,
    ) -> Result<Option<&Value>, ApiError> {
        match self.0.get(name) {
            Some(value) if !is(value) => Err(ApiError::input(format!("request/body/{name} must be {kind}"))),
            value => Ok(value),
        }
    }
}
