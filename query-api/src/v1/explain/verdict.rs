//! What the facts mean, and what to do. Pure.

use backstitch_read_model::{ClaimState, Standing};
use backstitch_schemas::Problem;

use super::facts::{
    ClaimFacts, DocumentFacts, EntityFacts, ExplainedClaim, Explanation, Link, Mention, SourceView, State,
};
use crate::v1::views::{ClaimSource, ClaimView};

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
    let whole = match told {
        Some((_, verdict)) => whole(&facts, verdict),
        None => unclaimed(&facts, !verdicts.is_empty()),
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
        mentioned_by: facts
            .mentions
            .into_iter()
            .map(|(entity_ref, relation)| Mention { entity_ref: entity_ref.to_string(), relation })
            .collect(),
        nearest: facts.nearest.iter().map(ToString::to_string).collect(),
    }
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
        last_change: None,
        claims: explained(facts.claims, verdicts),
        claims_total: facts.claims_total,
        reading: facts.sources,
        mentioned_by: Vec::new(),
        nearest: facts.nearest,
    }
}

fn explained(claims: Vec<ClaimFacts>, verdicts: Vec<Verdict>) -> Vec<ExplainedClaim> {
    let explained = claims.into_iter().zip(verdicts).map(|(facts, verdict)| ExplainedClaim {
        claim: ClaimView::from(&facts.claim),
        chain: facts.chain,
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
    Verdict { text: format!("{entity_ref} {is}: {}.{lost}", verdict.text), ..verdict.clone() }
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

/// What stands against a claim, most decisive first.
fn of_claim(facts: &ClaimFacts) -> Verdict {
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
    match (claim.state, claim.standing) {
        (ClaimState::Refused, _) => {
            let reason = claim.problems.first();
            Verdict::new(
                State::Refused,
                format!("{source} is not let in: {}", message(reason)),
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
    if let Some((link, reading, problem)) = troubled(&facts.chain) {
        let since = reading.last_success.as_deref().unwrap_or("an unknown time");
        let status = reading.http_status.map(|status| format!(" (HTTP {status})")).unwrap_or_default();
        let text = format!(
            "{source} is shown as of {since}, because {} cannot be read since{status}: {}",
            link.document, problem.message
        );
        let next = reading
            .next_read
            .as_deref()
            .map(|next| format!("; it is read again at {next}"))
            .unwrap_or_default();
        return Verdict::new(State::Stale, text, format!("{}{next}", advice(Some(problem))));
    }
    let reading = facts.chain.first().and_then(|link| link.reading.as_ref());
    let when = reading
        .and_then(|reading| reading.last_success.as_deref())
        .map(|at| format!(", last read at {at}"))
        .unwrap_or_default();
    let next = reading.and_then(|reading| reading.next_read.as_deref());
    let advice = match next {
        Some(next) => format!(
            "nothing is wrong; it is read again at {next}, or at once with `POST /api/catalog/refresh`"
        ),
        None => "nothing is wrong".to_owned(),
    };
    Verdict::new(State::Visible, format!("{source} makes it{when}"), advice)
}

/// The first document on the way that could not be read lately.
fn troubled(chain: &[Link]) -> Option<(&Link, &SourceView, &Problem)> {
    chain.iter().find_map(|link| {
        let reading = link.reading.as_ref()?;
        Some((link, reading, reading.trouble()?))
    })
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

fn document(facts: &DocumentFacts, verdicts: &[Verdict]) -> Verdict {
    let location = &facts.location;
    if facts.sources.is_empty() && facts.claims.is_empty() {
        let advice = match facts.nearest.first() {
            Some(nearest) => format!(
                "if `{nearest}` is meant, ask about that; otherwise register it, or add it to what lists its neighbours"
            ),
            None => "register it, or name it in `catalog.locations` or in a Location that is in the catalog"
                .to_owned(),
        };
        return Verdict::new(
            State::NotRead,
            format!("{location} is not read: no Location lists it, or none that is in the catalog."),
            advice,
        );
    }
    if let Some((reading, problem)) =
        facts.sources.iter().find_map(|reading| Some((reading, reading.trouble()?)))
    {
        let status = reading.http_status.map(|status| format!(" (HTTP {status})")).unwrap_or_default();
        let last = reading
            .last_success
            .as_deref()
            .map_or_else(|| "was never read".to_owned(), |at| format!("was last read at {at}"));
        let next = reading
            .next_read
            .as_deref()
            .map(|next| format!("; it is read again at {next}"))
            .unwrap_or_default();
        let text = format!("{location} {last} and cannot be read now{status}: {}.", problem.message);
        return Verdict::new(State::Unreadable, text, format!("{}{next}", advice(Some(problem))));
    }
    let is_shown = |state: State| {
        matches!(
            state,
            State::Visible | State::Stale | State::LastGoodForm | State::Orphan | State::RemovalHeld
        )
    };
    let live: Vec<_> = verdicts.iter().filter(|verdict| verdict.state != State::Withdrawn).collect();
    let wrong = live.iter().find(|verdict| !is_shown(verdict.state) || verdict.state == State::LastGoodForm);
    let errors = facts.sources.iter().flat_map(|reading| &reading.errors).next();
    match (live.len(), wrong, errors) {
        (0, _, Some(problem)) => Verdict::new(
            State::Empty,
            format!("{location} was read, and nothing of it is in the catalog: {}.", placed(Some(problem))),
            advice(Some(problem)),
        ),
        (0, _, None) => Verdict::new(
            State::Empty,
            format!("{location} was read, and it holds no entity."),
            "write a descriptor into it",
        ),
        (_, _, Some(problem)) => Verdict::new(
            State::Invalid,
            format!("{location} was read, and something in it is wrong: {}.", placed(Some(problem))),
            advice(Some(problem)),
        ),
        (_, Some(verdict), None) => Verdict::new(
            verdict.state,
            format!("{location} was read, and not all of it is in the catalog as written: {}.", verdict.text),
            verdict.advice.clone(),
        ),
        (many, None, None) => Verdict::new(
            State::Visible,
            format!("{location} was read, and all {many} of its entities are in the catalog."),
            "nothing is wrong",
        ),
    }
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
