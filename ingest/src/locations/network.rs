//! How hosts are reached.

use std::fmt;

use reqwest::{Certificate, ClientBuilder, NoProxy, Proxy};
use url::Url;

/// How hosts are reached: proxies, and certificates besides those of the system's trust store.
#[derive(Clone, Default)]
pub struct Network {
    /// The proxy for `http` URLs.
    pub http_proxy: Option<Url>,
    /// The proxy for `https` URLs.
    pub https_proxy: Option<Url>,
    /// Hosts that are reached without a proxy, separated by commas, in the form of `NO_PROXY`.
    pub no_proxy: Option<String>,
    /// Certificate authorities that are trusted besides.
    pub certificates: Vec<Certificate>,
}

impl Network {
    /// A client that reaches hosts in this way, and reads no environment.
    pub(super) fn apply(&self, mut builder: ClientBuilder) -> Result<ClientBuilder, reqwest::Error> {
        builder = builder.no_proxy().tls_certs_merge(self.certificates.iter().cloned());
        let exceptions = || self.no_proxy.as_deref().and_then(NoProxy::from_string);
        if let Some(proxy) = &self.http_proxy {
            builder = builder.proxy(Proxy::http(proxy.as_str())?.no_proxy(exceptions()));
        }
        if let Some(proxy) = &self.https_proxy {
            builder = builder.proxy(Proxy::https(proxy.as_str())?.no_proxy(exceptions()));
        }
        Ok(builder)
    }
}

impl fmt::Debug for Network {
    /// Without the proxies' passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = |proxy: &Option<Url>| proxy.as_ref().and_then(Url::host_str).map(str::to_owned);
        f.debug_struct("Network")
            .field("http_proxy", &host(&self.http_proxy))
            .field("https_proxy", &host(&self.https_proxy))
            .field("no_proxy", &self.no_proxy)
            .field("certificates", &self.certificates.len())
            .finish()
    }
}
