//! The endpoints of Backstage's catalog API, one file each.

pub(crate) mod analyze_location;
pub(crate) mod ancestry;
pub(crate) mod by_name;
pub(crate) mod by_refs;
pub(crate) mod by_uid;
pub(crate) mod delete_entity;
pub(crate) mod facets;
pub(crate) mod health;
pub(crate) mod list_entities;
pub(crate) mod locations;
pub(crate) mod permissions;
pub(crate) mod public_keys;
pub(crate) mod query_entities;
pub(crate) mod refresh;
mod selection;
pub(crate) mod unprocessed;
pub(crate) mod validate_entity;

pub(crate) use locations::create::is_dry_run;
pub(crate) use selection::ABOUT_FILTER;
