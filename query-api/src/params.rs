//! Query parameters, checked as strictly as Backstage does.

use std::borrow::Cow;

use url::form_urlencoded;

use crate::{
    error::ApiError,
    openapi::{Operation, Param, ParamKind},
    query::Projection,
};

/// The parameter that every read takes, see `Snapshot`.
pub(crate) const MIN_REVISION: &str = "minRevision";

/// The parameters of one request. What reaches a handler has been checked against its operation.
#[derive(Debug)]
pub(crate) struct Params<'a> {
    raw: &'a str,
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Params<'a> {
    /// Reads a query string.
    pub(crate) fn read(query: Option<&'a str>) -> Self {
        let raw = query.unwrap_or_default();
        Self { raw, pairs: form_urlencoded::parse(raw.as_bytes()).collect() }
    }

    /// Checks that these are parameters that `operation` takes.
    ///
    /// # Errors
    /// If there is another one, one without a value, or one whose value is of the wrong kind.
    pub(crate) fn check(&self, operation: &Operation) -> Result<(), ApiError> {
        self.check_text()?;
        for (name, value) in &self.pairs {
            let is_known = operation.query.iter().any(|param| param.name == *name);
            let is_min_revision = operation.reads_catalog && name == MIN_REVISION;
            if !is_known && !is_min_revision {
                return Err(ApiError::input(format!("Unknown query parameter '{name}'")));
            }
            if value.is_empty() {
                return Err(ApiError::input(format!("Empty value found for query parameter '{name}'")));
            }
        }
        operation.query.iter().try_for_each(|param| self.check_kind(param))
    }

    /// Bytes that are no text would be shown as replacement characters, and match what nobody asked for.
    fn check_text(&self) -> Result<(), ApiError> {
        let names_replacement = self.raw.to_ascii_uppercase().contains("%EF%BF%BD");
        for (name, value) in &self.pairs {
            let at = |what: &str| ApiError::input(format!("request/query/{name} must {what}"));
            if name.contains('\0') || value.contains('\0') {
                return Err(at("not contain NUL"));
            }
            let is_replaced =
                name.contains(char::REPLACEMENT_CHARACTER) || value.contains(char::REPLACEMENT_CHARACTER);
            if is_replaced && !names_replacement {
                return Err(at("be percent-encoded UTF-8"));
            }
        }
        Ok(())
    }

    fn check_kind(&self, param: &Param) -> Result<(), ApiError> {
        match param.kind {
            ParamKind::Text | ParamKind::Texts | ParamKind::List => Ok(()),
            ParamKind::RequiredTexts if self.one(param.name).is_none() => {
                Err(ApiError::input(format!("request/query must have required property '{}'", param.name)))
            }
            ParamKind::RequiredTexts => Ok(()),
            ParamKind::Count => self.count(param.name).map(drop),
            ParamKind::Word(words) => self.word(param.name, words),
        }
    }

    /// All values of a parameter that may be repeated.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs.iter().filter(move |(known, _)| known == name).map(|(_, value)| &**value)
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

    fn word(&self, name: &str, words: &[&str]) -> Result<(), ApiError> {
        match self.one(name) {
            Some(value) if !words.contains(&value) => Err(ApiError::input(format!(
                "request/query/{name} must be equal to one of the allowed values: {}",
                words.join(", ")
            ))),
            _ => Ok(()),
        }
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
        for (known, old) in self.pairs.iter().filter(|(known, _)| known != left_out) {
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
    use crate::openapi::Group;

    const OPERATION: Operation = Operation::get(Group::Entities, "/x", "x", "For this test.")
        .query(&[
            Param::new("limit", ParamKind::Count, ""),
            Param::new("filter", ParamKind::Texts, ""),
            Param::new("totalItems", ParamKind::Word(&["include", "exclude"]), ""),
        ])
        .reads_catalog();

    fn check(query: &str, expected: Result<Option<usize>, &str>) {
        let params = Params::read(Some(query));
        let found = params.check(&OPERATION).and_then(|()| params.count("limit"));
        assert_eq!(found.map_err(|error| error.message), expected.map_err(str::to_owned), "{query}");
    }

    #[test]
    fn parameters_are_checked_in_backstages_words() {
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
        let words = "request/query/totalItems must be equal to one of the allowed values: include, exclude";
        check("totalItems=maybe", Err(words));
    }

    #[test]
    fn what_is_no_text_is_refused() {
        check("filter=%ff", Err("request/query/filter must be percent-encoded UTF-8"));
        check("filter=a%00", Err("request/query/filter must not contain NUL"));
        check("filter=%EF%BF%BD", Ok(None));
        check("filter=100%", Ok(None));
    }

    #[test]
    fn fields_are_separated_by_commas_and_may_be_repeated() {
        let params = Params::read(Some("fields=a,b&fields=c"));
        let expected = Projection::parse(["a", "b", "c"]).unwrap();
        assert_eq!(params.projection().unwrap(), expected);
    }
}
