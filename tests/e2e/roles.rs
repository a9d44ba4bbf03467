//! The roles as processes of their own, on real Kafka and Postgres.
