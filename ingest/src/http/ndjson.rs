//! Lines of a pushed stream, one entity each, and what its end says. Pure.
//!
//! A producer that dies ends its stream cleanly, so only the line `{"end":true,"count":N}` with the
//! right N tells that the stream was complete.

use std::collections::HashMap;

use backstitch_schemas::EntityRef;
use bytes::BytesMut;
use serde_json::Value;

use super::items::{Intake, Item, RejectedItem};
use crate::Submission;

/// Lines longer than this many times the largest entity are not read to their end.
const LONGEST_LINE: usize = 8;

/// A stream as far as it has come.
pub(super) struct Lines {
    intake: Intake,
    buffer: BytesMut,
    /// The line in the buffer is too long and is passed over up to its end.
    skipping: bool,
    line: u64,
    counted: u64,
    end: End,
    /// Every readable ref, with the line it stands in: what is listed stays.
    pub(super) seen: HashMap<EntityRef, u64>,
    pub(super) rejected: Vec<RejectedItem>,
    pub(super) warnings: Vec<String>,
    chunk: Vec<Submission>,
    chunk_index: HashMap<EntityRef, usize>,
    pub(super) chunk_bytes: usize,
    pub(super) accepted: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Missing,
    At(u64),
    Overrun,
}

impl Lines {
    pub(super) fn new(intake: Intake) -> Self {
        Self {
            intake,
            buffer: BytesMut::new(),
            skipping: false,
            line: 0,
            counted: 0,
            end: End::Missing,
            seen: HashMap::new(),
            rejected: Vec::new(),
            warnings: Vec::new(),
            chunk: Vec::new(),
            chunk_index: HashMap::new(),
            chunk_bytes: 0,
            accepted: 0,
        }
    }

    /// Takes bytes in; lines may be cut anywhere.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            self.buffer_part(&rest[..at]);
            self.finish_line();
            rest = &rest[at + 1..];
        }
        self.buffer_part(rest);
    }

    /// No more bytes come: what is in the buffer is the last line.
    pub(super) fn finish(&mut self) {
        if !self.buffer.is_empty() || self.skipping {
            self.finish_line();
        }
    }

    /// How many submissions wait to be taken.
    pub(super) fn waiting(&self) -> usize {
        self.chunk.len()
    }

    /// The submissions since the last call.
    pub(super) fn take_chunk(&mut self) -> Vec<Submission> {
        self.chunk_index.clear();
        self.chunk_bytes = 0;
        std::mem::take(&mut self.chunk)
    }

    /// Whether the stream said that it is complete and lists nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.counted == 0 && self.end == End::At(0)
    }

    /// # Errors
    /// With the reason, if what the stream does not list must not be taken for gone.
    pub(super) fn complete(&self) -> Result<(), String> {
        match self.end {
            End::Missing => return Err("the stream did not end with {\"end\":true,\"count\":N}".to_owned()),
            End::Overrun => return Err("there were lines after the end line".to_owned()),
            End::At(count) if count != self.counted => {
                return Err(format!("the end line says {count} entities, but {} came", self.counted));
            }
            End::At(_) => {}
        }
        match self.rejected.iter().find(|rejected| rejected.entity_ref.is_none()) {
            Some(rejected) => Err(format!("line {} has no readable ref", rejected.line)),
            None => Ok(()),
        }
    }

    fn buffer_part(&mut self, part: &[u8]) {
        let longest = self.intake.max_entity_bytes.saturating_mul(LONGEST_LINE);
        if self.buffer.len() + part.len() > longest {
            self.skipping = true;
            self.buffer.clear();
        }
        if !self.skipping {
            self.buffer.extend_from_slice(part);
        }
    }

    fn finish_line(&mut self) {
        self.line += 1;
        let line = self.buffer.split();
        if std::mem::take(&mut self.skipping) {
            self.counted += 1;
            return self.reject(None, "the line is too long".to_owned());
        }
        let text = line.trim_ascii();
        if text.is_empty() {
            return;
        }
        if self.end != End::Missing {
            self.end = End::Overrun;
        }
        match serde_json::from_slice::<Value>(text) {
            Ok(value) => match end_of(&value) {
                Some(count) if self.end == End::Missing => self.end = End::At(count),
                Some(_) => {}
                None => self.take(value),
            },
            Err(cause) => {
                self.counted += 1;
                self.reject(None, format!("not JSON: {cause}"));
            }
        }
    }

    fn take(&mut self, value: Value) {
        self.counted += 1;
        let known_ref = value.get("entity").and_then(EntityRef::of_entity);
        let item = match item_of(value) {
            Ok(item) => item,
            Err(reason) => {
                known_ref.iter().for_each(|known_ref| self.note(known_ref));
                return self.reject(known_ref, reason);
            }
        };
        let bytes = self.buffer_size_of(&item);
        match self.intake.submission(self.line, item) {
            Ok(submission) => {
                self.accepted += 1;
                self.note(&submission.entity_ref);
                self.chunk_bytes += bytes + submission.content.entity.len();
                // Within a chunk the last of several counts at once; in a later chunk it changes
                // what the earlier one said.
                match self.chunk_index.get(&submission.entity_ref) {
                    Some(index) => self.chunk[*index] = submission,
                    None => {
                        self.chunk_index.insert(submission.entity_ref.clone(), self.chunk.len());
                        self.chunk.push(submission);
                    }
                }
            }
            Err(rejected) => {
                if let Some(entity_ref) = &rejected.entity_ref {
                    self.note(&entity_ref.clone());
                }
                self.rejected.push(rejected);
            }
        }
    }

    fn note(&mut self, entity_ref: &EntityRef) {
        if let Some(earlier) = self.seen.insert(entity_ref.clone(), self.line) {
            let line = self.line;
            self.warnings.push(format!(
                "{entity_ref} is described twice, in line {earlier} and in line {line}; the last counts"
            ));
        }
    }

    fn buffer_size_of(&self, item: &Item) -> usize {
        item.location_key.as_ref().map_or(0, String::len)
    }

    fn reject(&mut self, entity_ref: Option<EntityRef>, reason: String) {
        self.rejected.push(RejectedItem { line: self.line, entity_ref, reason });
    }
}

/// The count of an end line.
fn end_of(value: &Value) -> Option<u64> {
    let is_end = value.get("end") == Some(&Value::Bool(true)) && value.get("kind").is_none();
    is_end.then(|| value.get("count").and_then(Value::as_u64).unwrap_or(u64::MAX))
}

/// `{entity, locationKey}`, or an entity itself.
fn item_of(value: Value) -> Result<Item, String> {
    let wrapped = value.get("entity").is_some() && value.get("kind").is_none();
    if !wrapped {
        return Ok(Item { entity: value, location_key: None });
    }
    serde_json::from_value(value).map_err(|cause| cause.to_string())
}

#[cfg(test)]
mod tests {
    use backstitch_schemas::ProviderName;

    use super::*;

    fn lines(text: &str, cut: usize) -> Lines {
        let intake = Intake { provider: ProviderName::new("p"), max_entity_bytes: 1_000 };
        let mut lines = Lines::new(intake);
        text.as_bytes().chunks(cut).for_each(|part| lines.feed(part));
        lines.finish();
        lines
    }

    fn entity(name: &str) -> String {
        format!(r#"{{"apiVersion":"v1","kind":"Component","metadata":{{"name":"{name}"}}}}"#)
    }

    #[test]
    fn lines_may_be_cut_anywhere() {
        let text = format!(
            "{}\n\r\n{{\"entity\":{},\"locationKey\":\"k\"}}\n{{\"end\":true,\"count\":2}}",
            entity("a"),
            entity("b")
        );
        for cut in [1, 7, 64, 10_000] {
            let mut lines = lines(&text, cut);
            assert_eq!(lines.complete(), Ok(()), "cut at {cut}");
            let chunk = lines.take_chunk();
            assert_eq!(chunk.len(), 2);
            assert_eq!(chunk[1].location_key.as_deref(), Some("k"));
            assert_eq!(chunk[0].content.location, "provider:p");
        }
    }

    #[test]
    fn only_a_stream_that_says_so_is_complete() {
        let a = entity("a");
        for (text, reason) in [
            (a.clone(), "the stream did not end with"),
            (format!("{a}\n{{\"end\":true,\"count\":2}}"), "the end line says 2 entities, but 1 came"),
            (format!("{a}\n{{\"end\":true}}"), "the end line says"),
            (format!("{{\"end\":true,\"count\":1}}\n{a}"), "there were lines after the end line"),
            (format!("{a}\n{{\"kind\n{{\"end\":true,\"count\":2}}"), "line 2 has no readable ref"),
        ] {
            let why = lines(&text, 50).complete().unwrap_err();
            assert!(why.starts_with(reason), "{text}: {why}");
        }
    }

    #[test]
    fn a_rejected_line_with_a_readable_ref_leaves_the_stream_complete() {
        let text = format!(
            "{{\"kind\":\"Component\",\"metadata\":{{\"name\":\"a\"}}}}\n{}\n{{\"end\":true,\"count\":2}}",
            entity("b")
        );
        let lines = lines(&text, 50);
        assert_eq!(lines.complete(), Ok(()));
        assert_eq!(lines.rejected[0].line, 1);
        assert_eq!(lines.seen.len(), 2);
        assert_eq!(lines.accepted, 1);
    }

    #[test]
    fn the_last_of_two_lines_counts_and_both_are_named() {
        let text = format!("{}\n{}\n", entity("a"), entity("a"));
        let mut lines = lines(&text, 50);
        assert_eq!(lines.take_chunk().len(), 1);
        assert_eq!(
            lines.warnings,
            ["component:default/a is described twice, in line 1 and in line 2; the last counts"]
        );
    }

    #[test]
    fn a_line_without_end_is_not_kept_in_memory() {
        let text = format!("{}\n{}\n", "x".repeat(100_000), entity("a"));
        let lines = lines(&text, 4_096);
        assert_eq!(lines.rejected[0].reason, "the line is too long");
        assert_eq!(lines.accepted, 1);
    }
}
