//! Telling a file that is gone from a repository that cannot be seen.
//!
//! Hosts answer 404 for both, so a 404 counts only where the same credentials still list the root of
//! the ref, and the file is not in the very commit that was listed.

use backstitch_schemas::scm::{Reference, RepositoryFile};

use super::{
    api::Entry,
    call::{Call, Reply},
    walk::list,
};
use crate::locations::fetch::{Again, Failure, Fetched};

/// Requests that listing the root may take.
const MAX_REQUESTS: usize = 100;

/// What the 404 for a file means.
pub(super) async fn confirm(call: &Call<'_>) -> Fetched {
    match is_gone(call).await {
        Ok(true) => Fetched::Absent,
        Ok(false) => Fetched::Failed(appeared(call)),
        Err(failure) => Fetched::Failed(failure),
    }
}

async fn is_gone(call: &Call<'_>) -> Result<bool, Failure> {
    let (api, file) = (&call.host.api, &call.file);
    let Reply::Found(answer) = call.get(api.revision(&file.repository, &file.reference)).await? else {
        return Err(call.out_of_sight());
    };
    let commit = api.commit(&answer).map_err(|cause| call.unintelligible(&cause))?;
    let mut requests = MAX_REQUESTS;
    let root = list(call, &commit, false, &mut requests).await?;
    let Some(root) = root.filter(|entries| !entries.is_empty()) else { return Err(call.out_of_sight()) };
    let (first, rest) = file.path.split_once('/').map_or((file.path.as_str(), None), |(a, b)| (a, Some(b)));
    let is_listed = root.iter().any(|entry| {
        let (Entry::File { path, .. } | Entry::Directory { path, .. }) = entry;
        path == first
    });
    if !is_listed || rest.is_none() {
        return Ok(!is_listed);
    }
    let there = RepositoryFile { reference: Reference::Commit(commit), ..file.clone() };
    Ok(matches!(call.get(api.content(&there, call.host.is_anonymous())).await?, Reply::NotFound))
}

fn appeared(call: &Call<'_>) -> Failure {
    let advice = "it is read again soon".to_owned();
    call.failure("the file appeared just now", None, Again::BackOff, advice)
}
