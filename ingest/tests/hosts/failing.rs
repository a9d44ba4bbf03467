//! One file of thousands that fails: the others are updated.

use crate::{
    github::{entities_in, large, reading},
    gitlab,
    repository::Repository,
    support::{Reader, system},
};

/// The file that fails.
const FAILING: &str = "services/5/s5/catalog-info.yaml";

/// Every file says something else, with a name that begins with `new-`.
fn change_all(repository: &mut Repository) {
    repository.change(|files| {
        for (path, text) in files {
            *text = system(&format!("new-{}", path.len()));
        }
    });
}

/// With 3,000 files read: after `change`, all but one are updated, and the last one after `mend`.
async fn all_but_one_are_updated(mut reader: Reader, change: impl FnOnce(), mend: impl FnOnce()) {
    assert_eq!(entities_in(&reader), 3000);
    change();
    let new = |seen: &Reader| {
        let all = seen.documents.values().flat_map(|document| &document.submissions);
        all.filter(|submission| submission.entity_ref.name().starts_with("new-")).count()
    };
    reader.until("2,999 updates", |seen| new(seen) == 2999).await;
    reader
        .until("the failure", |seen| seen.documents.values().any(|document| document.last == "failed"))
        .await;
    let failed: Vec<_> = reader.documents.iter().filter(|(_, document)| document.last == "failed").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].1.submissions.len(), 1, "what it held is still there");
    mend();
    reader.until("the last update", |seen| new(seen) == 3000).await;
}

#[tokio::test]
async fn one_file_that_fails_leaves_the_others_updated() {
    let github = large(3000).await;
    let pattern = github.url("services/**/catalog-info.yaml");
    let reader = reading(github.config(), &[&pattern], 3000).await;
    let change = || {
        let mut state = github.state.lock().unwrap();
        state.failing.insert(FAILING.to_owned());
        change_all(&mut state.repository);
    };
    all_but_one_are_updated(reader, change, || github.state.lock().unwrap().failing.clear()).await;
}

#[tokio::test]
async fn one_file_of_gitlab_that_fails_leaves_the_others_updated() {
    let files: Vec<_> = (0..3000)
        .map(|index| {
            (format!("services/{}/s{index}/catalog-info.yaml", index % 7), system(&format!("s{index}")))
        })
        .collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let (server, state) = gitlab::start(&files).await;
    let pattern = gitlab::url(&server, "services/**/catalog-info.yaml");
    let reader = reading(gitlab::config(&server), &[&pattern], 3000).await;
    let change = || {
        let mut state = state.lock().unwrap();
        state.failing.insert(FAILING.to_owned());
        change_all(&mut state.repository);
    };
    all_but_one_are_updated(reader, change, || state.lock().unwrap().failing.clear()).await;
}
