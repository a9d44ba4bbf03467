//! HTML: everything that is not ours is escaped.

use std::fmt::{self, Write};

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::error::ApiError;

const STYLE: &str = include_str!("style.css");

/// Nothing is fetched and nothing is run.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'self'";

/// The same in machine-readable form.
const FOOTER: &str = "<footer><nav aria-label=\"As JSON\">As JSON: \
    <a href=\"/api/catalog/v1/status\">status</a><a href=\"/api/catalog/v1/errors\">errors</a>\
    <a href=\"/api/catalog/v1/conflicts\">conflicts</a><a href=\"/api/catalog/v1/changes\">changes</a>\
    <a href=\"/api/catalog/entities/by-query?limit=20\">entities</a></nav></footer>\n";

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

/// A sentence of somebody else; what stands between back-ticks is shown as code.
pub(super) struct Prose<'a>(pub(super) &'a str);

impl fmt::Display for Prose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some((before, code, after)) = next_code(rest) {
            write!(f, "{}<code>{}</code>", Esc(before), Esc(code))?;
            rest = after;
        }
        write!(f, "{}", Esc(rest))
    }
}

/// What stands before, within and after the next pair of back-ticks.
fn next_code(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('`')?;
    let (code, after) = rest.split_once('`')?;
    Some((before, code, after))
}

/// A point in time, RFC 3339 in UTC, to the second.
pub(super) fn time(moment: &str) -> String {
    let to_the_second = moment.split(['.', 'Z']).next().unwrap_or(moment);
    let shown = to_the_second.replacen('T', " ", 1);
    format!("<time datetime=\"{}\">{}</time>", Esc(moment), Esc(&shown))
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
         <a class=\"skip\" href=\"#content\">Skip to the content</a>\n\
         <header><div><a href=\"/\" class=\"brand\">Backstitch</a></div></header>\n\
         <main id=\"content\">\n{body}</main>\n{FOOTER}</body>\n</html>\n",
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

/// A page for when the catalog cannot be looked at.
pub(super) fn not_now(error: &ApiError) -> Response {
    let title =
        if error.status == StatusCode::SERVICE_UNAVAILABLE { "Not ready yet" } else { "Not possible" };
    notice(error.status, title, &format!("{}. Reload this page in a moment.", error.message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_ticks_make_code_and_a_single_one_stays() {
        assert_eq!(Prose("write `a: <b>` or ` it").to_string(), "write <code>a: &lt;b&gt;</code> or ` it");
    }

    #[test]
    fn times_are_shown_to_the_second() {
        let shown = "<time datetime=\"2026-07-04T10:00:01.5Z\">2026-07-04 10:00:01</time>";
        assert_eq!(time("2026-07-04T10:00:01.5Z"), shown);
    }

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
