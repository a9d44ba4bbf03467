//! Builds the value of one document from the parser's events, within bounds.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScanError, Span, StrInput, Tag};
use serde_json::{Map, Value};

use super::{SyntaxError, scalar};
use crate::canonical;

/// Levels that a document may nest; JSON readers downstream stop at 128.
const MAX_DEPTH: usize = 100;
/// What a document may weigh once its aliases are written out: bytes of text, and 16 a node.
const MAX_WEIGHT: usize = 32 << 20;

/// The value of a document and the line where it begins, both counted from the chunk.
pub(super) struct Loaded {
    pub(super) value: Value,
    pub(super) line: i32,
}

/// Loads one document. Nothing but blanks and comments is null.
pub(super) fn load(text: &str) -> Result<Loaded, SyntaxError> {
    Loader::new(text, None).document()
}

/// The line of the value at `pointer` or of its nearest ancestor, if the document has one.
pub(super) fn locate(text: &str, pointer: &str) -> Option<i32> {
    let wanted = pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"));
    let mut loader = Loader::new(text, Some(Watch { wanted: wanted.collect(), depth: 0, line: None }));
    // What was found before an error is still the nearest ancestor.
    let _ = loader.document();
    loader.watch.and_then(|watch| watch.line)
}

/// A search for one place, going on beside the building.
struct Watch {
    wanted: Vec<String>,
    /// How many of `wanted` the path to the current node equals.
    depth: usize,
    line: Option<i32>,
}

struct Anchored {
    value: Value,
    weight: usize,
}

struct Loader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Anchored>,
    weight: usize,
    /// Length of the path to the current node.
    depth: usize,
    watch: Option<Watch>,
}

impl<'a> Loader<'a> {
    fn new(text: &'a str, watch: Option<Watch>) -> Self {
        Self { parser: Parser::new_from_str(text), anchors: HashMap::new(), weight: 0, depth: 0, watch }
    }

    fn document(&mut self) -> Result<Loaded, SyntaxError> {
        let mut loaded = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
                Event::StreamEnd => return Ok(loaded.unwrap_or(Loaded { value: Value::Null, line: 1 })),
                _ if loaded.is_some() => {
                    return Err(error(span, "Source contains content after the end of the document"));
                }
                event => {
                    let line = line_of(span);
                    self.saw(line);
                    loaded = Some(Loaded { value: self.node(event, span)?, line });
                }
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Value, SyntaxError> {
        let before = self.weight;
        self.weigh(16, span)?;
        let (anchor, value) = match event {
            Event::Alias(id) => return self.alias(id, span),
            Event::Scalar(text, style, anchor, tag) => {
                self.weigh(text.len(), span)?;
                (anchor, scalar::resolve(text, style, tag.as_deref()))
            }
            Event::SequenceStart(anchor, tag) => {
                reject_tag(tag.as_deref(), span, &["map", "str", "int", "bool", "null", "float"])?;
                (anchor, self.sequence(span)?)
            }
            Event::MappingStart(anchor, tag) => {
                reject_tag(tag.as_deref(), span, &["seq", "str", "int", "bool", "null", "float"])?;
                (anchor, self.mapping(span)?)
            }
            _ => return Err(error(span, "Unexpected end of the document")),
        };
        if anchor > 0 {
            let weight = self.weight - before;
            self.anchors.insert(anchor, Anchored { value: value.clone(), weight });
        }
        Ok(value)
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<Value, SyntaxError> {
        // The anchor of a collection is known only at its end, so no alias can hold itself.
        let Some(Anchored { value, weight }) = self.anchors.get(&id) else {
            return Err(error(span, "Unresolved alias (the anchor must be set before the alias)"));
        };
        let (value, weight) = (value.clone(), *weight);
        self.weigh(weight, span)?;
        Ok(value)
    }

    fn sequence(&mut self, start: Span) -> Result<Value, SyntaxError> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Value::Array(items));
            }
            let index = items.len().to_string();
            items.push(self.child(&index, line_of(span), start, |loader| loader.node(event, span))?);
        }
    }

    fn mapping(&mut self, start: Span) -> Result<Value, SyntaxError> {
        let mut members = Map::new();
        let mut scalars = HashSet::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(Value::Object(members));
            }
            let watch = self.watch.take(); // nothing inside a key is a place
            let key = self.node(event, span);
            self.watch = watch;
            let key = key?;
            if !matches!(key, Value::Array(_) | Value::Object(_)) && !scalars.insert(key.to_string()) {
                return Err(error(span, "Map keys must be unique"));
            }
            let name = key_text(&key);
            let (event, value_span) = self.next()?;
            let value = self.child(&name, line_of(span), start, |loader| loader.node(event, value_span))?;
            members.insert(name, value);
        }
    }

    /// Builds the child `name` with the path, the depth and the search kept up.
    fn child<T>(
        &mut self,
        name: &str,
        line: i32,
        span: Span,
        build: impl FnOnce(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        if self.depth == MAX_DEPTH {
            return Err(error(span, &format!("The document nests more than {MAX_DEPTH} levels")));
        }
        let on_path = self.watch.as_mut().is_some_and(|watch| {
            let next = watch.depth == self.depth && watch.wanted.get(watch.depth).is_some_and(|w| w == name);
            watch.depth += usize::from(next);
            next
        });
        self.depth += 1;
        if on_path {
            self.saw(line);
        }
        let built = build(self);
        self.depth -= 1;
        if on_path && let Some(watch) = &mut self.watch {
            watch.depth -= 1;
        }
        built
    }

    fn saw(&mut self, line: i32) {
        if let Some(watch) = &mut self.watch {
            watch.line = Some(line);
        }
    }

    fn weigh(&mut self, weight: usize, span: Span) -> Result<(), SyntaxError> {
        self.weight += weight;
        if self.weight > MAX_WEIGHT {
            return Err(error(span, "Excessive alias count indicates a resource exhaustion attack"));
        }
        Ok(())
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), SyntaxError> {
        match self.parser.next_event() {
            Some(event) => event.map_err(|error| scan_error(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }
}

/// A key as JavaScript's objects have it: text. Collections are written in flow style.
fn key_text(key: &Value) -> String {
    match key {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => canonical::number_to_string(number),
        Value::Bool(flag) => flag.to_string(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(key_text).collect();
            format!("[ {} ]", items.join(", "))
        }
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| match value {
                Value::Null => name.clone(),
                value => format!("{name}: {}", key_text(value)),
            };
            let members: Vec<_> = members.iter().map(member).collect();
            format!("{{ {} }}", members.join(", "))
        }
    }
}

fn reject_tag(tag: Option<&Tag>, span: Span, foreign: &[&str]) -> Result<(), SyntaxError> {
    match tag {
        Some(tag) if tag.is_yaml_core_schema() && foreign.contains(&tag.suffix.as_str()) => {
            Err(error(span, &format!("Unresolved tag: tag:yaml.org,2002:{}", tag.suffix)))
        }
        _ => Ok(()),
    }
}

fn line_of(span: Span) -> i32 {
    i32::try_from(span.start.line()).unwrap_or(i32::MAX)
}

fn error(span: Span, detail: &str) -> SyntaxError {
    let column = i32::try_from(span.start.col() + 1).unwrap_or(i32::MAX);
    SyntaxError { detail: detail.to_owned(), line: line_of(span), column }
}

fn scan_error(cause: &ScanError) -> SyntaxError {
    error(Span::empty(*cause.marker()), cause.info())
}
