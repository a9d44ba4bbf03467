//! Descriptor files as they were found in the world: nothing panics, every document is accounted for.
//! Skipped where the corpus is not there.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::support::{Reader, location};
use backstitch_ingest::{Follower, locations::Config};
use backstitch_schemas::yaml;
use serde_json::Value;

/// Lays the corpus out by the paths in its index; the paths that were written.
fn lay_out(corpus: &Path, root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let index = fs::read_to_string(corpus.join("index.jsonl")).unwrap();
    let mut files = BTreeMap::new();
    for line in index.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let name = entry["file"].as_str().unwrap().rsplit('/').next().unwrap();
        let Ok(bytes) = fs::read(corpus.join("files").join(name)) else { continue };
        let version = entry["commit"].as_str().filter(|_| entry["version"] != "head").unwrap_or("head");
        let path = entry["path"].as_str().unwrap();
        let target = root.join(entry["repo"].as_str().unwrap().replace('/', "__")).join(version).join(path);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(&target, &bytes).unwrap();
        files.insert(target, bytes);
    }
    files
}

#[tokio::test]
async fn every_document_of_the_corpus_is_accounted_for() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    if !corpus.exists() {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let files = lay_out(&corpus, root.path());
    assert!(!files.is_empty());
    let mut reader = Reader::new(Config::default());
    // Each file by its name, so that hidden directories count as well.
    let targets: Vec<String> = files.keys().map(|path| path.to_str().unwrap().to_owned()).collect();
    let literal: Vec<&str> =
        targets.iter().map(String::as_str).filter(|path| !path.contains(['*', '?', '[', '{'])).collect();
    reader.follower.follow(vec![location("corpus-under-test", "file", &literal)], &[]).await;
    reader.settle().await;
    for path in literal {
        let document = &reader.documents[&format!("file:{path}")];
        let documents = yaml::parse(path, &files[Path::new(path)]);
        let twice = document.errors.iter().filter(|problem| problem.name == "DuplicateWarning").count();
        let accounted = document.submissions.len() + document.errors.len();
        assert_eq!(accounted, documents.len(), "{path}: {:?}", document.errors);
        let unread = document.errors.len() - twice;
        assert_eq!(document.incomplete, unread > 0, "{path}");
        for problem in &document.errors {
            assert!(problem.line.is_some() && problem.advice.is_some(), "{path}: {problem:?}");
        }
    }
}
