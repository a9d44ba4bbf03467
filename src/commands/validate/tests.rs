use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::*;

/// A file with one good entity, one whose owner is missing, and one that is no YAML.
const MIXED: &str = "\
apiVersion: backstage.io/v1alpha1
kind: System
metadata: {name: good}
spec: {owner: crew}
---
apiVersion: backstage.io/v1alpha1
kind: System
metadata:
  name: ownerless
spec:
  domain: fleet
---
description: one: two
";

/// Checks all `.yaml` files of these; `gone.yaml` is not there, and `config.yml` is the configuration.
fn run(files: &[(&str, &str)], format: ReportFormat) -> (String, u8) {
    let temp = tempfile::tempdir().unwrap();
    for (name, text) in files.iter().filter(|(name, _)| !name.starts_with("gone")) {
        fs::create_dir_all(temp.path().join(name).parent().unwrap()).unwrap();
        fs::write(temp.path().join(name), text).unwrap();
    }
    let named = |is_wanted: &dyn Fn(&Path) -> bool| -> Vec<PathBuf> {
        let names = files.iter().map(|(name, _)| PathBuf::from(name));
        names.filter(|name| is_wanted(name)).collect()
    };
    let descriptors = named(&|name| name.extension().is_some_and(|e| e == "yaml"));
    let config = named(&|name| name == Path::new("config.yml"));
    check(temp.path(), ValidateArgs { files: descriptors, config, format })
}

fn check(cwd: &Path, args: ValidateArgs) -> (String, u8) {
    let here = Surroundings { cwd: cwd.to_owned(), ..Surroundings::default() };
    let mut out = Vec::new();
    let code = validate(&args, &here, &mut out).unwrap();
    (String::from_utf8(out).unwrap(), code)
}

#[test]
fn people_read_file_line_and_what_to_do() {
    let (text, code) = run(&[("a.yaml", MIXED)], ReportFormat::Text);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("a.yaml:10: spec.owner is missing"), "{text}");
    assert!(lines[0].ends_with("(system:default/ownerless)"), "{text}");
    assert!(lines[1].starts_with("a.yaml:13: "), "{text}");
    assert_eq!(lines[2], "1 file, 2 entities, 2 errors in 1 file");
    assert_eq!(code, 1);
}

#[test]
fn the_exit_code_tells_wrong_from_unchecked() {
    let good = "apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata: {name: a}\nspec: {owner: b}\n";
    assert_eq!(
        run(&[("a.yaml", good)], ReportFormat::Text),
        ("1 file, 1 entity, nothing wrong\n".to_owned(), 0)
    );
    let (text, code) = run(&[("a.yaml", good), ("gone.yaml", "")], ReportFormat::Text);
    assert!(text.starts_with("gone.yaml: not checked: there is no such file\n"), "{text}");
    assert_eq!(code, 2);
}

#[test]
fn a_folder_without_descriptors_is_not_passed() {
    let temp = tempfile::tempdir().unwrap();
    let args = ValidateArgs { files: vec![".".into()], config: Vec::new(), format: ReportFormat::Text };
    let (text, code) = check(temp.path(), args);
    assert_eq!(
        text,
        ".: not checked: there is no catalog-info.yaml or catalog-info.yml below it; name the files to check\n\
         0 files, 0 entities, nothing was checked\n"
    );
    assert_eq!(code, 2);
}

#[test]
fn a_file_without_a_document_is_not_passed() {
    for nothing in ["", "\n", "# later\n", "---\n---\n"] {
        assert_eq!(
            run(&[("a.yaml", nothing)], ReportFormat::Text),
            (
                "a.yaml: not checked: it holds no document; write an entity, or leave the file out\n0 files, 0 entities, \
                 nothing was checked\n"
                    .to_owned(),
                2
            ),
            "{nothing:?}"
        );
    }
}

/// Paths may not be longer than some 4,000 bytes, so what is deeper cannot be listed, whoever asks.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_listed_takes_nothing_from_the_others() {
    let temp = tempfile::tempdir().unwrap();
    let deep = |first: &str| [first].into_iter().chain([&*"d".repeat(200); 12]).collect::<PathBuf>();
    for first in ["a", "b"] {
        fs::create_dir_all(temp.path().join(deep(first))).unwrap();
    }
    fs::rename(temp.path().join("b"), temp.path().join(deep("a")).join("b")).unwrap();
    let wrong = "apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata: {name: a}\nspec: {}\n";
    fs::create_dir(temp.path().join("c")).unwrap();
    fs::write(temp.path().join("c/catalog-info.yaml"), wrong).unwrap();
    let args = ValidateArgs { files: vec![".".into()], config: Vec::new(), format: ReportFormat::Text };
    let (text, code) = check(temp.path(), args);
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("./a/ddd") && lines[0].contains(": not checked: it cannot be listed: "),
        "{text}"
    );
    assert!(lines[1].starts_with("./c/catalog-info.yaml:4: spec.owner is missing"), "{text}");
    assert_eq!(lines[2..], ["1 file, 1 entity, 1 error in 1 file, 1 not checked"], "{text}");
    assert_eq!(code, 2);
}

#[test]
fn placeholders_are_read_from_files_and_targets_must_exist() {
    let text = "\
apiVersion: backstage.io/v1alpha1
kind: API
metadata: {name: a}
spec:
  type: openapi
  lifecycle: production
  owner: b
  definition:
    $text: ./there.txt
---
apiVersion: backstage.io/v1alpha1
kind: API
metadata: {name: b}
spec:
  type: openapi
  lifecycle: production
  owner: b
  definition:
    $text: ./missing.txt
---
apiVersion: backstage.io/v1alpha1
kind: Location
metadata: {name: l}
spec:
  targets:
    - ./there.txt
    - ./missing.yaml
    - ./*/glob.yaml
    - https://elsewhere.example/x.yaml
";
    let (text, _) = run(&[("a.yaml", text), ("there.txt", "openapi: 3.0.0")], ReportFormat::Json);
    let report: Value = serde_json::from_str(&text).unwrap();
    let problems: Vec<(i64, &str)> = report["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| (problem["line"].as_i64().unwrap(), problem["entityRef"].as_str().unwrap()))
        .collect();
    assert_eq!(problems, [(18, "api:default/b"), (27, "location:default/l")], "{text}");
}

#[test]
fn github_annotations_escape_what_has_a_meaning() {
    let report = Report {
        findings: vec![Finding {
            file: "a,b.yaml".to_owned(),
            entity_ref: Some("system:default/x".to_owned()),
            problem: Problem { line: Some(3), ..Problem::input("50% is\nwrong") },
        }],
        ..Report::default()
    };
    assert_eq!(
        format::github(&report),
        "::error file=a%2Cb.yaml,line=3,title=system%3Adefault/x::50%25 is%0Awrong\n"
    );
}

#[test]
fn sarif_places_each_problem() {
    let (text, _) = run(&[("a b.yaml", MIXED)], ReportFormat::Sarif);
    let sarif: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "a%20b.yaml");
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], 10);
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 2);
}

#[test]
fn a_warning_is_said_and_fails_nothing() {
    let one = "apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata: {name: a}\nspec: {owner: b}\n";
    let (text, code) = run(&[("a.yaml", &format!("{one}---\n{one}"))], ReportFormat::Text);
    assert!(
        text.starts_with("a.yaml:3: warning: system:default/a stands here and again in line 6"),
        "{text}"
    );
    assert_eq!(code, 0);
}

#[test]
fn a_ref_that_stands_in_two_files_is_said_at_the_second() {
    let one = "apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata:\n  name: a\nspec: {owner: b}\n";
    let (text, code) = run(&[("a.yaml", one), ("b.yaml", one)], ReportFormat::Text);
    assert_eq!(
        text,
        "b.yaml:4: warning: system:default/a stands in a.yaml:4 as well, and only one of the two is shown; rename \
         one\n2 files, 2 entities, 1 warning in 1 file\n"
    );
    assert_eq!(code, 0);
}

#[test]
fn what_is_wrong_takes_no_other_place() {
    let sound = "apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata:\n  name: a\nspec: {owner: b}\n";
    let wrong = sound.replace("owner", "domain");
    let skeleton = sound.replace("name: a", "name: ${{ values.name }}\n  tags: ['${{ values.tag }}']");
    let files = [("a.yaml", wrong.as_str()), ("b.yaml", sound), ("c.yaml", &skeleton), ("d.yaml", &skeleton)];
    let (text, _) = run(&files, ReportFormat::Text);
    assert!(!text.contains("stands in"), "{text}");
    assert!(text.ends_with("\n4 files, 4 entities, 3 errors in 3 files\n"), "{text}");
}

#[test]
fn the_rules_and_kinds_of_a_configuration_apply() {
    let of_kind = |kind: &str| {
        format!(
            "apiVersion: backstage.io/v1alpha1\nkind: {kind}\nmetadata: {{name: a}}\nspec: {{owner: b}}\n"
        )
    };
    let config = "\
catalog:
  rules:
    - allow: [Domain]
      locations: [{type: url, pattern: 'https://github.com/o/**'}]
    - allow: [Vessel]
backstitch:
  kinds:
    - kind: Vessel
      apiVersions: [backstage.io/v1alpha1]
      schema: {type: object}
";
    let (system, domain, vessel) = (of_kind("System"), of_kind("Domain"), of_kind("Vessel"));
    let files = [
        ("config.yml", config),
        ("system.yaml", system.as_str()),
        ("domain.yaml", &domain),
        ("vessel.yaml", &vessel),
    ];
    let (text, code) = run(&files, ReportFormat::Text);
    assert!(text.starts_with("system.yaml:2: no rule lets the kind System in; add "), "{text}");
    assert!(text.ends_with("\n3 files, 3 entities, 1 error in 1 file\n"), "{text}");
    assert_eq!(code, 1);
}

#[test]
fn placeholders_reach_no_further_than_the_repository() {
    let api = |file: &str| {
        format!(
            "apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata: {{name: a}}\nspec:\n  type: openapi\n  \
             lifecycle: production\n  owner: b\n  definition:\n    $text: {file}\n"
        )
    };
    let (within, without) = (api("../api.txt"), api("../../api.txt"));
    let files = [
        ("r/.git/HEAD", ""),
        ("r/api.txt", "x"),
        ("api.txt", "x"),
        ("r/a/within.yaml", within.as_str()),
        ("r/a/without.yaml", &without),
    ];
    let (text, _) = run(&files, ReportFormat::Text);
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("r/a/without.yaml:8: `../../api.txt` leads out of the repository"),
        "{text}"
    );
    assert_eq!(lines[1], "2 files, 2 entities, 1 error in 1 file", "{text}");
}

#[test]
fn what_is_no_descriptor_is_told_in_one_line() {
    let (text, code) = run(&[("mkdocs.yaml", "site_name: x\nnav: []\n")], ReportFormat::Text);
    assert!(text.starts_with("mkdocs.yaml:1: this is no descriptor: it has neither apiVersion"), "{text}");
    assert!(text.ends_with("\n1 file, 0 entities, 1 error in 1 file\n"), "{text}");
    assert_eq!(code, 1);
}

#[test]
fn a_wrong_api_version_is_one_mistake() {
    let text = "apiVersion: backstage.io\nkind: System\nmetadata: {name: a}\nspec: {owner: b}\n";
    let (text, code) = run(&[("a.yaml", text)], ReportFormat::Text);
    assert_eq!(
        text,
        "a.yaml:1: System is not known as `backstage.io`; write `apiVersion: backstage.io/v1alpha1` or \
         `backstage.io/v1beta1` (system:default/a)\n1 file, 1 entity, 1 error in 1 file\n"
    );
    assert_eq!(code, 1);
}

#[test]
fn the_content_of_a_placeholder_is_checked_where_it_is_there() {
    let group = |file: &str| {
        let name = file.len();
        format!(
            "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {{name: g{name}}}\nspec:\n  type: team\n  \
             children:\n    $yaml: {file}\n"
        )
    };
    let files =
        [("a.yaml", group("good.yml")), ("b.yaml", group("bad.yml")), ("c.yaml", group("https://x.y/z"))];
    let mut files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    files.extend([("good.yml", "[team-a]"), ("bad.yml", "team-a: b")]);
    let (text, _) = run(&files, ReportFormat::Text);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].starts_with("b.yaml:6: spec.children is a mapping"), "{text}");
}

#[test]
fn a_folder_stands_for_the_descriptors_below_it() {
    let temp = tempfile::tempdir().unwrap();
    let good = "apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata: {name: a}\nspec: {owner: b}\n";
    for file in
        ["b/catalog-info.yaml", "a/c/catalog-info.yml", "a/mkdocs.yml", "node_modules/x/catalog-info.yaml"]
    {
        let path = temp.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, good.replace("name: a", &format!("name: {}", file.len()))).unwrap();
    }
    let found = |path: &str| files::named_by(temp.path(), Path::new(path)).files;
    assert_eq!(found("."), ["./a/c/catalog-info.yml", "./b/catalog-info.yaml"].map(PathBuf::from));
    assert_eq!(found("x.yaml"), ["x.yaml"].map(PathBuf::from));
}

#[test]
fn the_example_has_the_mistakes_that_it_is_said_to_have() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let folders = ["", "org", "org/people", "systems/*", "platform", "templates", "templates/*"];
    let files = folders.iter().flat_map(|folder| yaml_files(&root, folder)).collect();
    let mut out = Vec::new();
    let here = Surroundings { cwd: root, ..Surroundings::default() };
    let args = ValidateArgs { files, config: Vec::new(), format: ReportFormat::Json };
    let code = validate(&args, &here, &mut out).unwrap();
    let report: Value = serde_json::from_slice(&out).unwrap();
    let mut wrong: Vec<(&str, &str)> = report["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| (problem["file"].as_str().unwrap(), problem["entityRef"].as_str().unwrap_or("-")))
        .collect();
    wrong.sort_unstable();
    assert_eq!(
        wrong,
        [
            ("platform/catalog-info.yaml", "location:default/skerry-platform"),
            ("platform/shared-services.yaml", "component:default/sms-sender"),
            ("systems/cargo/catalog-info.yaml", "service:default/weighbridge"),
            ("systems/ledger/catalog-info.yaml", "resource:finance/audit-archive"),
            ("systems/onboard-shop/catalog-info.yaml", "component:default/stock-sync"),
            ("systems/pricing/catalog-info.yaml", "-"),
            ("systems/timetable/catalog-info.yaml", "component:default/tide-checker"),
        ],
        "{report:#}"
    );
    assert_eq!((code, report["entities"].as_u64()), (1, Some(153)));
}

/// Descriptors in a folder, `*` standing for each folder.
fn yaml_files(root: &Path, folder: &str) -> Vec<PathBuf> {
    if let Some(parent) = folder.strip_suffix("/*") {
        let entries = fs::read_dir(root.join(parent)).unwrap().map(|entry| entry.unwrap());
        let folders = entries
            .filter(|entry| entry.path().is_dir())
            .map(|entry| entry.file_name().into_string().unwrap());
        return folders.flat_map(|name| yaml_files(root, &format!("{parent}/{name}"))).collect();
    }
    let entries = fs::read_dir(root.join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let is_descriptor = |name: &String| name.ends_with(".yaml") && !name.contains("api.yaml");
    entries.filter(is_descriptor).map(|name| Path::new(folder).join(name)).collect()
}
