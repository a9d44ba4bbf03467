//! Git hosts: files of repositories, read through the API of their host.
//!
//! What a URL means is known to `schemas::scm`. Each product has one file here, which is pure: what to
//! ask for, and what an answer says (`api::Api`). `reader` reads files and lists patterns, `tree` and
//! `walk` keep the files of a ref by one conditional request, `absence` tells a file that is gone from a
//! repository that cannot be read, and `app` gets tokens for GitHub Apps. Everything goes through
//! `locations::upstream`, which keeps within the budget of the host.

mod absence;
mod api;
mod app;
mod azure;
mod bitbucket_cloud;
mod bitbucket_server;
mod call;
mod config;
mod credentials;
mod gitea;
mod github;
mod gitlab;
mod reader;
mod tree;
mod walk;

pub(crate) use api::{Answer, Request};
pub use app::{App, AppKey, AppKeyError};
pub use config::GitHost;
pub use credentials::{Credentials, UnusableCredential};
pub(crate) use reader::{HostReader, Listed, no_file};
