//! Says what is wrong with YAML in the words that people know, and what to do about it.

/// What the parser says, in part; the words of npm's parser for it; and what to do.
type Row = (&'static str, &'static str, &'static str);

const TABLE: [Row; 17] = [
    (
        "recursion limit",
        "",
        "it is nested too deeply to be read at all, far beyond what `backstitch.ingest.descriptors.maxDepth` \
         allows; make it flatter",
    ),
    ("nests more than", "", "it is nested too deeply to be of use; make it flatter, or raise the limit"),
    (
        "the limit of `",
        "",
        "write less of it, with fewer aliases; point to large definitions with `$text`; or raise the limit",
    ),
    (
        UNPRINTABLE,
        "",
        "a character that cannot stand in YAML, such as NUL or another control character; is this a text file in \
         UTF-8? Remove it, or write it as `\\u0000` in double quotes",
    ),
    ("unique", "Map keys must be unique", "the same key stands twice in one mapping; remove one of them"),
    ("tab", "Tabs are not allowed as indentation", "indent with spaces, not with tabs"),
    (
        "character: `%'",
        "Plain value cannot start with directive indicator character %",
        "a value begins with `%`; put it in quotes",
    ),
    (
        "unexpected character: `",
        "Plain value cannot start with reserved character",
        "a value begins with a reserved character; put it in quotes, or indent the line if it belongs to the \
         text above",
    ),
    (
        "mapping values are not allowed",
        "Nested mappings are not allowed in compact mappings",
        "a colon with a space behind it stands inside a value, or the line is indented too far; put the value \
         in quotes or mend the indentation",
    ),
    (
        "simple key",
        "Implicit keys need to be on a single line",
        "the line is no `key: value`; add the colon, or indent the line if it belongs to the text above",
    ),
    (
        "expected '-' indicator",
        "All collection items must start at the same column",
        "the line does not begin where the items above begin; mend the indentation",
    ),
    (
        "expected key",
        "All mapping items must start at the same column",
        "the line does not begin where the keys above begin, or text follows a value; mend the indentation or \
         put the value in quotes",
    ),
    (
        "quoted scalar",
        "Missing closing quote",
        "a text that begins with a quote does not end with one, or goes on without indentation",
    ),
    (
        "flow mapping",
        "Missing , or : between flow map items",
        "a brace or comma is missing, or text follows one",
    ),
    (
        "flow",
        "Missing , or : between flow sequence items",
        "a bracket, brace or comma is missing, or text follows one",
    ),
    ("anchor", "", "an alias (`*name`) needs its anchor (`&name`) before it"),
    ("alias", "", "the document repeats too much of itself through aliases; write less of it"),
];

/// What the parser says of control characters and the like.
const UNPRINTABLE: &str = "unprintable character";

/// What npm's parser would say where this one says `detail`, so that the same mistake has the same
/// words; `detail` itself where there is nothing that fits.
pub(super) fn wording(detail: &str) -> &str {
    find(detail).map(|(_, wording, _)| *wording).filter(|wording| !wording.is_empty()).unwrap_or(detail)
}

/// What to do about it. `line` is the text of the line where it was noticed.
pub(super) fn advice(detail: &str, line: &str) -> &'static str {
    let is_text = !detail.contains(UNPRINTABLE);
    if is_text && ["{%", "{{", "{#"].iter().any(|mark| line.contains(mark)) {
        return "the line holds a template mark, which is not YAML: leave template skeletons out of the \
                catalog, or put the value in quotes";
    }
    find(detail).map_or("check the indentation and the quotes around the place", |(_, _, advice)| advice)
}

fn find(detail: &str) -> Option<&'static Row> {
    TABLE.iter().find(|(part, ..)| stands_in(part, detail))
}

/// Whether `part` stands in `detail` where a word begins: "unprintable" says nothing about tabs.
fn stands_in(part: &str, detail: &str) -> bool {
    detail.match_indices(part).any(|(at, _)| !detail[..at].ends_with(char::is_alphanumeric))
}
