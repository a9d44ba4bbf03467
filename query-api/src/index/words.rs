//! Substring search within the values of one key, without looking at them.
//!
//! Values are cut into words, and words into grams of three bytes. A text of letters and digits can only
//! lie within one word, so the documents of the words that contain it are the answer. There are far
//! fewer words than values, and a word that is added or gone costs only its own few grams. See
//! decision record 0014.

use std::{ops::RangeInclusive, sync::Arc};

use imbl::{HashMap, OrdMap};
use memchr::memmem::Finder;
use roaring::RoaringBitmap;

use super::{Doc, DocSet, slots::Slots};

/// The keys that portals search in. Searches in others look at each of the key's terms.
const SEARCHED: [&str; 6] = [
    "metadata.name",
    "metadata.title",
    "metadata.description",
    "metadata.tags",
    "spec.profile.displayname",
    "spec.profile.email",
];

/// Bytes of a gram.
const GRAM: usize = 3;

/// A word and who has it.
#[derive(Clone, Debug)]
struct Word {
    text: Arc<str>,
    docs: DocSet,
}

/// The words in the values of one key.
#[derive(Clone, Debug, Default)]
pub struct Words {
    words: Slots<Word>,
    numbers: HashMap<Arc<str>, u32>,
    /// The numbers of the words that have a gram. The last grams of a word end in NULs, so that
    /// every place of a word begins one; no word contains a NUL.
    grams: OrdMap<u32, DocSet>,
}

/// Where a text may be found.
#[derive(Debug)]
pub(super) enum Candidates {
    /// These documents, and no others.
    Exactly(RoaringBitmap),
    /// Some of these.
    Among(RoaringBitmap),
    /// The text has no word, so anywhere.
    Anywhere,
}

impl Words {
    /// An empty set of words, if this key is one that is searched in.
    pub(super) fn of_key(name: &str) -> Option<Self> {
        SEARCHED.contains(&name).then(Self::default)
    }

    /// Brings a document from some values to others.
    pub(super) fn change<'a>(
        &mut self,
        doc: Doc,
        before: impl Iterator<Item = &'a str>,
        after: impl Iterator<Item = &'a str>,
    ) {
        let (before, after) = (distinct_words(before), distinct_words(after));
        for word in before.iter().filter(|word| after.binary_search(word).is_err()) {
            self.remove(word, doc);
        }
        for word in after.iter().filter(|word| before.binary_search(word).is_err()) {
            self.insert(word, doc);
        }
    }

    /// Where a lower-cased text may be found.
    pub(super) fn candidates(&self, text: &str) -> Candidates {
        let mut found: Option<RoaringBitmap> = None;
        for word in words_of(text) {
            let docs = self.docs_containing(word);
            if word.len() == text.len() {
                return Candidates::Exactly(docs);
            }
            found = Some(match found {
                None => docs,
                Some(found) => found & docs,
            });
        }
        found.map_or(Candidates::Anywhere, Candidates::Among)
    }

    /// About how many bytes this takes.
    pub(super) fn bytes(&self) -> u64 {
        let words: u64 = self.words.iter().map(|word| word.docs.heap_bytes() + word.text.len() as u64).sum();
        let grams: u64 = self.grams.values().map(DocSet::heap_bytes).sum();
        // A word: its place, the head of its text, and its entry in the table of numbers.
        const WORD: usize = size_of::<Option<Word>>() + 16 + size_of::<(Arc<str>, u32)>() * 2;
        let fixed = self.numbers.len() * WORD + self.grams.len() * size_of::<(u32, DocSet)>() * 3 / 2;
        words + grams + fixed as u64
    }

    fn docs_containing(&self, part: &str) -> RoaringBitmap {
        let mut docs = RoaringBitmap::new();
        let is_exact = part.len() <= GRAM;
        let finder = Finder::new(part);
        for word in self.words_with_grams_of(part).iter().filter_map(|number| self.words.get(number)) {
            if is_exact || finder.find(word.text.as_bytes()).is_some() {
                word.docs.add_to(&mut docs);
            }
        }
        docs
    }

    /// The words that have all grams of `part`.
    fn words_with_grams_of(&self, part: &str) -> RoaringBitmap {
        if part.len() < GRAM {
            let mut words = RoaringBitmap::new();
            self.grams.range(grams_beginning_with(part)).for_each(|(_, set)| set.add_to(&mut words));
            return words;
        }
        let whole = part.as_bytes().windows(GRAM).map(|gram| number_of([gram[0], gram[1], gram[2]]));
        let mut sets = Vec::with_capacity(part.len());
        for gram in whole {
            let Some(set) = self.grams.get(&gram) else { return RoaringBitmap::new() };
            sets.push(set);
        }
        sets.sort_by_key(|set| set.len());
        let mut sets = sets.into_iter();
        let mut words = sets.next().map(|set| set.bitmap().into_owned()).unwrap_or_default();
        for set in sets {
            words = set.shared_with(&words);
        }
        words
    }

    fn insert(&mut self, text: &str, doc: Doc) {
        if let Some(word) = self.numbers.get(text).and_then(|number| self.words.get_mut(*number)) {
            word.docs.insert(doc);
            return;
        }
        let text: Arc<str> = text.into();
        let mut docs = DocSet::default();
        docs.insert(doc);
        let number = self.words.add(Word { text: Arc::clone(&text), docs });
        for gram in grams_of(&text) {
            self.grams.entry(gram).or_default().insert(Doc(number));
        }
        self.numbers.insert(text, number);
    }

    fn remove(&mut self, text: &str, doc: Doc) {
        let Some(number) = self.numbers.get(text).copied() else { return };
        let Some(word) = self.words.get_mut(number) else { return };
        word.docs.remove(doc);
        if !word.docs.is_empty() {
            return;
        }
        self.words.remove(number);
        self.numbers.remove(text);
        for gram in grams_of(text) {
            if let Some(set) = self.grams.get_mut(&gram) {
                set.remove(Doc(number));
                if set.is_empty() {
                    self.grams.remove(&gram);
                }
            }
        }
    }
}

/// The runs of letters and digits in a text.
fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn distinct_words<'a>(values: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut words: Vec<_> = values.flat_map(words_of).collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// One gram for each byte of a word.
fn grams_of(word: &str) -> impl Iterator<Item = u32> {
    let bytes = word.as_bytes();
    let at = |place: usize| bytes.get(place).copied().unwrap_or(0);
    (0..bytes.len()).map(move |place| number_of([at(place), at(place + 1), at(place + 2)]))
}

fn grams_beginning_with(part: &str) -> RangeInclusive<u32> {
    let bytes = part.as_bytes();
    let at = |place: usize, rest: u8| bytes.get(place).copied().unwrap_or(rest);
    number_of([at(0, 0), at(1, 0), 0])..=number_of([at(0, 255), at(1, 255), 255])
}

fn number_of(gram: [u8; GRAM]) -> u32 {
    u32::from_be_bytes([0, gram[0], gram[1], gram[2]])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_is_found_where_it_is_and_nowhere_else(
            steps in prop::collection::vec((0..6u32, prop::collection::vec("[abé\\- ]{0,6}", 0..3)), 0..20),
            text in "[abé\\- ]{1,5}",
        ) {
            let (mut words, mut values) = (Words::default(), BTreeMap::<u32, Vec<String>>::new());
            for (doc, after) in steps {
                let before = values.insert(doc, after.clone()).unwrap_or_default();
                words.change(Doc(doc), before.iter().map(String::as_str), after.iter().map(String::as_str));
            }
            let has = |values: &Vec<String>| values.iter().any(|value| value.contains(&text));
            let expected: RoaringBitmap = values.iter().filter(|(_, values)| has(values)).map(|(doc, _)| *doc).collect();
            match words.candidates(&text) {
                Candidates::Exactly(found) => prop_assert_eq!(found, expected),
                Candidates::Among(found) => prop_assert!(expected.is_subset(&found)),
                Candidates::Anywhere => prop_assert!(!text.contains(char::is_alphanumeric)),
            }
        }
    }

    #[test]
    fn what_nobody_has_any_more_leaves_nothing_behind() {
        let mut words = Words::default();
        let values = ["payment-ledger", "ledger of payments"];
        words.change(Doc(7), [].into_iter(), values.into_iter());
        words.change(Doc(7), values.into_iter(), [].into_iter());
        assert!(words.numbers.is_empty() && words.grams.is_empty());
    }
}
