//! How much placeholders may bring into an entity. A small file can be named a thousand times, and
//! may say a thousand times as much as it is long.

use serde_json::Value;

use crate::{Problem, topic::MAX_RECORD_BYTES, yaml::MAX_DEPTH};

/// What placeholders brought in so far.
#[derive(Default)]
pub(super) struct Room {
    bytes: usize,
}

impl Room {
    /// Whether there was too much already: then nothing more is looked at.
    pub(super) fn is_over(&self) -> bool {
        self.bytes > MAX_RECORD_BYTES
    }

    /// Lets a result in that comes to stand at `pointer`.
    pub(super) fn take(&mut self, pointer: &str, result: Value) -> Result<Value, Problem> {
        let depth = pointer.matches('/').count() + measure(&result, &mut self.bytes);
        if self.is_over() {
            return Err(too_large());
        }
        if depth > MAX_DEPTH {
            let message =
                format!("With what its placeholders stand for the entity nests more than {MAX_DEPTH} levels");
            return Err(Problem::new("Error", message).with_advice("put in less, or put it in as `$text`"));
        }
        Ok(result)
    }
}

fn too_large() -> Problem {
    let message =
        format!("With what its placeholders stand for the entity has more than {MAX_RECORD_BYTES} bytes");
    Problem::new("EntityTooLargeError", message).with_advice("put in less, or put each file in only once")
}

/// Adds what `value` takes as JSON, about; returns how many levels it nests.
fn measure(value: &Value, bytes: &mut usize) -> usize {
    let children: Box<dyn Iterator<Item = &Value>> = match value {
        Value::Object(members) => {
            *bytes += members.keys().map(|name| name.len() + 4).sum::<usize>() + 2;
            Box::new(members.values())
        }
        Value::Array(items) => {
            *bytes += items.len() + 2;
            Box::new(items.iter())
        }
        Value::String(text) => {
            *bytes += text.len() + 2;
            return 0;
        }
        _ => {
            *bytes += 4;
            return 0;
        }
    };
    children.map(|child| measure(child, bytes) + 1).max().unwrap_or(0)
}
