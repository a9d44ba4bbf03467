//! What can be said about a document.

use super::{Verdict, advice, cannot_be_read, placed, reading_advice};
use crate::v1::explain::facts::{DocumentFacts, Matched, SourceView, State, Tally};

/// The verdict on a document, from that on each of its claims.
pub(super) fn document(facts: &DocumentFacts, verdicts: &[Verdict]) -> Verdict {
    if facts.sources.is_empty() && facts.claims.is_empty() {
        return not_read(facts);
    }
    if let Some(reading) = facts.sources.iter().find(|reading| reading.trouble().is_some()) {
        return unreadable(facts, reading);
    }
    match &facts.matched {
        _ if facts.sources.is_empty() && facts.tells_reading => {
            unlisted(facts, verdicts).unwrap_or_else(|| read(facts, verdicts))
        }
        Some(matched) if facts.tally.live == 0 => pattern(facts, matched),
        _ => read(facts, verdicts),
    }
}

/// The verdict on a document that nobody reads any more, if it is one.
fn unlisted(facts: &DocumentFacts, verdicts: &[Verdict]) -> Option<Verdict> {
    let location = &facts.location;
    if let Some(held) = verdicts.iter().find(|verdict| verdict.state == State::RemovalHeld) {
        let text =
            format!("{location} is not read any more, and what stood in it stays for now: {}.", held.text);
        return Some(Verdict { text, ..held.clone() });
    }
    if facts.tally.live > 0 || facts.tally.unseen > 0 {
        return None;
    }
    let since = facts.last_change.as_ref().map_or_else(String::new, |change| {
        let cause = change.cause.detail.as_deref().unwrap_or(change.cause.kind);
        format!(" ({cause}, revision {} at {})", change.revision, change.at)
    });
    let text = format!("{location} is not listed any more, and what stood in it was taken back{since}.");
    Some(Verdict::new(
        State::Withdrawn,
        text,
        "nothing to do unless it should be there; then register it again, or add it to what listed it",
    ))
}

/// The verdict on a pattern that was looked up.
fn pattern(facts: &DocumentFacts, matched: &Matched) -> Verdict {
    let location = &facts.location;
    let Some(first) = &matched.first else {
        let text = format!("{location} is a pattern, and nothing matches it.");
        return Verdict::new(
            State::Empty,
            text,
            "compare the pattern with the files that are meant: `*` stays within a name, `**` is any number of directories",
        );
    };
    let Matched { total, troubled, .. } = matched;
    let documents = if *total == 1 { "1 document" } else { &format!("{total} documents") };
    let text = format!("{location} is a pattern and finds {documents}, such as {first}");
    let ask = format!("ask about one of them, `backstitch explain {first}`");
    if *troubled > 0 {
        let text = format!("{text}; {troubled} cannot be read, or not wholly.");
        return Verdict::new(State::ListsTrouble, text, format!("see `backstitch errors`, or {ask}"));
    }
    let advice = format!("nothing is wrong with the pattern itself; {ask}");
    Verdict::new(State::Visible, format!("{text}."), advice)
}

fn not_read(facts: &DocumentFacts) -> Verdict {
    let location = &facts.location;
    if let Some(first) = facts.named_by.first() {
        let text = format!("{location} is listed by {first}, and nothing is noted of reading it.");
        let advice =
            format!("see `backstitch explain {first}`; if it was listed just now, ask again in a moment");
        return Verdict::new(State::NotRead, text, advice);
    }
    let advice = match facts.nearest.first() {
        Some(nearest) => format!(
            "if `{nearest}` is meant, ask about that; otherwise register it, or add it to what lists its neighbours"
        ),
        None => "register it, or name it in `catalog.locations` or in a Location that is in the catalog"
            .to_owned(),
    };
    let text = format!("{location} is not read: no Location lists it, or none that is in the catalog.");
    Verdict::new(State::NotRead, text, advice)
}

fn unreadable(facts: &DocumentFacts, reading: &SourceView) -> Verdict {
    let listed = listed_by(facts).map(|by| format!(", listed by {by},")).unwrap_or_default();
    let last = match &reading.last_success {
        Some(at) => format!("was last read at {at}"),
        None => "was never read".to_owned(),
    };
    let unread = cannot_be_read(&facts.location, reading);
    let text = format!("{}{listed} {last} and {unread}.", facts.location);
    Verdict::new(State::Unreadable, text, reading_advice(reading))
}

/// What lists the document, in words.
fn listed_by(facts: &DocumentFacts) -> Option<String> {
    let (first, others) = facts.listed.split_first()?;
    let mut above = first.chain.iter().map(|link| link.listed_by.as_str());
    let nearest = above.next()?;
    let way = above.map(|location| format!(" below {location}")).collect::<String>();
    let others = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
    Some(format!("{nearest}{way}{others}"))
}

fn read(facts: &DocumentFacts, verdicts: &[Verdict]) -> Verdict {
    let location = &facts.location;
    let Tally { live, wrong: wrong_total, unseen } = facts.tally;
    let wrong = verdicts.iter().find(|verdict| place(verdict.state) == Place::Wrong);
    let problem = facts.sources.iter().flat_map(|reading| &reading.errors).next();
    let (state, text, advice) = match (live, wrong, problem) {
        (0, _, None) => {
            (State::Empty, "and it holds no entity.".to_owned(), "write a descriptor into it".to_owned())
        }
        (0, _, problem) => {
            let text = format!("and nothing of it is in the catalog: {}.", placed(problem));
            (State::Empty, text, advice(problem))
        }
        (_, _, Some(problem)) => {
            let text = format!("and something in it is wrong: {}.", placed(Some(problem)));
            (State::Invalid, text, advice(Some(problem)))
        }
        (_, Some(verdict), None) => {
            let how = match wrong_total {
                2.. => format!(
                    "{wrong_total} of its {live} entities are not in the catalog as written, the first: "
                ),
                _ => "not all of it is in the catalog as written: ".to_owned(),
            };
            let text = format!("and {how}{}.", verdict.text);
            (verdict.state, text, verdict.advice.clone())
        }
        (many, None, None) if unseen > 0 => {
            let text = format!(
                "and the first {many} of its entities are in the catalog; {unseen} more were not looked at."
            );
            (
                State::Visible,
                text,
                "nothing is wrong with these; ask about one of the others by its ref".to_owned(),
            )
        }
        (many, None, None) => {
            let text = format!("and all {many} of its entities are in the catalog.");
            (State::Visible, text, "nothing is wrong".to_owned())
        }
    };
    Verdict::new(state, format!("{location} was read, {text}"), advice)
}

/// How what stands in a document is seen from the document, in the order in which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Wrong,
    /// In the catalog as it was last read.
    AsWritten,
    Withdrawn,
}

/// Where a claim in this state belongs.
pub(super) fn place(state: State) -> Place {
    match state {
        State::Visible | State::Stale | State::ListsTrouble | State::Orphan => Place::AsWritten,
        State::Withdrawn => Place::Withdrawn,
        _ => Place::Wrong,
    }
}
