use futures::{FutureExt as _, future::join_all};

use super::*;

/// A clock that stands until it is moved.
#[derive(Debug, Default)]
struct Hands(Mutex<i64>);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp(*self.0.lock().unwrap())
    }
}

fn gate(config: Config) -> (Arc<HostGate>, Arc<Hands>) {
    let hands = Arc::new(Hands::default());
    (HostGates::new(&config, Arc::clone(&hands) as _).gate("example.com"), hands)
}

#[tokio::test]
async fn a_person_goes_first_then_what_is_told_then_polling() {
    let config = Config { requests_per_second: 20, requests_per_host: 3, ..Config::default() };
    let (gate, _) = gate(config);
    for _ in 0..20 {
        drop(gate.enter(Wake::Polling).await);
    }
    let order = Mutex::new(Vec::new());
    let wakes = [Wake::Polling, Wake::Watched, Wake::Person];
    let (gate, order_of) = (&gate, &order);
    join_all(wakes.map(|wake| async move {
        drop(gate.enter(wake).await);
        order_of.lock().unwrap().push(wake);
    }))
    .await;
    assert_eq!(order.into_inner().unwrap(), [Wake::Person, Wake::Watched, Wake::Polling]);
}

#[tokio::test]
async fn with_a_single_slot_everybody_gets_through() {
    let (gate, _) = gate(Config { requests_per_host: 1, requests: 1, ..Config::default() });
    let wakes = [Wake::Polling, Wake::Person, Wake::Watched, Wake::Polling];
    let gate = &gate;
    let passed = join_all(wakes.map(|wake| async move { drop(gate.enter(wake).await.unwrap()) }));
    tokio::time::timeout(Duration::from_secs(10), passed).await.expect("everybody gets through");
}

#[tokio::test]
async fn a_host_that_asks_to_be_left_alone_is() {
    let (gate, hands) = gate(Config::default());
    assert!(gate.enter(Wake::Polling).await.is_ok());
    gate.close(Duration::from_secs(60));
    assert_eq!(gate.enter(Wake::Person).await.err(), Some(Duration::from_secs(60)));
    *hands.0.lock().unwrap() = 60_000;
    assert!(gate.enter(Wake::Person).await.is_ok());
}

#[tokio::test]
async fn polling_stops_before_the_budget_is_used_up_and_a_person_does_not() {
    let (gate, hands) = gate(Config::default());
    gate.learned(RateLimit { limit: 60, remaining: 8, reset: Timestamp(1_800_000) });
    let first = gate.enter(Wake::Polling).now_or_never().unwrap();
    let second = gate.enter(Wake::Polling).now_or_never().unwrap();
    assert!(first.is_ok() && second.is_ok());
    let wait = Duration::from_secs(1800);
    assert_eq!(gate.enter(Wake::Polling).now_or_never().unwrap().err(), Some(wait), "two are under way");
    assert!(gate.enter(Wake::Person).now_or_never().unwrap().is_ok());
    gate.learned(RateLimit { limit: 60, remaining: 0, reset: Timestamp(1_800_000) });
    assert_eq!(gate.enter(Wake::Person).now_or_never().unwrap().err(), Some(wait));
    *hands.0.lock().unwrap() = 1_800_000;
    assert!(gate.enter(Wake::Polling).now_or_never().unwrap().is_ok(), "the next window");
}

#[tokio::test]
async fn a_nonsensical_reset_shuts_nobody_out_for_long() {
    let (gate, _) = gate(Config::default());
    gate.learned(RateLimit { limit: 60, remaining: 0, reset: Timestamp(i64::MAX) });
    assert_eq!(gate.enter(Wake::Person).await.err(), Some(Config::default().max_retry_after));
}

#[tokio::test]
async fn status_tells_the_budget_and_the_time_of_a_pass() {
    let hands = Arc::new(Hands::default());
    let config = Config::default();
    let gates = HostGates::new(&config, Arc::clone(&hands) as _);
    let gate = gates.gate("Example.com");
    let documents: Vec<_> = (0..5400).map(|_| ReadThrough::new(Arc::clone(&gate), true)).collect();
    assert_eq!(gates.statuses()[0].pass, config.interval);
    gate.learned(RateLimit { limit: 600, remaining: 60, reset: Timestamp(30_000) });
    let status = HostStatus {
        host: "example.com".to_owned(),
        documents: 5400,
        limit: Some(600),
        remaining: Some(60),
        reset: Some(Timestamp(30_000)),
        waiting_until: Some(Timestamp(30_000)),
        pass: Some(Interval { min: Duration::from_secs(600), max: Duration::from_secs(900) }),
    };
    assert_eq!(gates.statuses(), std::slice::from_ref(&status));
    *hands.0.lock().unwrap() = 30_000;
    drop(documents);
    let over = HostStatus {
        documents: 0,
        remaining: Some(600),
        reset: None,
        waiting_until: None,
        pass: config.interval,
        ..status
    };
    assert_eq!(gates.statuses(), [over]);
}
