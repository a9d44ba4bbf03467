//! The parts of the `backend` section that concern us.

use std::fmt;
use std::net::IpAddr;

use serde::Deserialize;
use serde::de::{Error, MapAccess, Visitor, value::MapAccessDeserializer};

use super::{AuthConfig, CorsConfig};

/// Where we listen, who may come in, what may be read.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BackendConfig {
    /// Hosts that `url` locations may be read from, besides those of `integrations`.
    pub reading: ReadingConfig,
    /// Address and port.
    pub listen: Listen,
    /// Who may come in.
    pub auth: AuthConfig,
    /// Which web pages may ask.
    pub cors: CorsConfig,
}

/// Which URLs may be read.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ReadingConfig {
    /// Each entry allows one host.
    pub allow: Vec<AllowedHost>,
}

/// A host that may be read from, e.g. `{ host: "*.skerry.example", paths: [/catalog] }`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct AllowedHost {
    /// Host, with its port if it is not the usual one; a leading `*.` stands for any subdomain.
    pub host: String,
    /// Beginnings of the paths that may be read; all paths if not given.
    pub paths: Option<Vec<String>>,
}

/// The address to listen on: `:7007`, `127.0.0.1:7007`, or `{ host, port }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The host; without one nothing was asked for.
    pub host: Option<String>,
    /// The port.
    pub port: u16,
}

/// What a port without a host means, as in Backstage.
const EVERY_ADDRESS: &str = "0.0.0.0";

impl Default for Listen {
    fn default() -> Self {
        Self { host: None, port: 7007 }
    }
}

impl Listen {
    /// Reads `:7007`, `7007`, `127.0.0.1:7007`, `[::1]:7007` or `localhost`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(port) = text.parse() {
            return Some(Self { host: Some(EVERY_ADDRESS.to_owned()), port });
        }
        if text.parse::<std::net::Ipv6Addr>().is_ok() {
            return Some(Self { host: Some(text.to_owned()), ..Self::default() });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (text, Self::default().port),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let plain = host.chars().all(|letter| letter.is_ascii_alphanumeric() || ".:-_".contains(letter));
        let host = if host.is_empty() { EVERY_ADDRESS } else { host };
        plain.then(|| Self { host: Some(host.to_owned()), port })
    }

    /// The host to bind. Nobody can come in from elsewhere until somebody checks who they are: without
    /// that only the loopback address is used, and the second value says so if something else was asked for.
    pub fn bind_host(&self, is_guarded: bool) -> (String, Option<&'static str>) {
        let asked = self.host.as_deref().unwrap_or("0.0.0.0");
        let loopback =
            asked == "localhost" || asked.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        match (is_guarded || loopback, &self.host) {
            (true, _) => (asked.to_owned(), None),
            (false, None) => ("127.0.0.1".to_owned(), None),
            (false, Some(_)) => (
                "127.0.0.1".to_owned(),
                Some(
                    "listening on 127.0.0.1 only, because nothing says who may come in; see \
                     backend.auth.externalAccess and backstitch.portal",
                ),
            ),
        }
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            host: Option<String>,
            port: Option<u16>,
        }
        struct ListenVisitor;
        impl<'de> Visitor<'de> for ListenVisitor {
            type Value = Listen;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address such as :7007 or 127.0.0.1:7007, or an object with host and port,")
            }

            fn visit_u64<E: Error>(self, port: u64) -> Result<Listen, E> {
                self.visit_str(&port.to_string())
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Listen, E> {
                Listen::parse(text).ok_or_else(|| {
                    E::custom(format!("\"{text}\" is not an address such as :7007 or 127.0.0.1:7007"))
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Listen, A::Error> {
                let Fields { host, port } = Fields::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Listen { host, port: port.unwrap_or(Listen::default().port) })
            }
        }
        deserializer.deserialize_any(ListenVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_what_people_write() {
        let listen = |host: Option<&str>, port| Some(Listen { host: host.map(str::to_owned), port });
        assert_eq!(Listen::parse(":7007"), listen(Some("0.0.0.0"), 7007));
        assert_eq!(Listen::parse("8080"), listen(Some("0.0.0.0"), 8080));
        assert_eq!(Listen::parse("127.0.0.1:7008"), listen(Some("127.0.0.1"), 7008));
        assert_eq!(Listen::parse("[::1]:7009"), listen(Some("::1"), 7009));
        assert_eq!(Listen::parse("localhost"), listen(Some("localhost"), 7007));
        assert_eq!(Listen::parse("http://localhost:7007"), None);
        assert_eq!(Listen::parse("host:port"), None);
    }

    #[test]
    fn unguarded_only_the_loopback_listens() {
        let everywhere = Listen { host: Some("0.0.0.0".to_owned()), port: 7007 };
        assert_eq!(everywhere.bind_host(true), ("0.0.0.0".to_owned(), None));
        assert!(everywhere.bind_host(false).1.is_some());
        assert_eq!(everywhere.bind_host(false).0, "127.0.0.1");
        assert_eq!(Listen::default().bind_host(false), ("127.0.0.1".to_owned(), None));
        let v6 = Listen { host: Some("::1".to_owned()), port: 7007 };
        assert_eq!(v6.bind_host(false), ("::1".to_owned(), None));
    }
}
