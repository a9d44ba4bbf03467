//! Builds the value of one document from the parser's events, within bounds.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScanError, Span, StrInput, Tag};
use serde_json::{Map, Value};

use super::{Limits, MAX_DEPTH, SyntaxError, lines::Watch, scalar};
use crate::canonical;

/// The value of a document and the line where it begins, both counted from the chunk.
pub(super) struct Loaded {
    pub(super) value: Value,
    pub(super) line: i32,
}

/// Loads one document. Nothing but blanks and comments is null.
pub(super) fn load(text: &str, limits: &Limits) -> Result<Loaded, SyntaxError> {
    Loader::new(text, limits, None).document().map_err(|mut error| {
        // The parser takes the end of a last line without a break for one line more.
        let lines = text.bytes().filter(|byte| *byte == b'\n').count() + 1;
        error.line = error.line.min(i32::try_from(lines).unwrap_or(i32::MAX));
        error
    })
}

/// What a value costs, aliases written out.
#[derive(Clone, Copy, Default)]
struct Cost {
    nodes: usize,
    text: usize,
}

struct Anchored {
    value: Value,
    cost: Cost,
}

pub(super) struct Loader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    limits: &'a Limits,
    anchors: HashMap<usize, Anchored>,
    /// What was built so far.
    built: Cost,
    /// What is kept for aliases to come: anchors within anchors are kept once for each.
    kept: Cost,
    aliased: bool,
    depth: usize,
    watch: Option<Watch>,
}

impl<'a> Loader<'a> {
    pub(super) fn new(text: &'a str, limits: &'a Limits, watch: Option<Watch>) -> Self {
        Self {
            parser: Parser::new_from_str(text),
            limits,
            anchors: HashMap::new(),
            built: Cost::default(),
            kept: Cost::default(),
            aliased: false,
            depth: 0,
            watch,
        }
    }

    pub(super) fn into_watch(self) -> Option<Watch> {
        self.watch
    }

    pub(super) fn document(&mut self) -> Result<Loaded, SyntaxError> {
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
                    if let Some(watch) = &mut self.watch {
                        watch.saw(line);
                    }
                    loaded = Some(Loaded { value: self.node(event, span)?, line });
                }
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Value, SyntaxError> {
        let before = self.built;
        self.spend(Cost { nodes: 1, text: 0 }, span)?;
        let (anchor, value) = match event {
            Event::Alias(id) => return self.alias(id, span),
            Event::Scalar(text, style, anchor, tag) => {
                self.spend(Cost { nodes: 0, text: text.len() }, span)?;
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
            let (nodes, text) = (self.built.nodes - before.nodes, self.built.text - before.text);
            self.keep(anchor, &value, Cost { nodes, text }, span)?;
        }
        Ok(value)
    }

    fn keep(&mut self, anchor: usize, value: &Value, cost: Cost, span: Span) -> Result<(), SyntaxError> {
        self.kept.add(cost);
        self.kept.check(self.limits, true, span)?;
        self.anchors.insert(anchor, Anchored { value: value.clone(), cost });
        Ok(())
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<Value, SyntaxError> {
        self.aliased = true;
        // The anchor of a collection is known only at its end, so no alias can hold itself.
        let Some(anchored) = self.anchors.get(&id) else {
            return Err(error(span, "Unresolved alias (the anchor must be set before the alias)"));
        };
        // Before the copy is made, or it would be too late.
        self.built.add(anchored.cost);
        self.built.check(self.limits, true, span)?;
        Ok(anchored.value.clone())
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
            let key = self.key(event, span, start)?;
            if !matches!(key, Value::Array(_) | Value::Object(_)) && !scalars.insert(key.to_string()) {
                return Err(error(span, "Map keys must be unique"));
            }
            let name = key_text(&key);
            let (event, value_span) = self.next()?;
            let value = self.child(&name, line_of(span), start, |loader| loader.node(event, value_span))?;
            members.insert(name, value);
        }
    }

    fn key(&mut self, event: Event<'a>, span: Span, start: Span) -> Result<Value, SyntaxError> {
        let watch = self.watch.take(); // nothing inside a key is a place
        let key = self.nested(start, |loader| loader.node(event, span));
        self.watch = watch;
        key
    }

    /// Builds the child `name` with the path of the search kept up.
    fn child<T>(
        &mut self,
        name: &str,
        line: i32,
        start: Span,
        build: impl FnOnce(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        let parent = self.watch.as_mut().map(|watch| watch.enter(name, line));
        let built = self.nested(start, build);
        if let (Some(watch), Some(parent)) = (&mut self.watch, parent) {
            watch.leave(parent);
        }
        built
    }

    /// Goes one level down, if there is one.
    fn nested<T>(
        &mut self,
        start: Span,
        build: impl FnOnce(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        if self.depth >= self.limits.max_depth.min(MAX_DEPTH) {
            return Err(error(start, &self.limits.depth_exceeded()));
        }
        self.depth += 1;
        let built = build(self);
        self.depth -= 1;
        built
    }

    fn spend(&mut self, cost: Cost, span: Span) -> Result<(), SyntaxError> {
        self.built.add(cost);
        self.built.check(self.limits, self.aliased, span)
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), SyntaxError> {
        match self.parser.next_event() {
            Some(event) => event.map_err(|error| scan_error(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }
}

impl Cost {
    fn add(&mut self, more: Self) {
        self.nodes += more.nodes;
        self.text += more.text;
    }

    fn check(self, limits: &Limits, aliased: bool, span: Span) -> Result<(), SyntaxError> {
        if self.nodes > limits.max_nodes {
            return Err(error(span, &limits.nodes_exceeded(aliased)));
        }
        if self.text > limits.max_text {
            return Err(error(span, &limits.text_exceeded(aliased)));
        }
        Ok(())
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
