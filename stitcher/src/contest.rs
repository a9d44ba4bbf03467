//! What the final entity of a contested ref says about the claims that lost.
//!
//! Whoever wonders why an entity is not what they wrote looks at the entity; the winner is the only
//! one that they find there.

use backstitch_schemas::{ClaimKey, Problem};

/// Losers that are named; a name that a thousand repositories took from one template has as many.
const NAMED: usize = 3;

/// A warning that names the winner and the losers; none if nobody lost.
pub(crate) fn warning<'c>(winner: &ClaimKey, losers: impl Iterator<Item = &'c ClaimKey>) -> Option<Problem> {
    let mut losers: Vec<String> = losers.map(source).collect();
    losers.sort_unstable();
    let others = losers.len().saturating_sub(NAMED);
    losers.truncate(NAMED);
    let mut named = losers.join(", ");
    if named.is_empty() {
        return None;
    }
    if others > 0 {
        named.push_str(&format!(" and {others} more"));
    }
    let (entity_ref, winner) = (&winner.entity_ref, source(winner));
    let message = format!("Entity {entity_ref} is claimed by {named} as well; {winner} wins");
    let advice = format!(
        "{entity_ref} is shown as {winner} has it, and what {named} has is not shown; rename one or remove it"
    );
    Some(Problem::new("ConflictWarning", message).with_advice(advice))
}

/// The document that a claim stands in, or its provider if it has none.
fn source(claim: &ClaimKey) -> String {
    match &claim.listing {
        Some(listing) => listing.listed.to_string(),
        None => format!("provider {}", claim.provider),
    }
}

#[cfg(test)]
mod tests {
    use backstitch_schemas::{EntityRef, Listing, ProviderName};

    use super::*;

    fn claim(document: &str) -> ClaimKey {
        let mut claim = ClaimKey::own(EntityRef::new("component", None, "a"), ProviderName::new("p"));
        claim.listing = (!document.is_empty()).then(|| Listing {
            location: EntityRef::new("location", None, "l"),
            document: "file:/l.yaml".into(),
            listed: document.into(),
        });
        claim
    }

    fn check(losers: &[&str], expected: Option<&str>) {
        let losers: Vec<ClaimKey> = losers.iter().map(|document| claim(document)).collect();
        let warning = warning(&claim("file:/w.yaml"), losers.iter());
        assert_eq!(warning.as_ref().map(|problem| problem.message.as_str()), expected);
    }

    #[test]
    fn a_contest_names_the_winner_and_at_most_three_losers_in_order() {
        check(&[], None);
        check(
            &["url:https://b", ""],
            Some(
                "Entity component:default/a is claimed by provider p, url:https://b as well; file:/w.yaml wins",
            ),
        );
        check(
            &["e", "d", "c", "b", "a"],
            Some("Entity component:default/a is claimed by a, b, c and 2 more as well; file:/w.yaml wins"),
        );
    }
}
