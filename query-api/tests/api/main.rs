//! Every endpoint over a read model on SQLite, through the router.

mod fixture;

mod errors;
mod page;
mod pages;
mod reads;
mod revisions;
mod status;
