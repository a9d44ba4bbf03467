//! What people are told about claims.

use std::{slice, sync::Arc};

use backstitch_read_model::{
    ClaimErrorsRow, ClaimId, ClaimRow, ClaimState, Commit, ReadModel, SourceRow, Standing,
};
use backstitch_schemas::{
    EntityRef, LocationId, LocationRef, Problem, ProviderName, RegisteredLocation,
    source::{SourceKey, SourceState},
};
use uuid::Uuid;

use super::{
    commit, lead, loaded,
    samples::{claim, entity_ref, first, listed_claim, problem},
};

fn troubled(number: i32, version: i64, errors_version: i64) -> ClaimRow {
    ClaimRow {
        version,
        errors_version,
        form_errors: vec![problem("of the form")],
        errors: vec![problem("of the errors part")],
        ..claim(number)
    }
}

pub(crate) async fn problems_are_those_of_the_newer_part(model: Arc<dyn ReadModel>) {
    let leadership = lead(&model).await;
    let mut written = first(5);
    written.claims[0] = troubled(1, 10, 11);
    written.claims[1] = troubled(2, 11, 10);
    // Older errors do not count, and there are none beside the form.
    written.claims[2] = ClaimRow { form_errors: Vec::new(), ..troubled(3, 11, 10) };
    written.claims[3] = ClaimRow { state: ClaimState::Withdrawn, ..troubled(4, 10, 11) };
    let refused = ClaimRow { state: ClaimState::Refused, form: None, form_errors: Vec::new(), ..claim(5) };
    written.claims[4] = refused;
    commit(&model, &leadership, &written).await;

    let page = model.claims_with_problems(10).await.unwrap();
    let told: Vec<_> = page.items.iter().map(|claim| (claim.key.clone(), claim.problems.clone())).collect();
    let key = |index: usize| written.claims[index].key.clone();
    let expected = [
        (key(0), vec![problem("of the errors part")]),
        (key(1), vec![problem("of the form")]),
        (key(4), Vec::new()),
    ];
    assert_eq!(told, expected);
    assert_eq!(page.total, 3);
    assert_eq!(model.claims_of(&entity_ref(3)).await.unwrap()[0].problems, []);
}

pub(crate) async fn a_page_of_problems_counts_them_all(model: Arc<dyn ReadModel>) {
    let leadership = lead(&model).await;
    let mut written = first(30);
    written.claims = (1..=30).map(|number| troubled(number, 10, 11)).collect();
    written.claims.reverse();
    commit(&model, &leadership, &written).await;
    let page = model.claims_with_problems(7).await.unwrap();
    assert_eq!((page.items.len(), page.total), (7, 30));
    assert_eq!(page.items[0].key.entity_ref, entity_ref(1));
    let page = model.claims_with_problems(0).await.unwrap();
    assert_eq!((page.items.len(), page.total), (0, 30));
    assert_eq!(model.conflicts(7).await.unwrap().total, 0);
}

pub(crate) async fn the_same_error_counts_once(model: Arc<dyn ReadModel>) {
    let leadership = lead(&model).await;
    let mut written = first(3);
    let plain = |message: &str| Problem { advice: None, ..problem(message) };
    let [one, two] = ["one", "two"].map(plain);
    let with = |errors: &[Problem], claim: ClaimRow| ClaimRow { errors: errors.to_vec(), ..claim };
    written.claims[0] = with(&[one.clone(), two.clone()], troubled(1, 10, 11));
    // Another claim on the same ref, and the same on another ref.
    written.claims.push(with(
        slice::from_ref(&one),
        ClaimRow { version: 10, errors_version: 11, ..listed_claim(9, 1) },
    ));
    written.claims[1] = with(slice::from_ref(&one), troubled(2, 10, 11));
    let source = |key: SourceKey, errors: &[Problem]| SourceRow {
        key: String::from_utf8(key.encode()).unwrap(),
        state: SourceState { errors: errors.to_vec(), ..SourceState::default() },
    };
    let nowhere = Problem { location: None, line: None, ..plain("three") };
    let provider = ProviderName::new("p");
    let location = |place: &str| SourceKey::Location(provider.clone(), place.to_owned());
    written.sources = vec![
        source(location("file:/a"), &[one, nowhere.clone()]),
        source(location("file:/b"), slice::from_ref(&nowhere)),
        source(SourceKey::Provider(provider.clone()), &[nowhere]),
    ];
    written.sources_next = Some(3);
    commit(&model, &leadership, &written).await;
    assert_eq!(model.count_errors().await.unwrap(), 3 + 3);
}

pub(crate) async fn conflicts_name_the_winner(model: Arc<dyn ReadModel>) {
    let leadership = lead(&model).await;
    let mut written = first(2);
    written.claims.push(listed_claim(9, 1));
    commit(&model, &leadership, &written).await;
    let page = model.conflicts(10).await.unwrap();
    assert_eq!(page.total, 1);
    let loser = &page.items[0];
    assert_eq!((&loser.key, loser.standing), (&written.claims[2].key, Standing::Loser));
    assert_eq!(loser.winner.as_ref(), Some(&written.claims[0].key));
    assert_eq!(loser.identity, written.claims[2].identity);
    let both = model.claims_of(&entity_ref(1)).await.unwrap();
    assert_eq!(both.len(), 2);
    assert!(both.iter().all(|claim| claim.winner.as_ref() == Some(&written.claims[0].key)));
    assert_eq!(model.claims_of(&entity_ref(77)).await.unwrap(), []);
}

pub(crate) async fn claims_are_found_by_the_document_they_stand_in(model: Arc<dyn ReadModel>) {
    let leadership = lead(&model).await;
    let mut written = first(3);
    written.claims.push(listed_claim(9, 1));
    written.claims.push(listed_claim(10, 2));
    commit(&model, &leadership, &written).await;
    let document = written.claims[3].key.document().to_owned();
    let expected: Vec<_> =
        written.claims[3..].iter().filter(|claim| claim.key.document() == document).collect();
    let page = model.claims_in(&document, 10).await.unwrap();
    assert_eq!(
        page.items.iter().map(|claim| &claim.key).collect::<Vec<_>>(),
        expected.iter().map(|claim| &claim.key).collect::<Vec<_>>()
    );
    assert_eq!(page.total, i64::try_from(expected.len()).unwrap());
    let page = model.claims_in(&document, 0).await.unwrap();
    assert_eq!((page.items.len(), page.total), (0, i64::try_from(expected.len()).unwrap()));
    assert_eq!(model.claims_in("file:/elsewhere", 10).await.unwrap().total, 0);
}

pub(crate) async fn claims_of_a_provider_are_found_by_ref(model: Arc<dyn ReadModel>) {
    let leadership = lead(&model).await;
    let mut written = first(3);
    written.claims.push(listed_claim(9, 1));
    written.claims.push(ClaimRow { ref_id: written.claims[2].ref_id, ..listed_claim(10, 3) });
    commit(&model, &leadership, &written).await;
    let provider = ProviderName::new("locations");
    let refs = [entity_ref(1), entity_ref(2), entity_ref(88)];
    let found = model.claims_of_provider(&provider, &refs).await.unwrap();
    assert_eq!(found.iter().map(|claim| &claim.key).collect::<Vec<_>>(), [&written.claims[3].key]);
    let all: Vec<_> = (1..=3).map(entity_ref).collect();
    assert_eq!(model.claims_of_provider(&provider, &all).await.unwrap().len(), 2);
    assert_eq!(model.claims_of_provider(&ProviderName::new("x"), &all).await.unwrap(), []);
}

pub(crate) async fn errors_and_standings_change_without_the_form(model: Arc<dyn ReadModel>) {
    let leadership = lead(&model).await;
    let written = first(2);
    commit(&model, &leadership, &written).await;
    let errors = ClaimErrorsRow {
        id: ClaimId(1),
        errors_version: 44,
        errors_identity: Uuid::from_u128(4),
        errors: vec![problem("late")],
        errors_owner: Some(EntityRef::new("group", None, "g")),
        standing: Standing::Formless,
    };
    let changed = Commit {
        base: written.revision,
        revision: written.revision,
        claim_errors: vec![errors.clone()],
        standings: vec![(ClaimId(2), Standing::Loser)],
        ..Commit::default()
    };
    commit(&model, &leadership, &changed).await;
    let claims = loaded(&model).await.claims;
    assert_eq!((claims[0].errors_version, claims[0].errors_identity), (44, errors.errors_identity));
    assert_eq!(claims[0].errors_owner, errors.errors_owner);
    assert_eq!((&claims[0].errors, claims[0].standing), (&errors.errors, Standing::Formless));
    assert_eq!((claims[0].version, claims[0].form_digest), (10, written.claims[0].form_digest));
    assert_eq!(claims[1].standing, Standing::Loser);
    assert_eq!(model.claims_with_problems(9).await.unwrap().items[0].problems, errors.errors);
    assert_eq!(model.forms(&[ClaimId(1)]).await.unwrap()[0].form, written.claims[0].form.clone().unwrap());
}

pub(crate) async fn registered_locations_are_those_that_are_not_withdrawn_losers_included(
    model: Arc<dyn ReadModel>,
) {
    let leadership = lead(&model).await;
    let mut written = first(3);
    for (index, claim) in written.claims.iter_mut().take(3).enumerate() {
        claim.location_key = Some(format!("url:https://host/{index}:80.yaml"));
        claim.location_id = Some(LocationId(Uuid::from_u128(9 - index as u128)));
    }
    written.claims[1].standing = Standing::Loser;
    written.claims[2].state = ClaimState::Withdrawn;
    commit(&model, &leadership, &written).await;
    let expected = [1, 0].map(|index| RegisteredLocation {
        id: LocationId(Uuid::from_u128(9 - index as u128)),
        location: LocationRef::new("url", format!("https://host/{index}:80.yaml")),
        entity_ref: written.claims[index].key.entity_ref.clone(),
    });
    assert_eq!(model.locations().await.unwrap(), expected);
}
