//! The naive side of the properties: a look at every entity.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::Made;
use crate::{
    index::{SortOrder, relation_key, search_rows},
    query::{Predicate, Test},
};

/// All rows of an entity: key, compared value, value as written.
pub(super) fn rows_of(made: &Made) -> Vec<(String, Option<(String, String)>)> {
    let own = search_rows(&made.body)
        .into_iter()
        .map(|row| (row.key, row.term.map(|term| (term.value().to_owned(), term.original().to_owned()))));
    let related = made
        .relations
        .iter()
        .map(|(kind, target)| (relation_key(kind), Some((target.to_string(), target.to_string()))));
    let mut rows: Vec<_> = own.chain(related).collect();
    rows.sort();
    rows.dedup();
    rows
}

/// The values under one key: as compared, as written.
pub(super) fn values(made: &Made, key: &str) -> Vec<(String, String)> {
    rows_of(made).into_iter().filter(|(name, _)| name == key).filter_map(|(_, value)| value).collect()
}

pub(super) fn satisfies(made: &Made, predicate: &Predicate) -> bool {
    match predicate {
        Predicate::All(parts) => parts.iter().all(|part| satisfies(made, part)),
        Predicate::Any(parts) => parts.iter().any(|part| satisfies(made, part)),
        Predicate::Not(part) => !satisfies(made, part),
        Predicate::Field(key, Test::Exists(exists)) => {
            rows_of(made).iter().any(|(name, _)| name == key) == *exists
        }
        Predicate::Field(key, Test::In(wanted)) => {
            values(made, key).iter().any(|(value, _)| wanted.contains(value))
        }
        Predicate::Field(key, Test::Prefix(prefix)) => {
            values(made, key).iter().any(|(value, _)| value.starts_with(prefix.as_str()))
        }
    }
}

/// The rows that a page by value shows: value and uid, in order.
pub(super) fn naive_order(found: &[&Made], order: &SortOrder, text: Option<&str>) -> Vec<(String, Uuid)> {
    let rows = found
        .iter()
        .flat_map(|made| values(made, &order.key).into_iter().map(|(value, _)| (value, made.uid)));
    let rows: BTreeSet<_> = rows.filter(|(value, _)| text.is_none_or(|text| value.contains(text))).collect();
    let mut rows: Vec<_> = rows.into_iter().collect();
    if order.descending {
        rows.reverse();
    }
    rows
}

/// How two entities compare in a list by several orders.
pub(super) fn naive_compare(orders: &[SortOrder], a: &Made, b: &Made) -> std::cmp::Ordering {
    for order in orders {
        let best = |made: &Made| {
            let values = values(made, &order.key).into_iter().map(|(value, _)| value);
            if order.descending { values.max() } else { values.min() }
        };
        let by_value = match (best(a), best(b)) {
            (Some(a), Some(b)) if order.descending => b.cmp(&a),
            (Some(a), Some(b)) => a.cmp(&b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        };
        if by_value.is_ne() {
            return by_value;
        }
    }
    a.uid.cmp(&b.uid)
}
