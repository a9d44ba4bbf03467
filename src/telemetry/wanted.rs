//! What the standard variables of OpenTelemetry ask for. What they say beyond that (addresses, headers,
//! intervals, samplers) is read where it is used, by OpenTelemetry itself.

use std::collections::BTreeMap;
use std::time::Duration;

/// What is to be collected, and what is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Nothing is collected at all.
    pub(super) nothing: bool,
    /// Measurements are sent.
    pub(super) metrics: bool,
    /// Traces are made and sent.
    pub(super) traces: bool,
    /// The variables say what the service is called.
    pub(super) is_named: bool,
    /// How long one request to the collector may take.
    pub(super) patience: Duration,
}

impl Wanted {
    /// What these variables ask for. An empty one says nothing, as OpenTelemetry wants it.
    pub(super) fn by(env: &BTreeMap<String, String>) -> Self {
        let said = |name: &str| env.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        let is = |name: &str, value: &str| said(name).is_some_and(|said| said.eq_ignore_ascii_case(value));
        let nothing = is("OTEL_SDK_DISABLED", "true");
        let sends = |signal: &str| {
            let endpoint = format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT");
            let is_addressed = said("OTEL_EXPORTER_OTLP_ENDPOINT").or(said(&endpoint)).is_some();
            !nothing && is_addressed && !is(&format!("OTEL_{signal}_EXPORTER"), "none")
        };
        let attributes = said("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
        let milliseconds = said("OTEL_EXPORTER_OTLP_TIMEOUT").and_then(|value| value.parse().ok());
        Self {
            nothing,
            metrics: sends("METRICS"),
            traces: sends("TRACES"),
            is_named: said("OTEL_SERVICE_NAME").is_some() || attributes.contains("service.name="),
            patience: Duration::from_millis(milliseconds.unwrap_or(10_000)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(variables: &[(&str, &str)]) -> Wanted {
        Wanted::by(&variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn sent(variables: &[(&str, &str)]) -> (bool, bool) {
        let wanted = wanted(variables);
        (wanted.metrics, wanted.traces)
    }

    #[test]
    fn nothing_is_sent_unless_a_collector_is_named() {
        assert_eq!(sent(&[]), (false, false));
        assert_eq!(sent(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]), (false, false));
        assert_eq!(sent(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318")]), (true, true));
        assert_eq!(sent(&[("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://c:4318/m")]), (true, false));
        assert_eq!(sent(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c:4318/t")]), (false, true));
        let but = |name, value| sent(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"), (name, value)]);
        assert_eq!(but("OTEL_TRACES_EXPORTER", "none"), (true, false));
        assert_eq!(but("OTEL_SDK_DISABLED", "True"), (false, false));
    }

    #[test]
    fn a_name_may_stand_in_two_variables() {
        assert!(!wanted(&[]).is_named);
        assert!(wanted(&[("OTEL_SERVICE_NAME", "catalog")]).is_named);
        assert!(wanted(&[("OTEL_RESOURCE_ATTRIBUTES", "a=b,service.name=catalog")]).is_named);
    }
}
