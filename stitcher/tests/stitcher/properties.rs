//! The final state is a function of the latest record of each claim's parts.

use std::collections::HashMap;

use crate::{histories::history, replica::Replica, rules};
use backstitch_schemas::{Timestamp, processed::Processed};
use backstitch_stitcher::{Catalog, Frame, Loading};
use proptest::{prelude::*, sample::Index};

/// Takes the records in batches that end where `cuts` says. With `restarts`, memory is lost and
/// loaded again after every batch.
fn stitch(records: &[Processed], cuts: &[Index], restarts: bool) -> Replica {
    let mut replica = Replica::default();
    let mut catalog = Catalog::default();
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(records.len() + 1)).collect();
    ends.push(records.len());
    ends.sort_unstable();
    let mut from = 0;
    for end in ends {
        let batch = records[from..end].to_vec();
        from = end;
        let plan = catalog.plan(batch);
        let forms = replica.forms(&plan.needs());
        let frame = Frame { base: replica.revision, at: Timestamp(1), ..Frame::default() };
        let delta = plan.finish(forms, frame).unwrap();
        replica.apply(&delta.commit);
        catalog.apply(delta.memory);
        assert_eq!(catalog.entity_count(), replica.entities.len());
        if restarts {
            let mut loading = Loading::default();
            replica.parts().into_iter().for_each(|part| loading.take(part));
            catalog = loading.finish().unwrap();
        }
    }
    replica
}

/// The records that compaction keeps: the latest of each key, in their order.
fn compacted(records: &[Processed]) -> Vec<Processed> {
    let key = |record: &Processed| record.encode().0;
    let last: HashMap<_, _> = records.iter().enumerate().map(|(at, record)| (key(record), at)).collect();
    let kept = records.iter().enumerate().filter(|(at, record)| last[&key(record)] == *at);
    kept.map(|(_, record)| record.clone()).collect()
}

fn assert_same(a: &Replica, b: &Replica) {
    assert_eq!(a.seen(), b.seen());
    assert_eq!(a.claims_by_key(), b.claims_by_key());
}

fn cuts() -> impl Strategy<Value = Vec<Index>> {
    prop::collection::vec(any::<Index>(), 0..12)
}

/// `PROPTEST_CASES` asks for more.
fn at_least(cases: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.max(cases), ..config }
}

proptest! {
    #![proptest_config(at_least(400))]

    #[test]
    fn incremental_equals_from_scratch(records in history(40), restarts: bool) {
        // One record a batch, so that every step is an incremental one.
        let mut replica = Replica::default();
        let mut catalog = Catalog::default();
        for end in 1..=records.len() {
            let plan = catalog.plan(records[end - 1..end].to_vec());
            let forms = replica.forms(&plan.needs());
            let frame = Frame { base: replica.revision, at: Timestamp(1), ..Frame::default() };
            let delta = plan.finish(forms, frame).unwrap();
            replica.apply(&delta.commit);
            catalog.apply(delta.memory);
            prop_assert_eq!(replica.standings(), rules::standings(&records[..end]));
            if restarts {
                let mut loading = Loading::default();
                replica.parts().into_iter().for_each(|part| loading.take(part));
                catalog = loading.finish().unwrap();
            }
        }
    }

    #[test]
    fn batches_of_any_size_give_the_same_state(records in history(60), cuts in cuts(), restarts: bool) {
        let stitched = stitch(&records, &cuts, restarts);
        prop_assert_eq!(stitched.standings(), rules::standings(&records));
        assert_same(&stitched, &stitch(&records, &[], false));
    }

    #[test]
    fn order_repetition_and_late_duplicates_make_no_difference(
        (records, shuffled) in history(40).prop_flat_map(|records| {
            let mut twice = records.clone();
            twice.extend(records.clone());
            (Just(records), Just(twice).prop_shuffle())
        }),
        cuts in cuts(),
        restarts: bool,
    ) {
        assert_same(&stitch(&shuffled, &cuts, restarts), &stitch(&records, &[], false));
    }

    #[test]
    fn compaction_makes_no_difference(records in history(60), cuts in cuts()) {
        let mut replayed = compacted(&records);
        assert_same(&stitch(&replayed, &cuts, false), &stitch(&records, &cuts, false));
        // And old records that come late change nothing.
        replayed.extend(records.clone());
        assert_same(&stitch(&replayed, &cuts, true), &stitch(&records, &cuts, false));
    }

    #[test]
    fn history_tells_the_same_as_the_state(records in history(60), cuts in cuts()) {
        let stitched = stitch(&records, &cuts, false);
        prop_assert_eq!(stitched.seen(), stitched.seen_in_history());
    }

    #[test]
    fn repeated_records_get_no_revision(records in history(40), cuts in cuts()) {
        let mut twice = records.clone();
        twice.extend(records.clone());
        prop_assert_eq!(stitch(&twice, &[], false).revision, stitch(&records, &[], false).revision);
        let once = stitch(&records, &cuts, false);
        let mut again = records.clone();
        again.extend(compacted(&records));
        prop_assert_eq!(stitch(&again, &[], false).seen(), once.seen());
    }
}
