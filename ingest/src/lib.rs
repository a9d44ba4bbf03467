//! Entity providers: everything that reads the outside world and emits changes.
