//! `backend.cors`: which web pages may ask from a browser, in the words of Express' `cors`.

use std::fmt;

use serde::{
    Deserialize,
    de::{Error, SeqAccess, Visitor},
};

/// Which web pages may ask. Without it none but our own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CorsConfig {
    /// Patterns of the origins that may ask, such as `https://*.skerry.example`; `*` does not cross a
    /// slash, and `?(…)`, `+(…)`, `@(a|b)`, `[…]` and `{a,b}` mean what they mean in a shell.
    #[serde(deserialize_with = "texts")]
    pub origin: Vec<String>,
    /// Methods that may be used; `GET,HEAD,PUT,PATCH,POST,DELETE` if not given.
    #[serde(deserialize_with = "texts")]
    pub methods: Vec<String>,
    /// Request headers that may be sent; those that are asked for if not given.
    #[serde(deserialize_with = "texts")]
    pub allowed_headers: Vec<String>,
    /// Headers of answers that the page may read.
    #[serde(deserialize_with = "texts")]
    pub exposed_headers: Vec<String>,
    /// Whether cookies and credentials may be sent.
    pub credentials: bool,
    /// Seconds for which a browser remembers this.
    pub max_age: Option<u64>,
}

/// One text, or a list of texts.
fn texts<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Texts;
    impl<'de> Visitor<'de> for Texts {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text or a list of texts")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Vec<String>, E> {
            Ok(vec![text.to_owned()])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<String>, A::Error> {
            let mut texts = Vec::new();
            while let Some(text) = items.next_element()? {
                texts.push(text);
            }
            Ok(texts)
        }
    }
    deserializer.deserialize_any(Texts)
}
