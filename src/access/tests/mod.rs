//! Who comes in with which token, against a portal on this machine.

mod doors;
mod people;
mod policies;
mod portal;

use std::sync::Arc;
use std::time::Duration;

use backstitch_query_api::Principal;
use backstitch_schemas::{Clock, SystemClock};
use serde_json::{Value, json};

use super::*;
use portal::{Portal, Signer};

/// A configuration with these sections.
fn config(backend_auth: Value, portal: Option<&str>, is_permission_enabled: bool) -> AppConfig {
    let mut sections = json!({
        "backend": {"auth": backend_auth},
        "permission": {"enabled": is_permission_enabled},
    });
    if let Some(url) = portal {
        sections["backstitch"] = json!({"portal": {"baseUrl": url}});
    }
    let inputs = crate::config::Inputs {
        files: &["app-config.yaml".into()],
        env: &std::collections::BTreeMap::new(),
        cwd: std::path::Path::new("/site"),
        read: &|_| Ok(sections.to_string()),
    };
    crate::config::load(&inputs).unwrap()
}

/// Access without patience, so that keys are looked for whenever one is unknown.
fn access(config: &AppConfig) -> Access {
    patient_access(config, Duration::ZERO)
}

fn patient_access(config: &AppConfig, patience: Duration) -> Access {
    drop(rustls::crypto::ring::default_provider().install_default());
    Access::with_patience(config, Arc::new(SystemClock), patience).unwrap()
}

fn now() -> i64 {
    SystemClock.now().0 / 1_000
}

async fn admit(access: &Access, token: &str, need: &Need) -> Result<Principal, Refusal> {
    access.admit(Credentials { bearer: Some(token), cookie: None }, need).await
}

async fn read(access: &Access, token: &str) -> Result<Principal, Refusal> {
    admit(access, token, &Need::Read).await
}

/// Why a token is refused.
async fn refusal(access: &Access, token: &str) -> String {
    read(access, token).await.unwrap_err().to_string()
}
