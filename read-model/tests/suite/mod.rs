//! What every read model promises, run against each of them.
//!
//! A test file has a `fixture()` that gives a fresh, empty read model and whatever keeps it alive, and
//! calls [`suite!`].

pub(crate) mod claims;
pub(crate) mod commits;
pub(crate) mod history;
pub(crate) mod leadership;
pub(crate) mod reads;
pub(crate) mod samples;

use std::{sync::Arc, time::Duration};

use backstitch_read_model::{
    Commit, Leadership, Parts, ReadModel, RefRow, RelationRow, SnapshotPart, StitcherPart, TypeRow,
};

/// Long enough for any test.
pub(crate) const LEASE: Duration = Duration::from_secs(60);

/// A test for each name, with its own read model.
#[macro_export]
macro_rules! suite {
    ($($module:ident: $($test:ident)*;)*) => {
        $($(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let (model, fixture) = fixture().await;
                suite::$module::$test(model).await;
                drop(fixture);
            }
        )*)*
    };
}

/// Every test of the suite.
#[macro_export]
macro_rules! whole_suite {
    () => {
        suite! {
            claims:
                problems_are_those_of_the_newer_part
                a_page_of_problems_counts_them_all
                the_same_error_counts_once
                conflicts_name_the_winner
                claims_are_found_by_the_document_they_stand_in
                claims_of_a_provider_are_found_by_ref
                registered_locations_are_those_that_are_not_withdrawn_losers_included
                errors_and_standings_change_without_the_form;
            commits:
                every_field_comes_back
                a_failing_list_leaves_nothing
                another_base_is_unclear
                the_first_commit_starts_an_incarnation
                odd_characters_are_kept_or_refused_as_data
                a_body_of_two_megabytes_comes_back
                ten_thousand_rows_fit_in_one_commit
                rows_that_are_removed_are_gone
                a_commit_without_changes_moves_the_positions_and_wakes;
            history:
                it_is_told_newest_first
                changes_come_in_whole_commits
                the_next_changes_may_end_within_a_commit
                bodies_and_relations_of_the_past_are_told
                pruned_history_needs_a_snapshot_and_keeps_last_bodies
                what_history_does_not_reach_needs_a_snapshot;
            leadership:
                only_one_leads_until_it_resigns
                an_expired_lease_is_taken_over_and_the_old_leader_is_shut_out
                a_renewed_lease_is_kept;
            reads:
                a_snapshot_is_of_one_commit_while_others_go_on
                an_unheard_read_frees_its_connection
                an_empty_read_model_is_empty;
        }
    };
}

/// Becomes the leader of a read model that has none.
pub(crate) async fn lead(model: &Arc<dyn ReadModel>) -> Leadership {
    model.lead("tests", LEASE).await.unwrap().expect("nobody else leads")
}

/// Commits, and panics if that fails.
pub(crate) async fn commit(model: &Arc<dyn ReadModel>, leadership: &Leadership, commit: &Commit) {
    model.commit(leadership, commit).await.unwrap();
}

/// All parts of a read.
pub(crate) async fn all<T>(mut parts: Parts<T>) -> Vec<T> {
    let mut all = Vec::new();
    while let Some(part) = parts.recv().await {
        all.push(part.unwrap());
    }
    all
}

/// A snapshot, put together.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Whole {
    pub(crate) refs: Vec<RefRow>,
    pub(crate) types: Vec<TypeRow>,
    pub(crate) entities: Vec<backstitch_read_model::EntityRecord>,
    pub(crate) relations: Vec<RelationRow>,
}

/// Puts a snapshot together, sorted.
pub(crate) async fn whole(parts: Parts<SnapshotPart>) -> Whole {
    let mut whole = Whole::default();
    for part in all(parts).await {
        match part {
            SnapshotPart::Refs(rows) => whole.refs.extend(rows),
            SnapshotPart::Types(rows) => whole.types.extend(rows),
            SnapshotPart::Entities(rows) => whole.entities.extend(rows),
            SnapshotPart::Relations(rows) => whole.relations.extend(rows),
        }
    }
    whole.refs.sort_by_key(|row| row.id);
    whole.entities.sort_by_key(|row| row.ref_id);
    whole.relations.sort();
    whole
}

/// What the stitcher loads, put together.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Loaded {
    pub(crate) refs: Vec<RefRow>,
    pub(crate) types: Vec<TypeRow>,
    pub(crate) claims: Vec<backstitch_read_model::ClaimHead>,
    pub(crate) relations: Vec<RelationRow>,
    pub(crate) entities: Vec<backstitch_read_model::EntityHead>,
    pub(crate) head: backstitch_read_model::Head,
}

/// Puts together what the stitcher loads, sorted.
pub(crate) async fn loaded(model: &Arc<dyn ReadModel>) -> Loaded {
    let mut loaded = Loaded::default();
    for part in all(model.load().await.unwrap()).await {
        match part {
            StitcherPart::Refs(rows) => loaded.refs.extend(rows),
            StitcherPart::Types(rows) => loaded.types.extend(rows),
            StitcherPart::Claims(rows) => loaded.claims.extend(rows),
            StitcherPart::Relations(rows) => loaded.relations.extend(rows),
            StitcherPart::Entities(rows) => loaded.entities.extend(rows),
            StitcherPart::Head(head) => loaded.head = head,
        }
    }
    loaded.refs.sort_by_key(|row| row.id);
    loaded.claims.sort_by_key(|row| row.id);
    loaded.relations.sort();
    loaded.entities.sort_by_key(|row| row.ref_id);
    loaded
}
