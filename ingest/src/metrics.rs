//! What reading the outside world tells about itself. Every name stands in `docs/METRICS.md`.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use backstitch_schemas::scm::ScmEvent;
use opentelemetry::{
    KeyValue, global,
    metrics::{Counter, Histogram, Meter},
};
use reqwest::Method;

use crate::{
    Directory,
    locations::{HostStatus, fetch::Failure},
};

/// Seconds of a request to a host.
const SECONDS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Times requests to hosts.
#[derive(Clone, Debug)]
pub(crate) struct Requests(Histogram<f64>);

impl Requests {
    /// The instrument of the process, which collects by now or never does.
    pub(crate) fn new() -> Self {
        let meter = meter();
        let requests = meter.f64_histogram("http.client.request.duration").with_unit("s");
        let requests = requests.with_boundaries(SECONDS.to_vec());
        Self(requests.with_description("Requests to the hosts that are read from, by outcome").build())
    }

    /// A request to `host` was answered with a status, or was not answered.
    pub(crate) fn ended(
        &self,
        host: String,
        method: &Method,
        outcome: Result<u16, &Failure>,
        took: Duration,
    ) {
        // No answer, one that is too large, or one that ends too early: each is told to people in words.
        let outcome = match outcome {
            Ok(status) => KeyValue::new("http.response.status_code", i64::from(status)),
            Err(Failure { status: Some(status), .. }) => {
                KeyValue::new("http.response.status_code", i64::from(*status))
            }
            Err(_) => KeyValue::new("error.type", "unanswered"),
        };
        let method = KeyValue::new("http.request.method", method.as_str().to_owned());
        self.0.record(took.as_secs_f64(), &[KeyValue::new("server.address", host), method, outcome]);
    }
}

/// Tells how much of each host's budget is left, for as long as the process runs. Nothing is done until
/// somebody asks.
pub fn observe(directory: &Arc<Directory>) {
    let meter = meter();
    let tell = |name: &'static str, description: &'static str, number: fn(&HostStatus) -> Option<u64>| {
        let directory = Arc::downgrade(directory);
        let gauge = meter.u64_observable_gauge(name).with_description(description);
        gauge
            .with_callback(move |gauge| {
                for host in directory.upgrade().iter().flat_map(|directory| directory.hosts()) {
                    let attributes = [KeyValue::new("server.address", host.host.clone())];
                    number(&host).into_iter().for_each(|number| gauge.observe(number, &attributes));
                }
            })
            .build();
    };
    tell(
        "catalog.host.budget.remaining",
        "Requests that a host has room for until its budget is renewed, where it tells",
        |host| host.remaining,
    );
    tell(
        "catalog.host.budget.limit",
        "Requests that a host has room for in one window, where it tells",
        |host| host.limit,
    );
    tell("catalog.host.documents", "Documents that are read from a host", |host| Some(host.documents as u64));
}

static SCM_MESSAGES: LazyLock<Counter<u64>> = LazyLock::new(|| {
    let description = "What git hosts told through webhooks, by what it is about";
    meter().u64_counter("catalog.events.scm.messages").with_description(description).build()
});

static SCM_ACTIONS: LazyLock<Counter<u64>> = LazyLock::new(|| {
    let description = "What was done because a git host told something";
    meter().u64_counter("catalog.events.scm.actions").with_description(description).build()
});

/// A git host told this.
pub(crate) fn scm_told(events: &[ScmEvent]) {
    for event in events {
        let about = match event {
            ScmEvent::LocationCreated { .. }
            | ScmEvent::LocationUpdated { .. }
            | ScmEvent::LocationDeleted { .. }
            | ScmEvent::LocationMoved { .. } => "location",
            ScmEvent::RepositoryCreated { .. }
            | ScmEvent::RepositoryUpdated { .. }
            | ScmEvent::RepositoryDeleted { .. }
            | ScmEvent::RepositoryMoved { .. } => "repository",
        };
        SCM_MESSAGES.add(1, &[KeyValue::new("eventType", about)]);
    }
}

/// So many places are read again, or registered locations taken back or moved, because a git host told
/// something.
pub(crate) fn scm_acted(action: &'static str, count: usize) {
    SCM_ACTIONS.add(count as u64, &[KeyValue::new("action", action)]);
}

fn meter() -> Meter {
    global::meter("backstitch.ingest")
}
