//! The two ways in which a query string names an order.

use super::QueryError;
use crate::index::SortOrder;

/// `order=asc:<field>` of the plain list.
///
/// # Errors
/// If the direction or the field is missing.
pub fn parse_order(text: &str) -> Result<SortOrder, QueryError> {
    let parsed = text.split_once(':').filter(|(_, field)| !field.is_empty());
    match parsed {
        Some(("asc", field)) => Ok(SortOrder::ascending(field)),
        Some(("desc", field)) => Ok(SortOrder::descending(field)),
        _ => Err(QueryError(format!(
            "Invalid order parameter \"{text}\", expected \"<asc or desc>:<field name>\""
        ))),
    }
}

/// `orderField=<field>[,asc|desc]` of the paged query: the field as written, and whether descending.
///
/// # Errors
/// If the direction is another word.
pub fn parse_order_field(text: &str) -> Result<(String, bool), QueryError> {
    let (field, direction) = text.split_once(',').unwrap_or((text, "asc"));
    match direction {
        "asc" => Ok((field.to_owned(), false)),
        "desc" => Ok((field.to_owned(), true)),
        _ => Err(QueryError::new("Invalid order field order, must be asc or desc")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read_as_written() {
        assert_eq!(parse_order("desc:metadata.Name"), Ok(SortOrder::descending("metadata.name")));
        assert_eq!(parse_order_field("metadata.name"), Ok(("metadata.name".to_owned(), false)));
        assert_eq!(parse_order_field("a,desc"), Ok(("a".to_owned(), true)));
    }

    #[test]
    fn another_direction_is_an_error() {
        let expected = "Invalid order parameter \"up:a\", expected \"<asc or desc>:<field name>\"";
        assert_eq!(parse_order("up:a").unwrap_err().0, expected);
        assert!(parse_order("asc:").is_err());
        let expected = "Invalid order field order, must be asc or desc";
        assert_eq!(parse_order_field("a,up").unwrap_err().0, expected);
    }
}
