//! Which rows of claims a batch writes.

use std::collections::HashMap;

use backstitch_read_model::{ClaimErrorsRow, ClaimId, ClaimRow, ClaimState, Standing};
use backstitch_schemas::processed::Relation;
use uuid::Uuid;

use crate::{
    claims::{Claim, Taken},
    graph::Edge,
    names::NamesOverlay,
    plan::Plan,
    stitch::MissingForm,
    stored_form,
};

/// The rows of all claims that a batch changed; each claim is in one of the lists.
#[derive(Debug, Default)]
pub(crate) struct ClaimRows {
    pub(crate) claims: Vec<ClaimRow>,
    pub(crate) errors: Vec<ClaimErrorsRow>,
    pub(crate) standings: Vec<(ClaimId, Standing)>,
}

/// Makes the rows, and takes the forms out of `plan` for it.
pub(crate) fn claim_rows(
    plan: &mut Plan<'_>,
    stored: &HashMap<ClaimId, String>,
) -> Result<ClaimRows, MissingForm> {
    let demoted: Vec<ClaimId> = plan.demoted().collect();
    let mut forms = HashMap::new();
    for id in demoted {
        // Its relation rows go, so the relations must stand beside the form from now on.
        if let Some(text) = stored.get(&id).filter(|text| !stored_form::has_relations(text)) {
            let relations = relations_of(plan.catalog.graph.of_originator(id), &plan.names);
            forms.insert(id, stored_form::with_relations(text, &relations));
        }
    }
    let mut new_forms = std::mem::take(&mut plan.forms);
    let mut rows = ClaimRows::default();
    for (id, claim) in plan.claims.changed() {
        let taken = plan.taken.get(&id).copied().unwrap_or(Taken::Nothing);
        let form = if let Some(new) = new_forms.remove(&id) {
            let wins = claim.standing == Standing::Winner;
            Some(if wins { new.entity } else { stored_form::with_relations(&new.entity, &new.relations) })
        } else if let Some(form) = forms.remove(&id) {
            Some(form)
        } else if taken == Taken::Row && claim.state == ClaimState::Good {
            Some(stored.get(&id).ok_or(MissingForm(id))?.clone())
        } else {
            None
        };
        if taken == Taken::Row || form.is_some() {
            rows.claims.push(row(id, claim, form));
        } else if taken == Taken::Errors {
            rows.errors.push(errors_row(id, claim));
        } else {
            rows.standings.push((id, claim.standing));
        }
    }
    Ok(rows)
}

fn relations_of(edges: &[Edge], names: &NamesOverlay<'_>) -> Vec<Relation> {
    let relation = |edge: &Edge| Relation {
        source: names.entity_ref(edge.source).clone(),
        kind: names.type_name(edge.kind).to_owned(),
        target: names.entity_ref(edge.target).clone(),
    };
    edges.iter().map(relation).collect()
}

fn row(id: ClaimId, claim: &Claim, form: Option<String>) -> ClaimRow {
    let errors = errors_row(id, claim);
    ClaimRow {
        id,
        key: claim.key.clone(),
        ref_id: claim.ref_id,
        identity: claim.identity,
        created_at: claim.created_at,
        location_key: claim.location_key.as_deref().map(str::to_owned),
        location_id: claim.location_id.as_deref().copied(),
        released: claim.released,
        version: claim.version,
        state: claim.state,
        fingerprint: claim.fingerprint.to_string(),
        form,
        form_digest: claim.form_digest,
        form_errors: claim.form_errors.clone(),
        errors_version: errors.errors_version,
        errors_identity: errors.errors_identity,
        errors: errors.errors,
        errors_owner: errors.errors_owner,
        standing: claim.standing,
    }
}

fn errors_row(id: ClaimId, claim: &Claim) -> ClaimErrorsRow {
    let part = claim.errors.as_deref();
    ClaimErrorsRow {
        id,
        errors_version: claim.errors_version(),
        errors_identity: part.map_or(Uuid::nil(), |part| part.identity.0),
        errors: part.map_or_else(Vec::new, |part| part.problems.clone()),
        errors_owner: part.and_then(|part| part.owner.clone()),
        standing: claim.standing,
    }
}
