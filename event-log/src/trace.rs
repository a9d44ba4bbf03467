//! One trace from a request to the commit that shows what came of it: its context travels in the headers of
//! records, and each stage makes a span of each batch.

use std::collections::BTreeSet;

use backstitch_schemas::headers::TRACEPARENT;
use opentelemetry::{
    Context, KeyValue,
    global::{self, BoxedSpan, BoxedTracer},
    propagation::Extractor,
    trace::{Link, Span as _, SpanContext, SpanKind, Status, TraceContextExt as _, Tracer as _},
};

use crate::StoredRecord;

/// Traces that the span of a batch is linked with at most. A batch of more says how many records it has.
const LINKS: usize = 32;

/// Makes the spans of one stage. Without a collector for traces it makes none, and looks at no record.
#[derive(Debug)]
pub struct Spans(Option<BoxedTracer>);

/// Work on one batch; its span ends with it.
#[derive(Debug)]
pub struct BatchSpan(Option<BoxedSpan>);

/// Whether this process traces: if it does, it reads contexts.
pub fn is_on() -> bool {
    global::get_text_map_propagator(|propagator| propagator.fields().next().is_some())
}

impl Spans {
    /// The spans of a stage, in a process that traces by now or never does.
    pub fn of(stage: &'static str) -> Self {
        Self(is_on().then(|| global::tracer(stage)))
    }

    /// Begins to work on a batch. Its span belongs to the trace that all its records come from, or is
    /// linked with those that they come from.
    pub fn begin<'a>(
        &self,
        name: &'static str,
        records: impl ExactSizeIterator<Item = &'a StoredRecord>,
    ) -> BatchSpan {
        let Some(tracer) = &self.0 else { return BatchSpan(None) };
        let count = i64::try_from(records.len()).unwrap_or(i64::MAX);
        let traces: BTreeSet<&str> = records.filter_map(|record| record.header(TRACEPARENT)).collect();
        let contexts = traces.into_iter().take(LINKS).map(context).filter(SpanContext::is_valid);
        let mut contexts: Vec<_> = contexts.collect();
        let mut parent = Context::new();
        if contexts.len() == 1 {
            parent = parent.with_remote_span_context(contexts.remove(0));
        }
        let links = contexts.into_iter().map(Link::with_context).collect();
        let span = tracer.span_builder(name).with_kind(SpanKind::Consumer).with_links(links);
        let span = span.with_attributes([KeyValue::new("messaging.batch.message_count", count)]);
        BatchSpan(Some(tracer.build_with_context(span, &parent)))
    }
}

impl BatchSpan {
    /// Says more about the work.
    pub fn tell(&mut self, what: &'static str, number: i64) {
        if let Some(span) = &mut self.0 {
            span.set_attribute(KeyValue::new(what, number));
        }
    }

    /// Says why the work came to nothing.
    pub fn failed(&mut self, reason: &str) {
        if let Some(span) = &mut self.0 {
            span.set_status(Status::error(reason.to_owned()));
        }
    }
}

/// The context that a `traceparent` names; an invalid one if it is none.
fn context(traceparent: &str) -> SpanContext {
    let context = global::get_text_map_propagator(|propagator| {
        propagator.extract_with_context(&Context::new(), &Header(traceparent))
    });
    context.span().span_context().clone()
}

/// One header, as propagators read it.
struct Header<'a>(&'a str);

impl Extractor for Header<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT).then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}
