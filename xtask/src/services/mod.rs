//! Kafka and Postgres for tests, on a bare machine, under `.services/`.
//!
//! They listen on loopback only, on free ports that `.services/env` names. Their data lives from
//! `up` to `down`, so tests begin with empty services.

mod kafka;
mod postgres;
mod process;

use std::{fs, net::TcpListener, path::PathBuf};

use anyhow::{Context as _, Result};

use crate::system::workspace;

/// Where tests find Kafka.
const KAFKA: &str = "BACKSTITCH_TEST_KAFKA";
/// Where tests find Postgres: a URL of a role that may create databases.
const POSTGRES: &str = "BACKSTITCH_TEST_POSTGRES";

/// The services of one checkout.
pub(crate) struct Services {
    root: PathBuf,
}

/// Where the services listen.
pub(crate) struct Addresses {
    kafka: String,
    postgres: String,
}

impl Addresses {
    /// The environment that tests read.
    pub(crate) fn variables(&self) -> [(&'static str, &str); 2] {
        [(KAFKA, &self.kafka), (POSTGRES, &self.postgres)]
    }

    /// A line for a shell.
    pub(crate) fn exports(&self) -> String {
        format!("export {KAFKA}={} {POSTGRES}={}", self.kafka, self.postgres)
    }

    fn encode(&self) -> String {
        self.variables().map(|(name, value)| format!("{name}={value}\n")).concat()
    }

    fn decode(text: &str) -> Option<Self> {
        let get = |name: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once('='));
            lines.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
        };
        Some(Self { kafka: get(KAFKA)?, postgres: get(POSTGRES)? })
    }
}

impl Services {
    /// Those of the checkout that cargo was called in.
    pub(crate) fn here() -> Self {
        Self { root: workspace().join(".services") }
    }

    /// Starts what is not running and returns where everything listens.
    pub(crate) fn up(&self) -> Result<Addresses> {
        fs::create_dir_all(&self.root).context("cannot create .services")?;
        let before = fs::read_to_string(self.env_file()).ok().and_then(|text| Addresses::decode(&text));
        let (kafka, postgres) = (self.kafka(), self.postgres());
        let addresses = Addresses {
            kafka: match &before {
                Some(before) if kafka.is_running() => before.kafka.clone(),
                _ => kafka.start()?,
            },
            postgres: match &before {
                Some(before) if postgres.is_running()? => before.postgres.clone(),
                _ => postgres.start()?,
            },
        };
        fs::write(self.env_file(), addresses.encode())?;
        Ok(addresses)
    }

    /// Stops both and deletes their data. What was fetched stays.
    pub(crate) fn down(&self) -> Result<()> {
        // Both are tried, whatever becomes of the first.
        let (kafka, postgres) = (self.kafka().stop(), self.postgres().stop());
        let _ = fs::remove_file(self.env_file());
        kafka.and(postgres)
    }

    /// Each service and whether it runs.
    pub(crate) fn status(&self) -> Result<[(&'static str, bool); 2]> {
        Ok([("kafka", self.kafka().is_running()), ("postgres", self.postgres().is_running()?)])
    }

    fn env_file(&self) -> PathBuf {
        self.root.join("env")
    }

    fn kafka(&self) -> kafka::Kafka {
        kafka::Kafka::new(self.root.join("kafka"))
    }

    fn postgres(&self) -> postgres::Postgres {
        postgres::Postgres::new(self.root.join("postgres"))
    }
}

/// Ports that are free now. All are held until the last is found, so they differ.
fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let listeners: Vec<TcpListener> =
        (0..N).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<std::io::Result<_>>()?;
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}
