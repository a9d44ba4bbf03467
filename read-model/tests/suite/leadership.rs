//! One leads at a time, and only the leader commits.

use std::{sync::Arc, time::Duration};

use backstitch_read_model::{CommitError, ReadModel};

use super::{LEASE, commit, lead, samples::first};

pub(crate) async fn only_one_leads_until_it_resigns(model: Arc<dyn ReadModel>) {
    let one = model.lead("one", LEASE).await.unwrap().unwrap();
    assert_eq!(one.holder, "one");
    assert_eq!(model.lead("two", LEASE).await.unwrap(), None);
    assert!(model.renew(&one, LEASE).await.unwrap());
    model.resign(&one).await.unwrap();
    assert!(!model.renew(&one, LEASE).await.unwrap());
    let two = model.lead("two", LEASE).await.unwrap().unwrap();
    assert!(two.epoch > one.epoch);
    assert_eq!(model.head().await.unwrap().epoch, two.epoch);
    // Resigning late takes nothing from the successor.
    model.resign(&one).await.unwrap();
    assert!(model.renew(&two, LEASE).await.unwrap());
}

pub(crate) async fn an_expired_lease_is_taken_over_and_the_old_leader_is_shut_out(model: Arc<dyn ReadModel>) {
    let old = model.lead("old", Duration::ZERO).await.unwrap().unwrap();
    let new = model.lead("new", LEASE).await.unwrap().expect("a lease of no time has run out");
    assert!(new.epoch > old.epoch);
    let refused = model.commit(&old, &first(1)).await.unwrap_err();
    assert!(matches!(refused, CommitError::LostLeadership), "{refused:?}");
    assert!(!model.renew(&old, LEASE).await.unwrap());
    assert_eq!(model.head().await.unwrap().entities, 0);
    commit(&model, &new, &first(1)).await;
    assert_eq!(model.lead("old", LEASE).await.unwrap(), None);
}

pub(crate) async fn a_renewed_lease_is_kept(model: Arc<dyn ReadModel>) {
    let leadership = model.lead("tests", Duration::ZERO).await.unwrap().unwrap();
    assert!(model.renew(&leadership, LEASE).await.unwrap());
    assert_eq!(model.lead("other", LEASE).await.unwrap(), None);
    // The holder itself need not wait for its own lease, say after a restart.
    let again = lead(&model).await;
    assert!(again.epoch > leadership.epoch);
}
