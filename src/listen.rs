//! The address that the API listens on.

use anyhow::{Context, Result};
use tokio::net::TcpListener;

use crate::config::BackendConfig;

/// A bound address.
#[derive(Debug)]
pub struct Bound {
    /// Accepts connections.
    pub listener: TcpListener,
    /// How this machine reaches it, e.g. `http://127.0.0.1:7007`.
    pub url: String,
    /// What to tell the operator, if less was bound than asked for.
    pub notice: Option<&'static str>,
}

/// Binds `backend.listen`; the loopback address only, unless somebody checks who comes in.
///
/// # Errors
/// If the address cannot be bound. The text names the option that chooses another.
pub async fn bind(backend: &BackendConfig, is_guarded: bool) -> Result<Bound> {
    let (host, notice) = backend.listen.bind_host(is_guarded);
    let port = backend.listen.port;
    let listener = TcpListener::bind((host.as_str(), port)).await.with_context(|| {
        let free = port.checked_add(1).unwrap_or(7007);
        format!("cannot listen on {host}:{port}; choose another address, e.g. --listen {host}:{free}, or set backend.listen")
    })?;
    let address = listener.local_addr().context("the bound address has no name")?;
    let reachable = match address.ip() {
        ip if !ip.is_unspecified() => address,
        ip if ip.is_ipv6() => ([0, 0, 0, 0, 0, 0, 0, 1], address.port()).into(),
        _ => ([127, 0, 0, 1], address.port()).into(),
    };
    Ok(Bound { listener, url: format!("http://{reachable}"), notice })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Listen;

    #[tokio::test]
    async fn a_taken_port_names_the_option() {
        let mut backend =
            BackendConfig { listen: Listen { host: None, port: 0 }, ..BackendConfig::default() };
        let first = bind(&backend, false).await.unwrap();
        assert!(first.url.starts_with("http://127.0.0.1:"), "{}", first.url);
        backend.listen.port = first.listener.local_addr().unwrap().port();
        let error = format!("{:#}", bind(&backend, false).await.unwrap_err());
        assert!(error.contains("--listen 127.0.0.1:"), "{error}");
    }
}
