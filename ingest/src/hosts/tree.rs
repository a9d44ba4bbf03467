//! The files of a ref, kept by one conditional request.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use backstitch_schemas::scm::Reference;
use tokio::time::Instant;

use super::{
    api::{Answer, Request},
    call::{Call, Reply},
    walk::walk,
};
use crate::locations::fetch::{Again, Failure};

/// All files of a commit.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) commit: String,
    /// What tells the content of each file from others, by path.
    pub(super) files: BTreeMap<Box<str>, Box<str>>,
}

/// The trees of the refs that patterns are matched with. They take some 150 bytes a file.
#[derive(Default)]
pub(super) struct Trees(Mutex<HashMap<(String, Reference), Arc<Slot>>>);

/// The tree of one ref. Who comes while it is asked for waits.
pub(super) type Slot = tokio::sync::Mutex<Known>;

/// What is known about a tree.
#[derive(Default)]
pub(super) struct Known {
    tree: Option<Arc<Tree>>,
    /// Of the answer that named its commit.
    etag: Option<String>,
    /// When it was last asked for, and what came of it.
    asked: Option<(Instant, Result<(), Failure>)>,
}

impl Trees {
    /// The tree of a ref, known or not.
    pub(super) fn slot(&self, repository: &str, reference: &Reference) -> Arc<Slot> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry((repository.to_owned(), reference.clone())).or_default())
    }

    /// The tree of a ref, if a pattern was matched with it.
    pub(super) fn known(&self, repository: &str, reference: &Reference) -> Option<Arc<Slot>> {
        let slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.get(&(repository.to_owned(), reference.clone())).cloned()
    }
}

/// The tree as it was at `since` or later.
pub(super) async fn current(slot: &Slot, call: &Call<'_>, since: Instant) -> Result<Arc<Tree>, Failure> {
    let mut known = slot.lock().await;
    if known.asked.as_ref().is_none_or(|(at, _)| *at < since) {
        let now = Instant::now();
        let outcome = renew(&mut known, call).await;
        known.asked = Some((now, outcome));
    }
    match (&known.asked, &known.tree) {
        (Some((_, Err(failure))), _) => Err(failure.clone()),
        (_, Some(tree)) => Ok(Arc::clone(tree)),
        (_, None) => Err(unexpected(call)),
    }
}

async fn renew(known: &mut Known, call: &Call<'_>) -> Result<(), Failure> {
    let (api, file) = (&call.host.api, &call.file);
    let etag = known.etag.clone().filter(|_| known.tree.is_some());
    let answer = match call.get(Request { etag, ..api.revision(&file.repository, &file.reference) }).await? {
        Reply::Same if known.tree.is_some() => return Ok(()),
        Reply::Same => return Err(unexpected(call)),
        Reply::NotFound => return Err(call.out_of_sight()),
        Reply::Found(answer) => answer,
    };
    let commit = api.commit(&answer).map_err(|cause| call.unintelligible(&cause))?;
    if known.tree.as_ref().is_none_or(|tree| tree.commit != commit) {
        let files = walk(call, &commit).await?;
        known.tree = Some(Arc::new(Tree { commit, files }));
    }
    known.etag = etag_of(&answer);
    Ok(())
}

/// What an answer is told from others by.
pub(super) fn etag_of(answer: &Answer) -> Option<String> {
    answer.header("etag").map(str::to_owned)
}

fn unexpected(call: &Call<'_>) -> Failure {
    let advice = "what was read before stays; it is asked again, less often".to_owned();
    call.failure("the host answered 304 to a plain request", None, Again::BackOff, advice)
}
