//! Listing all files of a commit.

use std::collections::BTreeMap;

use super::{
    api::{Entry, Page, Request},
    call::{Call, Reply},
};
use crate::locations::fetch::{Again, Failure};

/// Requests that one listing may take.
const MAX_REQUESTS: usize = 2_000;

/// A part of the tree to be listed.
struct Branch {
    /// Put before its paths.
    prefix: String,
    tree: String,
    /// Whether all below is asked for at once.
    deep: bool,
}

/// The files of `commit`, each with what tells its content from others. All of them or an error:
/// where the host leaves something out, directory by directory is asked for.
pub(super) async fn walk(call: &Call<'_>, commit: &str) -> Result<BTreeMap<Box<str>, Box<str>>, Failure> {
    let mut files = BTreeMap::new();
    let mut todo = vec![Branch { prefix: String::new(), tree: commit.to_owned(), deep: true }];
    let mut requests = MAX_REQUESTS;
    while let Some(branch) = todo.pop() {
        let Some(entries) = list(call, &branch.tree, branch.deep, &mut requests).await? else {
            if !branch.deep {
                return Err(too_large(call));
            }
            todo.push(Branch { deep: false, ..branch });
            continue;
        };
        for entry in entries {
            match entry {
                Entry::File { path, blob } => {
                    let validator =
                        blob.map_or_else(|| format!("commit:{commit}"), |blob| format!("blob:{blob}"));
                    files.insert(format!("{}{path}", branch.prefix).into(), validator.into());
                }
                // What is below was listed with it.
                Entry::Directory { .. } if branch.deep => {}
                Entry::Directory { path, tree: Some(tree) } => {
                    todo.push(Branch { prefix: format!("{}{path}/", branch.prefix), tree, deep: true });
                }
                Entry::Directory { tree: None, .. } => return Err(too_large(call)),
            }
        }
    }
    if files.is_empty() {
        let advice = "an empty listing is not believed; what was read before stays".to_owned();
        return Err(call.failure("the host lists no file at all", None, Again::Regularly, advice));
    }
    Ok(files)
}

/// The entries of one tree, page by page; `None` if the host leaves something out.
pub(super) async fn list(
    call: &Call<'_>,
    tree: &str,
    deep: bool,
    requests: &mut usize,
) -> Result<Option<Vec<Entry>>, Failure> {
    let api = &call.host.api;
    let mut entries = Vec::new();
    let mut next = Some(api.list(&call.file.repository, tree, deep));
    while let Some(request) = next {
        *requests = requests.checked_sub(1).ok_or_else(|| too_large(call))?;
        let Reply::Found(answer) = call.get(request.clone()).await? else {
            return Err(call.out_of_sight());
        };
        let page = api.page(&request.url, &answer).map_err(|cause| call.unintelligible(&cause))?;
        let Page { entries: more, next: url, truncated } = page;
        if truncated {
            return Ok(None);
        }
        entries.extend(more);
        next = url.map(|url| Request { url, ..request });
    }
    Ok(Some(entries))
}

fn too_large(call: &Call<'_>) -> Failure {
    let advice = format!(
        "`{}` has too many files to list; name each file in place of the pattern",
        call.file.repository
    );
    call.failure("the repository is too large to list", None, Again::Regularly, advice)
}
