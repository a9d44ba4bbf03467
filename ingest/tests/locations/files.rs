//! Locations that list files: what is read, and how fast and how carefully changes are noticed.

use std::{fs, time::Duration};

use crate::support::{Reader, listing, location, nested, system};
use backstitch_ingest::{Follower, Places, Refreshed, locations::Config};
use backstitch_schemas::{Clock as _, SystemClock, source::SourceState};
use tempfile::TempDir;

/// On a machine that does other things besides; alone it is about 20 ms.
const VISIBLE: Duration = Duration::from_millis(500);

struct Tree {
    root: TempDir,
}

impl Tree {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> String {
        // The name of a temporary directory may be a link on some systems.
        self.root.path().canonicalize().unwrap().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::create_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        format!("file:{path}")
    }
}

#[tokio::test]
async fn a_saved_file_is_read_at_once_however_it_is_saved() {
    let tree = Tree::new();
    let a = tree.write("a.yaml", &system("one"));
    let mut reader = Reader::new(Config::default());
    reader.follower.follow(vec![location("root", "file", &[&tree.path("a.yaml")])], &[]).await;
    reader.until("the first read", |seen| seen.names(&a) == ["one"]).await;
    assert_eq!(reader.listed["root"], [a.clone()].into());
    reader.settle().await;

    tree.write("a.yaml", &(system("one") + &system("two")));
    let took = reader.until("an edit in place", |seen| seen.names(&a) == ["one", "two"]).await;
    assert!(took < VISIBLE, "{took:?}");

    tree.write("a.tmp", &system("three"));
    fs::rename(tree.path("a.tmp"), tree.path("a.yaml")).unwrap();
    let took = reader.until("a replacement", |seen| seen.names(&a) == ["three"]).await;
    assert!(took < VISIBLE, "{took:?}");
    let absent = reader.findings.iter().filter(|finding| finding.contains("absent")).count();
    assert_eq!(absent, 0, "a replaced file was never gone");
}

#[tokio::test]
async fn an_editor_that_removes_before_it_writes_loses_nothing() {
    let tree = Tree::new();
    let a = tree.write("a.yaml", &system("one"));
    let mut reader = Reader::new(Config::default());
    let targets = [&*tree.path("a.yaml"), &*tree.path("*.yaml")];
    reader.follower.follow(vec![location("root", "file", &targets)], &[]).await;
    reader.settle().await;
    fs::rename(tree.path("a.yaml"), tree.path("a.yaml~")).unwrap();
    tree.write("a.yaml", &system("two"));
    reader.until("the edit", |seen| seen.names(&a) == ["two"]).await;
    reader.settle().await;
    assert!(!reader.findings.iter().any(|finding| finding.contains("absent") || finding.contains("[]")));
}

#[tokio::test]
async fn a_listed_file_that_is_removed_is_absent_with_advice() {
    let tree = Tree::new();
    let a = tree.write("a.yaml", &system("one"));
    let mut reader = Reader::new(Config::default());
    reader.follower.follow(vec![location("root", "file", &[&tree.path("a.yaml")])], &[]).await;
    reader.settle().await;
    fs::remove_file(tree.path("a.yaml")).unwrap();
    reader.until("the absence", |seen| seen.documents[&a].last == "absent").await;
    let error = &reader.documents[&a].errors[0];
    let since = reader.states[&a].absent_since.unwrap();
    assert_eq!(error.message, format!("file {} does not exist since {since}", tree.path("a.yaml")));
    assert_eq!(reader.names(&a), ["one"], "what stood in it stays for now");
    assert!(error.advice.as_ref().unwrap().contains("correct the target"));
    assert_eq!(reader.states[&a].outcome, "absent");

    tree.write("a.yaml", &system("again"));
    reader.until("its return", |seen| seen.names(&a) == ["again"]).await;
    assert_eq!(reader.states[&a].absent_since, None);
}

#[tokio::test]
async fn what_is_absent_goes_after_the_grace_also_across_a_restart() {
    let tree = Tree::new();
    let a = tree.write("a.yaml", &system("one"));
    tree.write("b.yaml", "");
    let root = location("root", "file", &[&tree.path("a.yaml")]);
    let mut reader = Reader::new(Config { interval: None, ..Config::default() });
    reader.follower.follow(vec![root.clone()], &[]).await;
    reader.settle().await;
    fs::remove_file(tree.path("a.yaml")).unwrap();
    reader.until("the absence", |seen| seen.documents[&a].last == "absent").await;
    assert_eq!(reader.names(&a), ["one"]);
    let since = reader.states[&a].absent_since;

    let grace = Duration::from_millis(400);
    let config = Config { interval: None, absence_grace: grace, ..Config::default() };
    let mut again = Reader::resuming(config, reader.states);
    again.follower.follow(vec![root], &[listing("root", &a)]).await;
    let is_gone = |finding: &String| finding.ends_with("is absent, gone: true");
    again.until("it goes", |seen| seen.findings.iter().any(is_gone)).await;
    assert_eq!(again.states[&a].absent_since, since, "it counts from when it was first missed");
    let passed = SystemClock.now().0 - since.unwrap().0;
    assert!(passed >= 400, "not before the grace is over, and not after {passed} ms");
    assert!(again.documents[&a].errors[0].message.ends_with("does not exist"));
}

#[tokio::test]
async fn what_may_be_missing_goes_at_once() {
    let tree = Tree::new();
    let a = tree.write("a.yaml", &system("one"));
    let mut optional = location("root", "file", &[&tree.path("a.yaml")]);
    optional.required = false;
    let mut reader = Reader::new(Config::default());
    reader.follower.follow(vec![optional], &[]).await;
    reader.settle().await;
    fs::remove_file(tree.path("a.yaml")).unwrap();
    reader.until("the absence", |seen| seen.documents[&a].last == "absent").await;
    assert_eq!((reader.names(&a).len(), reader.documents[&a].errors.len()), (0, 0));
}

#[tokio::test]
async fn an_optional_target_may_be_missing() {
    let tree = Tree::new();
    let mut optional = location("root", "file", &[&tree.path("x/a.yaml")]);
    optional.required = false;
    let mut reader = Reader::new(Config::default());
    reader.follower.follow(vec![optional], &[]).await;
    let a = format!("file:{}", tree.path("x/a.yaml"));
    reader.until("the absence", |seen| seen.documents.get(&a).is_some_and(|a| a.last == "absent")).await;
    assert!(reader.documents[&a].errors.is_empty());
    reader.settle().await;

    tree.write("x/a.yaml", &system("new"));
    reader.until("it appears with its directory", |seen| seen.names(&a) == ["new"]).await;
}

#[tokio::test]
async fn a_pattern_lists_what_matches_now() {
    let tree = Tree::new();
    let a = tree.write("a/catalog-info.yaml", &system("a"));
    let b = tree.write("b/catalog-info.yaml", &system("b"));
    tree.write("b/other.txt", "x");
    let mut reader = Reader::new(Config::default());
    reader.follower.follow(vec![location("root", "file", &[&tree.path("**/catalog-info.yaml")])], &[]).await;
    reader
        .until("the matches", |seen| {
            seen.listed.get("root").is_some_and(|listed| *listed == [a.clone(), b.clone()].into())
        })
        .await;
    reader.until("their content", |seen| seen.names(&a) == ["a"] && seen.names(&b) == ["b"]).await;
    reader.settle().await;

    let c = tree.write("c/d/catalog-info.yaml", &system("c"));
    reader.until("a match in a new directory", |seen| seen.names(&c) == ["c"]).await;
    assert_eq!(reader.listed["root"].len(), 3);
    reader.settle().await;

    fs::remove_file(tree.path("b/catalog-info.yaml")).unwrap();
    reader.until("a match is gone", |seen| !seen.listed["root"].contains(&b)).await;
    reader.settle().await;
    fs::rename(tree.path("c"), tree.path("e")).unwrap();
    let moved = format!("file:{}", tree.path("e/d/catalog-info.yaml"));
    reader
        .until("a directory is renamed", |seen| seen.listed["root"] == [a.clone(), moved.clone()].into())
        .await;
    reader.settle().await;
    tree.write("e/d/catalog-info.yaml", &system("moved"));
    reader.until("an edit in it", |seen| seen.names(&moved) == ["moved"]).await;
    fs::remove_dir_all(tree.path("a")).unwrap();
    reader.until("a directory is gone", |seen| seen.listed["root"] == [moved.clone()].into()).await;
    assert_eq!(reader.states[&b].outcome, "withdrawn");
}

#[tokio::test]
async fn the_last_match_may_go_and_a_pattern_without_matches_says_so() {
    let tree = Tree::new();
    tree.write("a.yaml", &system("a"));
    let mut reader = Reader::new(Config::default());
    reader.follower.follow(vec![location("root", "file", &[&tree.path("*.yaml")])], &[]).await;
    reader.settle().await;
    fs::remove_file(tree.path("a.yaml")).unwrap();
    reader.until("the last match is gone", |seen| seen.listed["root"].is_empty()).await;
    assert!(reader.listed_errors["root"][0].message.contains("*.yaml does not exist"));
}

#[tokio::test]
async fn after_a_restart_an_empty_directory_withdraws_nothing() {
    let tree = Tree::new();
    fs::create_dir(tree.path("mounted")).unwrap();
    let pattern = tree.path("mounted/**/*.yaml");
    let a = format!("file:{}", tree.path("mounted/a.yaml"));
    let mut reader = Reader::new(Config::default());
    reader.follower.follow(vec![location("root", "file", &[&pattern])], &[listing("root", &a)]).await;
    let key = format!("file:{pattern}");
    reader
        .until("the doubt", |seen| seen.states.get(&key).is_some_and(|state| state.outcome == "failed"))
        .await;
    assert!(reader.states[&key].errors[0].message.contains("is empty"));
    assert!(!reader.listed.contains_key("root"));

    tree.write("mounted/a.yaml", &system("a"));
    reader.until("the volume is back", |seen| seen.listed.get("root") == Some(&[a.clone()].into())).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_directory_that_cannot_be_listed_makes_the_set_unknown() {
    use std::os::unix::fs::PermissionsExt;

    let tree = Tree::new();
    let a = tree.write("a/a.yaml", &system("a"));
    let closed = tree.path("a");
    let mut reader = Reader::new(Config::default());
    reader.follower.follow(vec![location("root", "file", &[&tree.path("**/*.yaml")])], &[]).await;
    reader.settle().await;
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(&closed).is_ok() {
        return; // root lists everything
    }
    reader.follower.refresh(&Places::All, false).await.unwrap();
    reader.settle().await;
    assert_eq!(reader.listed["root"], [a].into());
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn nested_locations_are_read_once_per_edge_and_cycles_end() {
    let tree = Tree::new();
    let entity = |name: &str, target: &str| {
        let head = "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata:\n  name: ";
        format!("---\n{head}{name}\nspec:\n  target: {target}\n")
    };
    let a = tree.write("a.yaml", &entity("la", "./b/b.yaml"));
    let b = tree.write("b/b.yaml", &(entity("lb", "../a.yaml") + &system("s")));
    let mut reader = Reader::new(Config::default());
    let all = vec![
        location("root", "file", &[&tree.path("a.yaml")]),
        nested("la", &a, &["./b/b.yaml"]),
        nested("lb", &b, &["../a.yaml"]),
    ];
    reader.follower.follow(all.clone(), &[]).await;
    reader.settle().await;
    assert_eq!(reader.names(&b), ["lb", "s"]);
    assert_eq!(reader.listed["lb"], [a.clone()].into());
    let reads = |reader: &Reader| {
        reader.findings.iter().filter(|f| f.starts_with(&*a) && f.contains("holds")).count()
    };
    assert_eq!(reads(&reader), 2, "once for each Location that lists it: {:#?}", reader.findings);

    reader.follower.follow(all[..2].to_vec(), &[]).await;
    reader.settle().await;
    tree.write("a.yaml", &(entity("la", "./b/b.yaml") + &system("new")));
    reader.until("an edit", |seen| seen.names(&a) == ["la", "new"]).await;
    assert_eq!(reads(&reader), 3, "nobody follows the other edge any more");
}

#[tokio::test]
async fn a_broken_document_leaves_its_siblings_and_makes_the_file_incomplete() {
    let tree = Tree::new();
    let a = tree.write("a.yaml", &(system("one") + "---\nkind: [\n" + &system("two")));
    let mut reader = Reader::new(Config::default());
    reader.follower.follow(vec![location("root", "file", &[&tree.path("a.yaml")])], &[]).await;
    reader.settle().await;
    assert_eq!(reader.names(&a), ["one", "two"]);
    let document = &reader.documents[&a];
    assert!(document.incomplete);
    assert_eq!((document.errors[0].document, document.errors[0].location.as_deref()), (Some(2), Some(&*a)));
    assert_eq!(reader.states[&a].errors, document.errors);
    assert_eq!(reader.states[&a].entities, Some(2));
}

#[tokio::test]
async fn a_file_that_is_emptied_keeps_what_it_held() {
    let tree = Tree::new();
    let a = tree.write("a.yaml", &system("one"));
    let mut reader = Reader::new(Config::default());
    reader.follower.follow(vec![location("root", "file", &[&tree.path("a.yaml")])], &[]).await;
    reader.settle().await;
    tree.write("a.yaml", "");
    reader.until("the empty file", |seen| seen.documents[&a].submissions.is_empty()).await;
    assert!(reader.documents[&a].incomplete);
    assert!(reader.documents[&a].errors[0].message.contains("is empty"));
}

#[tokio::test]
async fn what_a_placeholder_names_is_read_and_watched() {
    let tree = Tree::new();
    let api = "apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata:\n  name: api\nspec:\n  type: openapi\n  \
               lifecycle: x\n  owner: me\n  definition:\n    $text: ./def/openapi.yaml\n";
    let secret = api.replace("./def/openapi.yaml", "../../etc/passwd").replace("name: api", "name: secret");
    tree.write("def/openapi.yaml", "first");
    tree.write("x/api.yaml", "");
    let a = tree.write("api.yaml", &format!("{api}---\n{secret}"));
    let mut reader = Reader::new(Config::default());
    reader.follower.follow(vec![location("root", "file", &[&tree.path("api.yaml")])], &[]).await;
    reader.settle().await;
    let text =
        |reader: &Reader, name: &str| reader.submission(name).unwrap().content.substitutions[0].text.clone();
    assert_eq!(text(&reader, "api").as_deref(), Some("first"));
    assert_eq!(text(&reader, "secret"), None);
    let error = reader.submission("secret").unwrap().content.substitutions[0].error.clone().unwrap();
    assert!(error.contains("same repository"), "{error}");

    tree.write("def/openapi.yaml", "second");
    reader.until("the new content", |seen| text(seen, "api").as_deref() == Some("second")).await;
    assert_eq!(reader.names(&a).len(), 2);
}

#[tokio::test]
async fn what_an_api_definition_refers_to_is_bundled_and_watched() {
    let tree = Tree::new();
    let api = "apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata:\n  name: api\nspec:\n  type: openapi\n  \
               lifecycle: x\n  owner: me\n  definition:\n    $openapi: ./api.yaml\n  source:\n    $text: ./api.yaml\n";
    tree.write("a/api.yaml", "openapi: 3.0.0\na: {$ref: ../b/schemas.yaml#/A}\n");
    tree.write("b/schemas.yaml", "A: {self: {$ref: '#/A'}, is: first}\n");
    tree.write("a/catalog-info.yaml", api);
    let mut reader = Reader::new(Config::default());
    reader.follower.follow(vec![location("root", "file", &[&tree.path("*/catalog-info.yaml")])], &[]).await;
    reader.settle().await;
    let texts = |reader: &Reader| {
        let substitutions = &reader.submission("api").unwrap().content.substitutions;
        let text = |key: &str| substitutions.iter().find(|s| s.value == key).and_then(|s| s.text.clone());
        (text("$openapi ./api.yaml").unwrap_or_default(), text("./api.yaml"))
    };
    let bundle = |word: &str| format!("a:\n  is: {word}\n  self:\n    $ref: \"#/a\"\nopenapi: \"3.0.0\"\n");
    assert_eq!(texts(&reader).0, bundle("first"));
    assert_eq!(texts(&reader).1.as_deref(), Some("openapi: 3.0.0\na: {$ref: ../b/schemas.yaml#/A}\n"));
    tree.write("b/schemas.yaml", "A: {self: {$ref: '#/A'}, is: second}\n");
    reader.until("the new content", |seen| texts(seen).0 == bundle("second")).await;

    tree.write("b/schemas.yaml", "B: 1\n");
    let error = |reader: &Reader| reader.submission("api").unwrap().content.substitutions[0].error.clone();
    reader.until("the error", |seen| error(seen).is_some()).await;
    assert_eq!(
        error(&reader).unwrap(),
        "unable to bundle the file at ./api.yaml, `../b/schemas.yaml#/A` leads to nothing"
    );
}

#[tokio::test]
async fn an_api_definition_refers_to_no_more_files_than_the_limit() {
    let tree = Tree::new();
    let api = "kind: API\nmetadata:\n  name: api\nspec:\n  definition:\n    $asyncapi: ./f0.yaml\n";
    for index in 0..9 {
        tree.write(&format!("f{index}.yaml"), &format!("x: {{$ref: f{}.yaml}}\n", index + 1));
    }
    tree.write("f9.yaml", "y: 1\n");
    tree.write("catalog-info.yaml", api);
    let mut reader = Reader::new(Config { max_references: 9, ..Config::default() });
    reader.follower.follow(vec![location("root", "file", &[&tree.path("catalog-info.yaml")])], &[]).await;
    reader.settle().await;
    let error = reader.submission("api").unwrap().content.substitutions[0].error.clone().unwrap();
    assert!(error.contains("more than 9 files, the limit of `backstitch.ingest.descriptors.maxReferences`"));
}

#[tokio::test]
async fn a_person_hears_of_what_did_not_change() {
    let tree = Tree::new();
    let a = tree.write("a.yaml", &system("one"));
    let mut reader = Reader::new(Config::default());
    let root = location("root", "file", &[&tree.path("a.yaml")]);
    reader.follower.follow(vec![root.clone()], &[]).await;
    reader.settle().await;
    let ticket = reader.follower.refresh(&Places::All, false).await.unwrap();
    assert!(reader.follower.is_busy());
    reader.until("an answer", |seen| seen.documents[&a].last == "unchanged").await;
    assert_eq!(reader.refreshed(ticket).await, Refreshed { places: 1, problems: Vec::new() });
    reader.settle().await;
    assert!(!reader.follower.is_busy());
}

#[tokio::test]
async fn a_thousand_files_are_read_and_one_edit_reads_one() {
    let tree = Tree::new();
    for index in 0..1000 {
        tree.write(&format!("d{}/s{index}.yaml", index % 50), &system(&format!("s{index}")));
    }
    let mut reader = Reader::new(Config::default());
    reader.follower.follow(vec![location("root", "file", &[&tree.path("*/*.yaml")])], &[]).await;
    reader.settle().await;
    assert_eq!(reader.documents.len(), 1000);
    reader.findings.clear();
    let edited = tree.write("d7/s7.yaml", &system("edited"));
    let took = reader.until("the edit", |seen| seen.names(&edited) == ["edited"]).await;
    assert!(took < VISIBLE, "{took:?}");
    reader.settle().await;
    assert_eq!(reader.findings.len(), 1, "{:?}", reader.findings);
}

#[tokio::test]
async fn a_file_is_not_read_while_it_is_being_written() {
    use std::io::Write;

    let tree = Tree::new();
    let a = tree.write("a.yaml", &(system("one") + &system("two")));
    let mut reader = Reader::new(Config::default());
    reader.follower.follow(vec![location("root", "file", &[&tree.path("a.yaml")])], &[]).await;
    reader.settle().await;
    let mut file = fs::File::create(tree.path("a.yaml")).unwrap();
    file.write_all(system("one").as_bytes()).unwrap();
    file.flush().unwrap();
    // The first half is on disk, and the follower sees it.
    for _ in 0..5 {
        let _ = tokio::time::timeout(Duration::from_millis(10), reader.follower.next()).await;
    }
    file.write_all(system("three").as_bytes()).unwrap();
    drop(file);
    reader.until("the end", |seen| seen.names(&a) == ["one", "three"]).await;
    let halves =
        reader.findings.iter().filter(|finding| finding.contains("[\"system:default/one\"]")).count();
    if cfg!(target_os = "linux") {
        assert_eq!(halves, 0, "{:#?}", reader.findings);
    }
}

#[tokio::test]
async fn what_an_earlier_process_noted_about_places_that_nobody_lists_is_withdrawn() {
    let tree = Tree::new();
    let a = tree.write("a.yaml", &system("one"));
    let failed = SourceState { outcome: "failed".to_owned(), ..SourceState::default() };
    let states = [(a.clone(), failed.clone()), ("file:/gone.yaml".to_owned(), failed)].into();
    let mut reader = Reader::resuming(Config::default(), states);
    reader.follower.follow(vec![location("root", "file", &[&tree.path("a.yaml")])], &[]).await;
    reader.until("the end of the failure", |seen| seen.states[&a].outcome == "ok").await;
    reader.until("the withdrawal", |seen| seen.states["file:/gone.yaml"].outcome == "withdrawn").await;
    reader.settle().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_that_is_changed_to_lead_elsewhere_is_followed() {
    use std::os::unix::fs::symlink;

    let tree = Tree::new();
    tree.write("v1/a.yaml", &system("one"));
    tree.write("v2/a.yaml", &system("two"));
    symlink(tree.path("v1"), tree.path("data")).unwrap();
    symlink("data/a.yaml", tree.path("a.yaml")).unwrap();
    let a = format!("file:{}", tree.path("a.yaml"));
    let mut reader = Reader::new(Config::default());
    reader.follower.follow(vec![location("root", "file", &[&tree.path("a.yaml")])], &[]).await;
    reader.until("the first", |seen| seen.names(&a) == ["one"]).await;
    reader.settle().await;
    // As Kubernetes updates a mounted ConfigMap.
    symlink(tree.path("v2"), tree.path("data.tmp")).unwrap();
    fs::rename(tree.path("data.tmp"), tree.path("data")).unwrap();
    reader.until("the second", |seen| seen.names(&a) == ["two"]).await;
}

#[tokio::test]
async fn many_files_in_one_directory_cost_no_more_than_elsewhere() {
    let tree = Tree::new();
    let mut reader = Reader::new(Config::default());
    fs::create_dir(tree.path("flat")).unwrap();
    reader.follower.follow(vec![location("root", "file", &[&tree.path("flat/*.yaml")])], &[]).await;
    reader.settle().await;
    for index in 0..2000 {
        tree.write(&format!("flat/s{index}.yaml"), &system(&format!("s{index}")));
    }
    let took = reader.until("all of them", |seen| seen.documents.len() == 2000).await;
    assert!(took < Duration::from_secs(5), "{took:?}");
}
