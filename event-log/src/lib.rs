//! The log between the stages: one trait, Kafka and an embedded implementation.
