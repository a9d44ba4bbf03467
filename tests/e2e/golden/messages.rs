//! What Backstage said was wrong, and whether we say it too.
//!
//! Most messages are the same to the letter. Where the recorded one goes over to the words of a library, or of
//! the network that it had not, ours begins as it does and names the same place. What is neither is listed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::Value;
use url::Url;

/// Where recorded messages go over to words that are not the catalog's own: what stands before (spec/01 §1, the
/// shape that clients match on) has to be the same.
const FOREIGN_WORDS: [&str; 5] = [
    // npm's YAML parser, with an excerpt.
    "YAMLParseError: ",
    // Reading from git hosts failed there for want of a network, and fails here for want of a token.
    "FetchError: ",
    "request to https://raw.githubusercontent.com",
    // Patterns on hosts that are no git hosts are refused by both (spec/04 §5), with advice by us.
    "Unsupported search pattern URL",
    // The reference's parser of GitHub's URLs.
    ", Error: Invalid GitHub URL",
];

/// How many lines apart two parsers may notice the same mistake.
const NEAR: i64 = 2;

/// Recorded messages that have none like them: group, and a part of the message. At most 2 % of the groups.
const EXCEPTIONS: [(&str, &str); 3] = [
    // Decision 0016: `$openapi` is resolved, which the recorded installation could not; its file is not here.
    (
        "RoadieHQ__sample-service@fd81959354-9b9bf8",
        "api:default/api-sample-test-1; caused by TypeError: /spec/definition must be string",
    ),
    // Decision 0005: what the rules refuse is told of the entity, not of the Location that lists it.
    ("ultraJeff__rhdh-bootstrap", "Entity documentation:default/platform-docs at synthetic:"),
    // Decision 0023: a quote that is never closed is told where it opens, not where the file ends.
    ("RoadieHQ__software-templates@72f4f27c14-4dd6a9", "YAMLParseError: Missing closing 'quote at line 48"),
];

/// What was wrong with an entity, in Backstage's words.
pub(super) struct Message {
    /// The entity whose error it was: several where the recording does not tell which.
    pub(super) owners: BTreeSet<String>,
    pub(super) text: String,
}

/// How much of what was recorded is said.
#[derive(Default)]
pub(super) struct Tally {
    /// To the letter.
    exact: usize,
    /// To the letter, but for the excerpt that npm's YAML parser adds.
    without_excerpt: usize,
    /// Alike up to these words.
    alike: BTreeMap<&'static str, usize>,
    excepted: usize,
}

/// What we say is wrong.
pub(super) struct Ours<'a> {
    /// The answer of `v1/errors`.
    pub(super) errors: &'a Value,
    /// The documents that each Location lists.
    pub(super) listed: &'a BTreeMap<String, Vec<String>>,
}

impl Ours<'_> {
    /// What is said of these entities, and of the documents that they list.
    fn of(&self, owners: &BTreeSet<String>) -> Vec<&str> {
        let listed: BTreeSet<&str> =
            owners.iter().filter_map(|owner| self.listed.get(owner)).flatten().map(String::as_str).collect();
        let is_of_owner = |item: &&Value| match item["entityRef"].as_str() {
            Some(entity_ref) => owners.contains(entity_ref),
            None => item["location"].as_str().is_some_and(|location| listed.contains(location)),
        };
        let items = self.errors["items"].as_array().unwrap().iter().filter(is_of_owner);
        items.map(|item| item["message"].as_str().unwrap()).collect()
    }
}

/// The recorded messages of a group that we do not have.
pub(super) fn unsaid(group: &str, recorded: &[Message], ours: &Ours<'_>, tally: &mut Tally) -> Vec<String> {
    *tally = Tally::default();
    let mut unsaid = Vec::new();
    for message in recorded {
        let said = ours.of(&message.owners);
        let excerpted =
            |said: &&str| message.text.strip_prefix(*said).is_some_and(|rest| rest.starts_with(":\n\n"));
        if said.contains(&message.text.as_str()) {
            tally.exact += 1;
        } else if said.iter().any(excerpted) {
            tally.without_excerpt += 1;
        } else if let Some(words) = said.iter().find_map(|said| alike(&message.text, said)) {
            *tally.alike.entry(words).or_default() += 1;
        } else if is_excepted(group, &message.text) {
            tally.excepted += 1;
        } else {
            unsaid.push(format!("{:?} should say `{}`, says {said:#?}", message.owners, message.text));
        }
    }
    unsaid
}

fn is_excepted(group: &str, message: &str) -> bool {
    EXCEPTIONS.iter().any(|(of_group, part)| group == *of_group && message.contains(part))
}

/// Whether `ours` begins like `recorded` and names the same place; told by the words it differs from.
fn alike(recorded: &str, ours: &str) -> Option<&'static str> {
    let (at, words) = FOREIGN_WORDS.iter().find_map(|words| Some((recorded.find(words)?, *words)))?;
    let (beginning, rest) = recorded.split_at(at);
    let same_file = file_in(rest).is_none_or(|file| ours.contains(&file));
    let same_line =
        line_in(rest).is_none_or(|line| line_in(ours).is_some_and(|ours| (line - ours).abs() <= NEAR));
    (ours.starts_with(beginning) && same_file && same_line).then_some(words)
}

/// The number in `… at line 3, column 1`.
fn line_in(text: &str) -> Option<i64> {
    text.split_once(" at line ")?.1.split_once(',')?.0.parse().ok()
}

/// The file of a repository that was asked for, as URLs of GitHub end.
fn file_in(text: &str) -> Option<String> {
    let url = text.split_once("request to ")?.1.split(' ').next()?;
    let url = Url::parse(url).ok().filter(|url| url.host_str() == Some("raw.githubusercontent.com"))?;
    let segments: Vec<&str> = url.path_segments()?.collect();
    Some(segments[2..].join("/"))
}

impl Tally {
    /// Fails if more is excepted than may be, or less than is listed.
    pub(super) fn check_exceptions(&self, groups: usize) {
        assert!(EXCEPTIONS.len() <= groups / 50, "more exceptions than 2 % of {groups} groups");
        assert_eq!(self.excepted, EXCEPTIONS.len(), "each listed exception is one");
    }

    pub(super) fn add(&mut self, other: Self) {
        self.exact += other.exact;
        self.without_excerpt += other.without_excerpt;
        self.excepted += other.excepted;
        for (words, count) in other.alike {
            *self.alike.entry(words).or_default() += count;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alike: usize = self.alike.values().sum();
        let Self { exact, without_excerpt, excepted, .. } = self;
        let all = exact + without_excerpt + alike + excepted;
        write!(
            f,
            "{all} messages compared: {exact} equal, {without_excerpt} but for the excerpt, {alike} alike up to words \
             that are not the catalog's ({:?}), {excepted} excepted",
            self.alike
        )
    }
}
