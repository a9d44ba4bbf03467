//! HTML: everything that is not ours is escaped.

use std::fmt::{self, Write};

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

const STYLE: &str = include_str!("style.css");

/// Nothing is fetched and nothing is run.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'self'";

/// A text of somebody else, shown as it is.
pub(super) struct Esc<'a>(pub(super) &'a str);

impl fmt::Display for Esc<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// The page of an entity.
pub(super) fn ref_path(entity_ref: &str) -> String {
    let (kind, rest) = entity_ref.split_once(':').unwrap_or(("", entity_ref));
    let (namespace, name) = rest.split_once('/').unwrap_or(("", rest));
    format!("/entity/{}/{}/{}", encoded(kind), encoded(namespace), encoded(name))
}

/// A ref that opens its entity.
pub(super) fn ref_link(entity_ref: &str) -> String {
    format!("<a class=\"ref\" href=\"{}\">{}</a>", Esc(&ref_path(entity_ref)), Esc(entity_ref))
}

/// One part of a path.
pub(super) fn encoded(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// A link to somewhere else; anything but the web and mail is shown as text.
pub(super) fn outward_link(url: &str, title: &str) -> String {
    let scheme = url.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("http" | "https" | "mailto") => {
            format!("<a href=\"{}\" rel=\"noreferrer\">{}</a>", Esc(url), Esc(title))
        }
        _ => format!("{} <code>{}</code>", Esc(title), Esc(url)),
    }
}

/// A whole page.
pub(super) fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} – Backstitch</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <header><a href=\"/\" class=\"brand\">Backstitch</a></header>\n<main>\n{body}</main>\n</body>\n</html>\n",
        title = Esc(title),
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (status, headers, text).into_response()
}

/// A page that only says one thing.
pub(super) fn notice(status: StatusCode, title: &str, text: &str) -> Response {
    page(status, title, &format!("<h1>{}</h1>\n<p>{}</p>\n", Esc(title), Esc(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_ours_is_escaped() {
        let hostile = "component:default/<script>\"'&";
        let link = ref_link(hostile);
        assert!(!link.contains("<script>"), "{link}");
        assert!(link.contains("/entity/component/default/%3Cscript%3E%22%27%26"), "{link}");
        assert_eq!(outward_link("javascript:alert(1)", "x"), "x <code>javascript:alert(1)</code>");
        assert_eq!(
            outward_link("https://a/?b&c", "x"),
            "<a href=\"https://a/?b&amp;c\" rel=\"noreferrer\">x</a>"
        );
    }
}
