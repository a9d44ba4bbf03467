//! A tree of descriptors on a server that is having a bad day.
