//! Cuts a file into its documents, before any of them is parsed.
//!
//! YAML forbids `---` and `...` at the start of a line inside every kind of content, so cutting
//! there is safe, and an error in one document cannot spill into the next.

/// The text of one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunk<'a> {
    /// Line of the file where the text begins, from 1.
    pub(super) line: i32,
    /// Directives, marker and content.
    pub(super) text: &'a str,
}

/// The documents of `text` in order, empty ones included.
pub(super) fn documents(text: &str) -> impl Iterator<Item = Chunk<'_>> {
    Cutter { text, from: 0, at: 0, from_line: 1, line: 1 }
}

struct Cutter<'a> {
    text: &'a str,
    /// Where the document that is being read begins.
    from: usize,
    /// Where the next line begins.
    at: usize,
    from_line: i32,
    line: i32,
}

/// What has been seen of the document that is being read.
#[derive(PartialEq)]
enum Seen {
    /// Comments, directives and blank lines.
    Nothing,
    /// A marker or content.
    Document,
}

impl<'a> Iterator for Cutter<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        let mut seen = Seen::Nothing;
        while self.at < self.text.len() {
            let rest = &self.text[self.at..];
            let line = rest.split_inclusive('\n').next().unwrap_or(rest);
            if starts_with_marker(line, "---") {
                if seen == Seen::Document {
                    return Some(self.cut());
                }
                seen = Seen::Document;
            } else if starts_with_marker(line, "...") {
                let chunk = self.cut();
                self.pass(line);
                (self.from, self.from_line) = (self.at, self.line);
                if seen == Seen::Document {
                    return Some(chunk);
                }
                continue;
            } else if is_content(line) {
                seen = Seen::Document;
            }
            self.pass(line);
        }
        (seen == Seen::Document).then(|| self.cut())
    }
}

impl<'a> Cutter<'a> {
    fn pass(&mut self, line: &str) {
        self.at += line.len();
        self.line += 1;
    }

    /// Ends the document before the current line.
    fn cut(&mut self) -> Chunk<'a> {
        let chunk = Chunk { line: self.from_line, text: &self.text[self.from..self.at] };
        (self.from, self.from_line) = (self.at, self.line);
        chunk
    }
}

fn starts_with_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// Whether a line is more than a comment, a directive or blanks.
fn is_content(line: &str) -> bool {
    let text = line.trim();
    !(text.is_empty() || text.starts_with('#') || line.starts_with('%'))
}
