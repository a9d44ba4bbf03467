//! What can be said about one claim.

use backstitch_read_model::{ClaimState, Standing};
use backstitch_schemas::Problem;

use super::{REFRESH, Verdict, advice, cannot_be_read, placed, reading_advice};
use crate::v1::{
    explain::facts::{ClaimFacts, Link, Place, SourceView, State},
    views::ClaimSource,
};

/// What stands against a claim, most decisive first.
pub(super) fn of_claim(facts: &ClaimFacts) -> Verdict {
    let claim = &facts.claim;
    let source = ClaimSource::from(&claim.key).words();
    if claim.state == ClaimState::Withdrawn {
        return Verdict::new(
            State::Withdrawn,
            format!("{source} took it back"),
            "nothing to do unless it should be there",
        );
    }
    if let Some(since) = &facts.held_since {
        let text = format!(
            "{source} does not list it any more since {since}, among so many that their removal waits for a person"
        );
        let name = &claim.key.provider;
        return Verdict::new(
            State::RemovalHeld,
            text,
            format!(
                "let it go with `backstitch providers confirm {name}`, or keep it with `backstitch providers discard {name}`"
            ),
        );
    }
    if claim.released && claim.standing != Standing::Winner {
        let text = format!(
            "{source} does not list it any more, and an orphan counts only while nobody else claims the ref"
        );
        return Verdict::new(State::Lost, text, "delete it if it should go, or list it again");
    }
    match (claim.state, claim.standing) {
        (ClaimState::Refused, _) => {
            let reason = claim.problems.first();
            Verdict::new(
                State::Refused,
                format!("{source} is not let in: {}", placed(reason)),
                advice(reason),
            )
        }
        (_, Standing::Detached) => detached(facts, &source),
        (ClaimState::Formless, _) => {
            let reason = claim.problems.first();
            Verdict::new(State::Invalid, format!("{source} never passed: {}", placed(reason)), advice(reason))
        }
        (_, Standing::Loser) => {
            let winner = claim
                .winner
                .as_ref()
                .map_or_else(|| "another claim".to_owned(), |key| ClaimSource::from(key).words());
            Verdict::new(
                State::Lost,
                format!("{source} loses against {winner}"),
                "rename one of the two, or remove it",
            )
        }
        _ => shown(facts, &source),
    }
}

/// A claim that makes the entity, or would if it stood alone.
fn shown(facts: &ClaimFacts, source: &str) -> Verdict {
    if let Some(problem) = facts.claim.problems.first().filter(|problem| is_of_what_it_lists(facts, problem))
    {
        let text =
            format!("{source} makes it, and something that it lists is wrong: {}", placed(Some(problem)));
        return Verdict::new(State::ListsTrouble, text, advice(Some(problem)));
    }
    if let Some(problem) = facts.claim.problems.first() {
        let text = format!(
            "{source} is shown in its last good form, because what was written since is wrong: {}",
            placed(Some(problem))
        );
        return Verdict::new(State::LastGoodForm, text, advice(Some(problem)));
    }
    if facts.claim.released {
        let text = format!("{source} does not list it any more, and orphans are kept");
        return Verdict::new(State::Orphan, text, "delete it if it should go, or list it again");
    }
    if let Some((document, reading)) = troubled(&facts.chain) {
        let since = reading.last_success.as_deref().unwrap_or("an unknown time");
        let it = if document == facts.claim.key.document() { "it" } else { document };
        let text =
            format!("{source} is shown as of {since}, because {it} {}", cannot_be_read(document, reading));
        return Verdict::new(State::Stale, text, reading_advice(reading));
    }
    if let Some(Place { document, reading }) = facts.unread.places.first() {
        let others = match facts.unread.total - 1 {
            0 => String::new(),
            others => format!(" (and {others} more that it lists cannot be read either)"),
        };
        let unread = cannot_be_read(document, reading);
        let text = format!("{source} makes it, but {document}, which it lists, {unread}{others}");
        return Verdict::new(State::ListsTrouble, text, reading_advice(reading));
    }
    as_written(facts, source)
}

/// A claim with which nothing is wrong.
fn as_written(facts: &ClaimFacts, source: &str) -> Verdict {
    let reading = facts.chain.first().and_then(|link| link.reading.as_ref());
    let when = reading.map_or_else(String::new, |reading| match (&reading.last_success, &reading.since) {
        (Some(at), _) => format!(", last read at {at}"),
        (None, Some(since)) => format!(", unchanged since {since}"),
        (None, None) => String::new(),
    });
    let next = reading.and_then(|reading| reading.next_read.as_deref());
    let advice = match next {
        Some(next) => format!("nothing is wrong; it is read again at {next}, or at once with {REFRESH}"),
        None if reading.is_some() => format!("nothing is wrong; it is read again at once with {REFRESH}"),
        None => "nothing is wrong; to change it, submit it to its provider again".to_owned(),
    };
    Verdict::new(State::Visible, format!("{source} makes it{when}"), advice)
}

/// The first document on the way that could not be read lately.
fn troubled(chain: &[Link]) -> Option<(&str, &SourceView)> {
    let read = chain.iter().filter_map(|link| Some((link.document.as_str(), link.reading.as_ref()?)));
    read.into_iter().find(|(_, reading)| reading.trouble().is_some())
}

fn detached(facts: &ClaimFacts, source: &str) -> Verdict {
    match facts.chain.iter().rfind(|link| !link.location_wins) {
        Some(link) => {
            let text = format!(
                "{source} does not count, because {}, which lists {}, is not in the catalog as it stands there",
                link.listed_by, link.document
            );
            Verdict::new(State::Detached, text, format!("see `backstitch explain {}`", link.listed_by))
        }
        None => Verdict::new(
            State::Detached,
            format!("{source} does not count, because what lists it is not in the catalog"),
            "see what lists it",
        ),
    }
}

/// Whether a Location's problem is one of a document that it lists, not of the Location.
fn is_of_what_it_lists(facts: &ClaimFacts, problem: &Problem) -> bool {
    let key = &facts.claim.key;
    key.entity_ref.is_location() && problem.location.as_deref().is_some_and(|place| place != key.document())
}
