//! What the standard variables of OpenTelemetry ask for. What they say beyond that (addresses, headers,
//! intervals, samplers) is read where it is used, by OpenTelemetry itself.

use std::collections::BTreeMap;
use std::time::Duration;

/// The one protocol that is spoken here.
const PROTOCOL: &str = "http/protobuf";

/// A collector is to be spoken to in another protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{variable} is {protocol}, but only {PROTOCOL} is spoken here; leave the variable out, and name the collector's port for \
     HTTP, usually 4318"
)]
pub(super) struct OtherProtocol {
    variable: String,
    protocol: String,
}

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
    ///
    /// # Errors
    /// If something is to be sent in a way that nobody here can.
    pub(super) fn by(env: &BTreeMap<String, String>) -> Result<Self, OtherProtocol> {
        let said = |name: &str| env.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        let is = |name: &str, value: &str| said(name).is_some_and(|said| said.eq_ignore_ascii_case(value));
        let nothing = is("OTEL_SDK_DISABLED", "true");
        let sends = |signal: &str| {
            let endpoint = format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT");
            let is_addressed = said("OTEL_EXPORTER_OTLP_ENDPOINT").or(said(&endpoint)).is_some();
            !nothing && is_addressed && !is(&format!("OTEL_{signal}_EXPORTER"), "none")
        };
        let (metrics, traces) = (sends("METRICS"), sends("TRACES"));
        for (_, signal) in [(metrics, "METRICS_"), (traces, "TRACES_")].into_iter().filter(|(sent, _)| *sent)
        {
            let variables = [signal, ""].map(|signal| format!("OTEL_EXPORTER_OTLP_{signal}PROTOCOL"));
            let protocol = variables.iter().find_map(|name| said(name).map(|protocol| (name, protocol)));
            if let Some((variable, protocol)) = protocol.filter(|(_, protocol)| *protocol != PROTOCOL) {
                return Err(OtherProtocol { variable: variable.clone(), protocol: protocol.to_owned() });
            }
        }
        let attributes = said("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
        let milliseconds = said("OTEL_EXPORTER_OTLP_TIMEOUT").and_then(|value| value.parse().ok());
        Ok(Self {
            nothing,
            metrics,
            traces,
            is_named: said("OTEL_SERVICE_NAME").is_some() || attributes.contains("service.name="),
            patience: Duration::from_millis(milliseconds.unwrap_or(10_000)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Wanted, OtherProtocol> {
        Wanted::by(&variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn wanted(variables: &[(&str, &str)]) -> Wanted {
        read(variables).unwrap()
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
    fn another_protocol_is_refused_where_something_is_sent() {
        let (general, of_metrics) = ("OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL");
        assert!(read(&[(general, "grpc")]).is_ok(), "nothing is sent");
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318");
        assert!(read(&[endpoint, (general, PROTOCOL)]).is_ok());
        for variable in [general, of_metrics] {
            let refused = read(&[endpoint, (variable, "grpc")]).unwrap_err().to_string();
            assert!(refused.starts_with(&format!("{variable} is grpc, but only http/protobuf")), "{refused}");
        }
        let both = [endpoint, (general, "grpc"), (of_metrics, PROTOCOL), ("OTEL_TRACES_EXPORTER", "none")];
        assert!(read(&both).is_ok());
    }

    #[test]
    fn a_name_may_stand_in_two_variables() {
        assert!(!wanted(&[]).is_named);
        assert!(wanted(&[("OTEL_SERVICE_NAME", "catalog")]).is_named);
        assert!(wanted(&[("OTEL_RESOURCE_ATTRIBUTES", "a=b,service.name=catalog")]).is_named);
    }
}
