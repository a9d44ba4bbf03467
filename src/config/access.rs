//! Who may come in, where the portal is that knows people, and who decides what they may.

use std::fmt;

use serde::Deserialize;
use serde::de::{Error, SeqAccess, Visitor};
use serde_json::Value as Json;
use url::Url;

use super::Secret;

/// Who may come in.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthConfig {
    /// Callers from outside, each with its credential.
    pub external_access: Vec<ExternalAccess>,
    /// Shared secrets of portals that are older than plugin tokens.
    pub keys: Vec<SharedKey>,
    /// Lets everybody in who sends no credentials; those that are sent are still checked.
    #[serde(rename = "dangerouslyDisableDefaultAuthPolicy")]
    pub everybody: bool,
}

impl AuthConfig {
    /// The token of a static caller who may do everything, if there is one: roles of one installation
    /// talk to each other with it.
    pub fn operator_token(&self) -> Option<&Secret> {
        let unlimited = self
            .external_access
            .iter()
            .filter(|access| access.kind == "static" && access.access_restrictions.is_none());
        unlimited.filter_map(|access| access.options.token.as_ref()).next()
    }
}

/// An old shared secret.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct SharedKey {
    /// The secret, as base64.
    pub secret: Option<Secret>,
}

/// One caller from outside.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalAccess {
    /// `static`, `legacy` or `jwks`; other types are passed over and reported.
    #[serde(rename = "type")]
    pub kind: String,
    /// The credential.
    #[serde(default)]
    pub options: ExternalAccessOptions,
    /// What the caller may do, as written; everything if not given.
    pub access_restrictions: Option<Vec<Json>>,
}

/// The credential of a caller; which of these it has depends on its type.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExternalAccessOptions {
    /// `static`: what the caller sends as bearer token.
    pub token: Option<Secret>,
    /// `static` and `legacy`: who the caller is, for the log and for causes.
    pub subject: Option<String>,
    /// `legacy`: the secret that its tokens are signed with, as base64.
    pub secret: Option<Secret>,
    /// `jwks`: where the keys are that its tokens are signed with.
    pub url: Option<Url>,
    /// `jwks`: the issuers that are accepted; any if not given.
    pub issuer: Texts,
    /// `jwks`: the audiences that are accepted; any if not given.
    pub audience: Texts,
    /// `jwks`: the algorithms that are accepted; those of the keys if not given.
    pub algorithm: Texts,
    /// `jwks`: put before the subjects of its tokens.
    pub subject_prefix: Option<String>,
}

/// A text or a list of texts; several may also stand in one text, apart by comma or space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts(pub Vec<String>);

/// Where Backstage's plugins are, if not all below one address.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct DiscoveryConfig {
    /// Each entry places some plugins.
    pub endpoints: Vec<Endpoint>,
}

/// Where some plugins are, e.g. `{ target: "http://auth:7007/api/{{ pluginId }}", plugins: [auth] }`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Endpoint {
    /// The address of a plugin.
    pub target: Target,
    /// Which plugins.
    pub plugins: Vec<String>,
}

/// An address, or one for us and one for browsers; ours counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(pub Option<String>);

/// Whether anybody decides what people may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PermissionConfig {
    /// Whether the portal's permission backend is asked.
    pub enabled: bool,
}

/// The portal that knows people and plugins.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PortalConfig {
    /// Where its backend is, e.g. `http://portal:7007`; its plugins are below `/api`.
    pub base_url: Option<Url>,
    /// The key that our own tokens are signed with, an EC key on P-256 as PEM (PKCS #8). Processes that
    /// share an address need the same; one of its own is made at each start if not given.
    pub signing_key: Option<Secret>,
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextsVisitor;
        impl<'de> Visitor<'de> for TextsVisitor {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Texts, E> {
                let parts = text.split([' ', ',']).filter(|part| !part.is_empty());
                Ok(Texts(parts.map(str::to_owned).collect()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while let Some(Texts(more)) = items.next_element()? {
                    texts.extend(more);
                }
                Ok(Texts(texts))
            }
        }
        deserializer.deserialize_any(TextsVisitor)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            internal: Option<String>,
        }
        struct TargetVisitor;
        impl<'de> Visitor<'de> for TargetVisitor {
            type Value = Target;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a URL, or an object with internal and external")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Target, E> {
                Ok(Target(Some(text.to_owned())))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Target, A::Error> {
                let fields = Fields::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(Target(fields.internal))
            }
        }
        deserializer.deserialize_any(TargetVisitor)
    }
}
