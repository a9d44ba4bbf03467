//! When an answer is the recorded one.

use serde_json::Value;

use super::recording::{Answer, Pair, decoded};

/// Pairs without an order, or with one that has ties: which items come first depends on uids, which no
/// two catalogs share. Their items are looked for in the whole answer.
const IN_UID_ORDER: [&str; 10] = [
    "by-query-no-params",
    "by-query-no-order",
    "by-query-order-two",
    "by-query-limit-huge",
    "by-query-fulltext",
    "by-query-total-exclude",
    "by-query-relation",
    "by-query-post-not",
    "by-query-post-empty",
    "by-query-post-unknown-field",
];

pub(super) fn is_in_uid_order(name: &str) -> bool {
    IN_UID_ORDER.contains(&name)
}

/// In what an answer differs from the recorded one. `whole` is the answer without a limit, where the
/// order says nothing.
pub(super) fn difference(pair: &Pair, answer: &Answer, whole: Option<&Answer>) -> Option<String> {
    if answer.status != pair.status {
        return Some(format!("status {} instead of {}: {}", answer.status, pair.status, answer.text));
    }
    if let Some(difference) = header_difference(pair, answer) {
        return Some(difference);
    }
    let agrees = match whole {
        Some(whole) => same_page(&pair.body, &answer.body, &whole.body),
        None => same(&pair.body, &answer.body),
    };
    (!agrees).then(|| format!("\n  found    {}\n  expected {}", answer.body, pair.body))
}

/// The headers that clients use.
fn header_difference(pair: &Pair, answer: &Answer) -> Option<String> {
    for name in ["content-type", "link", "allow", "content-encoding", "vary"] {
        let (expected, found) = (pair.answered.get(name), answer.headers.get(name));
        let is_same = match (expected, found) {
            (Some(expected), Some(found)) => expected.eq_ignore_ascii_case(found),
            // The recorded client asks for compression itself where it does not say otherwise.
            (None, _) => true,
            (Some(_), None) => false,
        };
        if !is_same {
            return Some(format!("header {name} is {found:?} instead of {expected:?}"));
        }
    }
    let is_tagged = |tag: Option<&String>| tag.is_some_and(|tag| tag.starts_with("W/\""));
    // Nobody asks again for the verbs of a route, nor for being refused.
    let is_read = pair.method != reqwest::Method::OPTIONS && answer.status != 401;
    (is_read && is_tagged(pair.answered.get("etag")) && !is_tagged(answer.headers.get("etag")))
        .then(|| "there is no weak ETag".to_owned())
}

/// Whether two values are the same but for ids, etags and what was cut from the recording.
fn same(recorded: &Value, found: &Value) -> bool {
    match (recorded, found) {
        (Value::Object(recorded), Value::Object(found)) => {
            recorded.len() == found.len()
                && recorded
                    .iter()
                    .all(|(name, value)| found.get(name).is_some_and(|found| same_member(name, value, found)))
        }
        (Value::Array(recorded), Value::Array(found)) => match recorded.split_last() {
            Some((Value::String(more), first)) if more.starts_with("... ") => {
                let cut = more.trim_start_matches("... ").trim_end_matches(" more").parse::<usize>();
                cut.is_ok_and(|cut| first.len() + cut == found.len()) && same_items(first, found)
            }
            _ => recorded.len() == found.len() && same_items(recorded, found),
        },
        _ => recorded == found,
    }
}

fn same_items(recorded: &[Value], found: &[Value]) -> bool {
    recorded.iter().zip(found).all(|(recorded, found)| same(recorded, found))
}

fn same_member(name: &str, recorded: &Value, found: &Value) -> bool {
    match (name, recorded, found) {
        ("uid" | "etag" | "id", Value::String(recorded), Value::String(found)) => {
            recorded.len() == found.len() || name == "id"
        }
        ("nextCursor" | "prevCursor", Value::String(recorded), Value::String(found)) => {
            same(&without_uids(decoded(recorded)), &without_uids(decoded(found)))
        }
        _ => same(recorded, found),
    }
}

/// A cursor without its uids: the last of each list of values.
fn without_uids(mut cursor: Value) -> Value {
    for name in ["orderFieldValues", "firstSortFieldValues"] {
        if let Some(values) = cursor[name].as_array_mut() {
            values.pop();
        }
    }
    cursor
}

/// Whether the recorded items are among all that are found, and the page is as large.
fn same_page(recorded: &Value, found: &Value, whole: &Value) -> bool {
    let (Some(items), Some(all)) = (recorded["items"].as_array(), whole["items"].as_array()) else {
        return false;
    };
    let is_cut = |item: &Value| item.as_str().is_some_and(|text| text.starts_with("... "));
    let cut = items
        .iter()
        .find_map(|item| item.as_str()?.trim_start_matches("... ").split(' ').next()?.parse().ok());
    let shown = items.iter().filter(|item| !is_cut(item));
    let size = shown.clone().count() + cut.unwrap_or(0);
    let members = |value: &Value| -> Vec<String> {
        value["pageInfo"].as_object().into_iter().flat_map(|members| members.keys().cloned()).collect()
    };
    found["items"].as_array().is_some_and(|items| items.len() == size)
        && recorded["totalItems"] == found["totalItems"]
        && members(recorded) == members(found)
        && shown.into_iter().all(|item| all.iter().any(|other| same(item, other)))
}
