//! What can be said about a document.

use super::{Verdict, advice, cannot_be_read, placed, reading_advice};
use crate::v1::explain::facts::{DocumentFacts, SourceView, State};

/// The verdict on a document, from that on each of its claims.
pub(super) fn document(facts: &DocumentFacts, verdicts: &[Verdict]) -> Verdict {
    if facts.sources.is_empty() && facts.claims.is_empty() {
        return not_read(facts);
    }
    let unread = facts.sources.iter().find(|reading| reading.trouble().is_some());
    unread.map_or_else(|| read(facts, verdicts), |reading| unreadable(facts, reading))
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
    let text = format!("{}{listed} {last} and {}.", facts.location, cannot_be_read(reading));
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
    let live: Vec<_> = verdicts.iter().filter(|verdict| verdict.state != State::Withdrawn).collect();
    let wrong = live.iter().find(|verdict| !is_as_written(verdict.state));
    let problem = facts.sources.iter().flat_map(|reading| &reading.errors).next();
    let (state, text, advice) = match (live.len(), wrong, problem) {
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
            let text = format!("and not all of it is in the catalog as written: {}.", verdict.text);
            (verdict.state, text, verdict.advice.clone())
        }
        (many, None, None) => {
            let text = format!("and all {many} of its entities are in the catalog.");
            (State::Visible, text, "nothing is wrong".to_owned())
        }
    };
    Verdict::new(state, format!("{location} was read, {text}"), advice)
}

/// Whether the entity is in the catalog as it was last read.
fn is_as_written(state: State) -> bool {
    matches!(state, State::Visible | State::Stale | State::ListsTrouble | State::Orphan | State::RemovalHeld)
}
