//! What the facts mean, and what to do. Pure.

mod claim;
mod document;
#[cfg(test)]
mod tests;

use backstitch_read_model::Standing;
use backstitch_schemas::Problem;

use self::{
    claim::of_claim,
    document::{Place, document},
};
use super::facts::{
    ClaimFacts, DocumentFacts, EntityFacts, ExplainedClaim, Explanation, Mention, SourceView, State, Tally,
};
use crate::v1::views::ClaimView;

/// How to have something read at once.
const REFRESH: &str = "`POST /api/catalog/refresh`";

/// What a claim comes down to.
#[derive(Clone, Debug, PartialEq)]
struct Verdict {
    state: State,
    text: String,
    advice: String,
}

impl Verdict {
    fn new(state: State, text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { state, text: text.into(), advice: advice.into() }
    }
}

/// Explains an entity.
pub(super) fn on_entity(facts: EntityFacts) -> Explanation {
    let verdicts: Vec<_> = facts.claims.iter().map(of_claim).collect();
    let told = facts
        .claims
        .iter()
        .zip(&verdicts)
        .filter(|(_, verdict)| verdict.state != State::Withdrawn)
        .min_by_key(|(facts, verdict)| (facts.claim.standing != Standing::Winner, rank(verdict.state)));
    let whole = match (facts.dead_letters.first(), told) {
        (Some(letter), _) => dead_letter(&facts, letter),
        (None, Some((_, verdict))) => whole(&facts, verdict),
        (None, None) => unclaimed(&facts, !verdicts.is_empty()),
    };
    Explanation {
        subject: facts.entity_ref.to_string(),
        revision: facts.revision,
        state: whole.state,
        summary: whole.text,
        advice: whole.advice,
        entity: facts.visible,
        last_change: facts.last_change,
        claims_total: i64::try_from(facts.claims.len()).unwrap_or(i64::MAX),
        claims: explained(facts.claims, verdicts),
        reading: Vec::new(),
        listed: Vec::new(),
        mentioned_by: facts
            .mentions
            .into_iter()
            .map(|(entity_ref, relation)| Mention { entity_ref: entity_ref.to_string(), relation })
            .collect(),
        nearest: facts.nearest.iter().map(ToString::to_string).collect(),
    }
}

/// Claims of a document in the order in which they are told, and how they stand: first what is wrong, last
/// what is withdrawn.
pub(super) fn wrong_first(claims: Vec<ClaimFacts>, unseen: i64) -> (Vec<ClaimFacts>, Tally) {
    let mut judged: Vec<_> =
        claims.into_iter().map(|facts| (document::place(of_claim(&facts).state), facts)).collect();
    judged.sort_by_key(|(place, _)| *place);
    let count = |of: Place| judged.iter().filter(|(place, _)| *place == of).count();
    let wrong = count(Place::Wrong);
    let tally = Tally { live: wrong + count(Place::AsWritten), wrong, unseen };
    (judged.into_iter().map(|(_, facts)| facts).collect(), tally)
}

/// Explains a document.
pub(super) fn on_document(facts: DocumentFacts) -> Explanation {
    let verdicts: Vec<_> = facts.claims.iter().map(of_claim).collect();
    let whole = document(&facts, &verdicts);
    Explanation {
        subject: facts.location,
        revision: facts.revision,
        state: whole.state,
        summary: whole.text,
        advice: whole.advice,
        entity: None,
        last_change: facts.last_change,
        claims: explained(facts.claims, verdicts),
        claims_total: facts.claims_total,
        reading: facts.sources,
        listed: facts.listed,
        mentioned_by: Vec::new(),
        nearest: facts.nearest,
    }
}

fn explained(claims: Vec<ClaimFacts>, verdicts: Vec<Verdict>) -> Vec<ExplainedClaim> {
    let explained = claims.into_iter().zip(verdicts).map(|(facts, verdict)| ExplainedClaim {
        claim: ClaimView::from(&facts.claim),
        chain: facts.chain,
        unread: facts.unread.places,
        held_since: facts.held_since,
        verdict: verdict.text,
    });
    explained.collect()
}

/// Which of several claims that do not win tells most: what a person can mend comes first.
fn rank(state: State) -> usize {
    const ORDER: [State; 5] =
        [State::Invalid, State::Refused, State::RemovalHeld, State::Detached, State::Lost];
    ORDER.iter().position(|known| *known == state).unwrap_or(ORDER.len())
}

/// The verdict on the whole ref, from that on the claim that counts.
fn whole(facts: &EntityFacts, verdict: &Verdict) -> Verdict {
    let entity_ref = &facts.entity_ref;
    let losers = facts.claims.iter().filter(|other| other.claim.standing == Standing::Loser).count();
    let lost = match losers {
        0 => String::new(),
        1 => " Another claim on the ref lost against it.".to_owned(),
        many => format!(" {many} other claims on the ref lost against it."),
    };
    let is = if facts.visible.is_some() { "is in the catalog" } else { "is not in the catalog" };
    let verdict = match verdict.state {
        State::Visible if losers > 0 => {
            let advice = "if another claim is meant, rename one of them, or remove it; otherwise ";
            &Verdict { advice: format!("{advice}{}", verdict.advice), ..verdict.clone() }
        }
        _ => verdict,
    };
    Verdict { text: format!("{entity_ref} {is}: {}.{lost}", verdict.text), ..verdict.clone() }
}

/// The verdict on a ref whose latest record could not be read.
fn dead_letter(facts: &EntityFacts, problem: &Problem) -> Verdict {
    let is = if facts.visible.is_some() {
        "is in the catalog as it was before its latest record"
    } else {
        "is not in the catalog"
    };
    let text = format!("{} {is}: {}.", facts.entity_ref, problem.message);
    Verdict::new(State::DeadLetter, text, advice(Some(problem)))
}

fn unclaimed(facts: &EntityFacts, was_claimed: bool) -> Verdict {
    let entity_ref = &facts.entity_ref;
    if was_claimed {
        let text = format!("{entity_ref} is not in the catalog: every source that had it took it back.");
        return Verdict::new(
            State::Withdrawn,
            text,
            "see its history for when and why; add it to a source again if it should be there",
        );
    }
    let mentioned = match facts.mentions.as_slice() {
        [] => String::new(),
        [(first, relation), rest @ ..] => {
            let others = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
            format!(" It is named by {first} ({relation}){others}.")
        }
    };
    let text = format!("{entity_ref} is not in the catalog, and no source claims it.{mentioned}");
    let advice = match facts.nearest.first() {
        Some(nearest) => format!(
            "if `{nearest}` is meant, write that; otherwise register the file that describes it, or ask about the file: `backstitch explain URL`"
        ),
        None => {
            "register the file that describes it, or ask about the file: `backstitch explain URL`".to_owned()
        }
    };
    Verdict::new(State::Unknown, text, advice)
}

fn message(problem: Option<&Problem>) -> String {
    problem.map_or_else(|| "the reason is not known".to_owned(), |problem| problem.message.clone())
}

/// A problem's message with its place.
fn placed(problem: Option<&Problem>) -> String {
    let place = problem.and_then(|problem| {
        let location = problem.location.as_deref()?;
        Some(
            problem
                .line
                .map_or_else(|| format!(" (in {location})"), |line| format!(" (in {location}, line {line})")),
        )
    });
    message(problem) + &place.unwrap_or_default()
}

fn advice(problem: Option<&Problem>) -> String {
    let advice = problem.and_then(|problem| problem.advice.clone());
    advice.unwrap_or_else(|| "mend what the message names, at the place that it names".to_owned())
}

/// That a document cannot be read, since when and why; follows its name, which is not said again.
fn cannot_be_read(document: &str, reading: &SourceView) -> String {
    let since = reading.since.as_deref().map(|since| format!(" since {since}")).unwrap_or_default();
    let status = reading.http_status.map(|status| format!(" (HTTP {status})")).unwrap_or_default();
    format!("cannot be read{since}{status}: {}", without(document, &message(reading.trouble())))
}

/// What an error says without the name of its document, if it begins or ends with that.
fn without<'m>(document: &str, message: &'m str) -> &'m str {
    let target = document.split_once(':').map_or(document, |(_, target)| target);
    if let Some(reason) = message.strip_suffix(target).and_then(|rest| rest.strip_suffix(" for ")) {
        return reason;
    }
    let rest = message.rsplit_once(target).map_or(message, |(_, rest)| rest);
    let reason = rest.strip_prefix(" could not be read").unwrap_or(rest);
    match reason.strip_prefix(", ") {
        Some(reason) if !reason.is_empty() => reason,
        _ => message,
    }
}

/// What to do about a document that cannot be read, and when it is read next.
fn reading_advice(reading: &SourceView) -> String {
    let next = match (&reading.next_read, &reading.last_read) {
        _ if reading.outcome == "refused" => String::new(),
        (Some(next), _) => format!("; it is read again at {next}, or at once with {REFRESH}"),
        (None, Some(_)) => "; it is being read just now, or is read once only".to_owned(),
        (None, None) => "; when it is read again is not known, as nobody who reads it answers".to_owned(),
    };
    advice(reading.trouble()) + &next
}
