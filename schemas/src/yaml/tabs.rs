//! Lets a tab stand between a key and its value, as YAML and the npm parser do.
//!
//! The parser underneath refuses some of these. The blanks in question separate tokens and carry no
//! meaning, so they are replaced, exactly where it stumbled, by as many spaces.

use std::borrow::Cow;

use super::{
    Limits, SyntaxError,
    load::{self, Loaded},
};

/// What the parser says when it stumbles over such a tab.
const STUMBLED: &str = "':' must be followed by a valid YAML whitespace";
/// How many such tabs a document may have; each costs one more reading.
const MOST: usize = 200;
/// Bytes that may be read again because of such tabs, so that a large document has fewer of them.
const MOST_BYTES: usize = 32 << 20;

/// Loads a document, and gives the text that was understood.
pub(super) fn load<'a>(text: &'a str, limits: &Limits) -> (Cow<'a, str>, Result<Loaded, SyntaxError>) {
    let mut text = Cow::Borrowed(text);
    let mut outcome = load::load(&text, limits);
    for _ in 0..MOST.min(MOST_BYTES / text.len().max(1)) {
        let Err(error) = &outcome else { break };
        let Some(mended) = mended(&text, error) else { break };
        text = Cow::Owned(mended);
        outcome = load::load(&text, limits);
    }
    (text, outcome)
}

/// The text without the tabs that `error` is about, if that is what it is about.
fn mended(text: &str, error: &SyntaxError) -> Option<String> {
    if error.detail != STUMBLED {
        return None;
    }
    let line_start =
        text.split_inclusive('\n').take(usize::try_from(error.line - 1).ok()?).map(str::len).sum();
    let before = usize::try_from(error.column - 1).ok()?;
    let line: &str = text.get(line_start..)?;
    let end = line_start + line.chars().take(before).map(char::len_utf8).sum::<usize>();
    let start = text[..end].trim_end_matches([' ', '\t']).len();
    let blanks = &text[start..end];
    blanks.contains('\t').then(|| format!("{}{}{}", &text[..start], " ".repeat(blanks.len()), &text[end..]))
}
