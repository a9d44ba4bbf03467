//! Query parameters, checked as strictly as Backstage does.

use std::borrow::Cow;

use url::form_urlencoded;

use crate::{error::ApiError, query::Projection};

/// The parameter that every read takes, see `Snapshot`.
pub(crate) const MIN_REVISION: &str = "minRevision";

/// The parameters of one request; all are known and none is empty.
#[derive(Debug)]
pub(crate) struct Params<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Params<'a> {
    /// Reads a query string.
    ///
    /// # Errors
    /// If a parameter is not one of `known`, or has no value.
    pub(crate) fn parse(query: Option<&'a str>, known: &[&str]) -> Result<Self, ApiError> {
        let params: Vec<_> = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).collect();
        for (name, value) in &params {
            if name != MIN_REVISION && !known.contains(&&**name) {
                return Err(ApiError::input(format!("Unknown query parameter '{name}'")));
            }
            if value.is_empty() {
                return Err(ApiError::input(format!("Empty value found for query parameter '{name}'")));
            }
        }
        Ok(Self(params))
    }

    /// All values of a parameter that may be repeated.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// The value of a parameter; the last one if it is repeated.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        self.all(name).last()
    }

    /// A number that is not negative.
    ///
    /// # Errors
    /// If it is no integer, or negative.
    pub(crate) fn count(&self, name: &str) -> Result<Option<usize>, ApiError> {
        self.one(name).map(|text| count(text, name)).transpose()
    }

    /// One of a few words.
    ///
    /// # Errors
    /// If it is another word.
    pub(crate) fn word(&self, name: &str, words: &[&'static str]) -> Result<Option<&'static str>, ApiError> {
        let Some(value) = self.one(name) else { return Ok(None) };
        let word = words.iter().copied().find(|word| *word == value);
        let wrong = || {
            let words = words.join(", ");
            ApiError::input(format!(
                "request/query/{name} must be equal to one of the allowed values: {words}"
            ))
        };
        word.map(Some).ok_or_else(wrong)
    }

    /// The `fields` parameter: comma separated, and may be repeated.
    ///
    /// # Errors
    /// If a field means an item of an array.
    pub(crate) fn projection(&self) -> Result<Option<Projection>, ApiError> {
        Ok(Projection::parse(self.all("fields").flat_map(|fields| fields.split(',')))?)
    }

    /// The parameters as a query string with `name` set, in its place if it has one, and without
    /// `left_out`.
    pub(crate) fn encode_with(&self, name: &str, value: &str, left_out: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let mut is_set = false;
        for (known, old) in self.0.iter().filter(|(known, _)| known != left_out) {
            if known != name {
                query.append_pair(known, old);
            } else if !is_set {
                query.append_pair(name, value);
                is_set = true;
            }
        }
        if !is_set {
            query.append_pair(name, value);
        }
        query.finish()
    }
}

fn count(text: &str, name: &str) -> Result<usize, ApiError> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let is_integer = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_integer {
        return Err(ApiError::input(format!("request/query/{name} must be integer")));
    }
    if sign < 0 && digits.bytes().any(|digit| digit != b'0') {
        return Err(ApiError::input(format!("request/query/{name} must be >= 0")));
    }
    let too_large = || ApiError::input(format!("request/query/{name} must be <= {}", i64::MAX));
    let number = digits.parse::<i64>().map_err(|_| too_large())?;
    usize::try_from(number).map_err(|_| too_large())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, expected: Result<Option<usize>, &str>) {
        let found = Params::parse(Some(query), &["limit"]).and_then(|params| params.count("limit"));
        assert_eq!(found.map_err(|error| error.message), expected.map_err(str::to_owned), "{query}");
    }

    #[test]
    fn numbers_are_checked_in_backstages_words() {
        check("", Ok(None));
        check("limit=5", Ok(Some(5)));
        check("limit=abc", Err("request/query/limit must be integer"));
        check("limit=1.5", Err("request/query/limit must be integer"));
        check("limit=-1", Err("request/query/limit must be >= 0"));
        check("limit=-0", Ok(Some(0)));
        check("limit=99999999999999999999", Err("request/query/limit must be <= 9223372036854775807"));
        check("bogus=1", Err("Unknown query parameter 'bogus'"));
        check("limit=", Err("Empty value found for query parameter 'limit'"));
        check("limit=1&minRevision=7", Ok(Some(1)));
    }

    #[test]
    fn fields_are_separated_by_commas_and_may_be_repeated() {
        let params = Params::parse(Some("fields=a,b&fields=c"), &["fields"]).unwrap();
        let expected = Projection::parse(["a", "b", "c"]).unwrap();
        assert_eq!(params.projection().unwrap(), expected);
    }
}
