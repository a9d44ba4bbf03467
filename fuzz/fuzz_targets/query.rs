//! What clients ask: filters, predicates, orders, fields and cursors. Parsing any text ends, and a
//! cursor is written and read to the same.

#![no_main]

use backstitch_query_api::query::{
    Cursor, Predicate, Projection, parse_order, parse_order_field, query_of_filters,
};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let parts: Vec<&str> = text.split('\n').collect();
    if let Ok(Some(query)) = query_of_filters(parts.iter().copied()) {
        let predicate = Predicate::parse(&query).expect("what filters mean can be asked");
        drop(predicate.is_met_by(&[]));
    }
    if let Ok(query) = serde_json::from_str::<Value>(text)
        && let Ok(predicate) = Predicate::parse(&query)
    {
        drop(predicate.is_met_by(&[]));
        predicate.each_key(&mut |_| {});
        if let Ok(Some(projection)) = Projection::parse(parts.iter().copied()) {
            drop(projection.of(&query));
        }
    }
    drop(parse_order(text));
    drop(parse_order_field(text));
    if let Ok(cursor) = Cursor::decode(text) {
        drop(cursor.position());
        assert_eq!(Cursor::decode(&cursor.encode()).as_ref(), Ok(&cursor));
    }
});
