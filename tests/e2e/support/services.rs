//! The servers that some tests need.

use std::env;

use uuid::Uuid;

/// Where Kafka and Postgres are, and names that no other test uses.
pub(crate) struct Services {
    /// `host:port` of Kafka.
    pub(crate) kafka: String,
    /// URL of a database of this test's own.
    pub(crate) database: String,
    /// Put before topics and groups.
    pub(crate) prefix: String,
}

impl Services {
    /// Takes the running services and makes a database in Postgres.
    pub(crate) async fn take() -> Self {
        let prefix = format!("t{}-", &Uuid::new_v4().simple().to_string()[..10]);
        let admin = variable("BACKSTITCH_TEST_POSTGRES");
        let name = format!("e2e_{}", prefix.trim_end_matches('-'));
        let made = tokio::process::Command::new("psql")
            .args([admin.as_str(), "-qc", &format!("CREATE DATABASE {name}")])
            .status()
            .await
            .expect("psql runs");
        assert!(made.success(), "the database cannot be made");
        let mut database = url::Url::parse(&admin).expect("BACKSTITCH_TEST_POSTGRES is a URL");
        database.set_path(&name);
        Self { kafka: variable("BACKSTITCH_TEST_KAFKA"), database: database.to_string(), prefix }
    }

    /// The part of a configuration that names them.
    pub(crate) fn config(&self) -> String {
        let Self { kafka, database, prefix } = self;
        format!(
            "backstitch:\n  log: kafka://{kafka}\n  database: {database}\n  prefix: {prefix}\n  partitions: 6\n  \
             replication: 1\n"
        )
    }
}

#[expect(clippy::disallowed_methods, reason = "tests are told where the services are by their environment")]
fn variable(name: &str) -> String {
    env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run `cargo xtask test`, or `cargo xtask services up`"))
}
