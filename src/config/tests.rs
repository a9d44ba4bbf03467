use std::time::Duration;

use backstitch_schemas::LocationRef;

use super::*;

/// Loads in-memory files, merged in the order given if their name starts with `app`; the others
/// can only be included.
pub(super) fn load_files(files: &[(&str, &str)], env: &[(&str, &str)]) -> Result<AppConfig, ConfigError> {
    let texts: BTreeMap<PathBuf, String> =
        files.iter().map(|(name, text)| (Path::new("/site").join(name), (*text).to_owned())).collect();
    let read = |path: &Path| texts.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into());
    let names: Vec<PathBuf> =
        files.iter().map(|(name, _)| PathBuf::from(name)).filter(|name| is_main(name)).collect();
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    load(&Inputs { files: &names, env: &env, cwd: Path::new("/site"), read: &read })
}

fn is_main(name: &Path) -> bool {
    name.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("app"))
}

pub(super) fn check(text: &str, env: &[(&str, &str)]) -> AppConfig {
    load_files(&[("app-config.yaml", text)], env).expect("the configuration is good")
}

fn check_error(text: &str, expected: &str) {
    let error = load_files(&[("app-config.yaml", text)], &[]).expect_err("the configuration is wrong");
    assert_eq!(error.to_string(), expected);
}

/// What a created portal brings along, with the changes that people make first.
const PORTAL: &str = include_str!("portal.yaml");

#[test]
fn an_existing_portals_file_works_as_it_is() {
    let config = check(PORTAL, &[("GITHUB_TOKEN", "ghp_1")]);
    assert_eq!(config.warnings, Vec::<String>::new());
    assert_eq!(
        config.unsupported,
        [
            "catalog.providers.github is not supported yet; its entities will be missing",
            "catalog.providers.microsoftGraphOrg is not supported yet; its entities will be missing",
        ]
    );
    let targets: Vec<&str> =
        config.catalog.locations.iter().map(|location| location.target.as_str()).collect();
    assert_eq!(
        targets,
        [
            "/site/examples/entities.yaml",
            "/examples/template/template.yaml",
            "https://github.com/skerry-lines/catalog/blob/main/all.yaml"
        ]
    );
    assert_eq!(config.catalog.locations[1].rules[0].allow, ["Template"]);
    assert_eq!(config.catalog.rules.as_ref().map(|rules| rules[0].allow.len()), Some(5));
    assert_eq!(config.backend.listen, Listen { host: None, port: 7007 });
    assert_eq!(config.integrations.github[0].token.as_ref().map(|token| token.0.expose()), Some("ghp_1"));
    assert!(config.integrations.hosts().iter().any(|host| host.host == "gitlab.com"));
}

#[test]
fn without_files_everything_has_its_default() {
    let config = load_files(&[], &[]).expect("defaults are good");
    assert!(config.is_default());
    assert_eq!(config.catalog, CatalogConfig::default());
    assert_eq!(config.backstitch, BackstitchConfig::default());
    assert_eq!(config.integrations.hosts().len(), 4);
}

#[test]
fn later_files_win_objects_merge_and_lists_are_replaced() {
    let config = load_files(
        &[
            (
                "app-config.yaml",
                "catalog: {readonly: true, orphanStrategy: keep, locations: [{type: url, target: a}]}",
            ),
            (
                "app-config.local.yaml",
                "catalog: {orphanStrategy: delete, locations: [{type: url, target: b}]}",
            ),
        ],
        &[],
    )
    .expect("the configuration is good");
    assert!(config.catalog.readonly);
    assert_eq!(config.catalog.orphan_strategy, OrphanStrategy::Delete);
    assert_eq!(config.catalog.locations.len(), 1);
    assert_eq!(config.catalog.locations[0].target, "b");
}

#[test]
fn variables_are_filled_in() {
    let target = |text: &str, env: &[(&str, &str)]| {
        let text = format!("catalog: {{locations: [{{type: url, target: '{text}'}}]}}");
        check(&text, env).catalog.locations[0].target.clone()
    };
    assert_eq!(target("https://${HOST}/x", &[("HOST", "a.example")]), "https://a.example/x");
    assert_eq!(target("https://${HOST:-b.example}/x", &[]), "https://b.example/x");
    assert_eq!(target("https://${HOST:-b.example}/x", &[("HOST", "")]), "https://b.example/x");
    assert_eq!(target("$${HOST}", &[]), "${HOST}");
    assert_eq!(target("a$b {c} ${ not closed", &[]), "a$b {c} ${ not closed");
}

#[test]
fn a_missing_variable_makes_the_key_missing_and_says_so() {
    let config = check("integrations: {github: [{host: github.com, token: '${GITHUB_TOKEN}'}]}", &[]);
    assert_eq!(config.integrations.github[0].token, None);
    assert_eq!(
        config.warnings,
        ["integrations.github[0].token is left out: environment variable GITHUB_TOKEN is not set"]
    );
}

#[test]
fn nothing_in_a_section_of_others_stops_the_start() {
    let config = check(
        "auth: {x: {$file: gone.txt}, y: '${GONE}'}\ntechdocs: {$include: gone.toml, and: more}\n\
         backend: {database: {connection: {ssl: {ca: {$file: gone.pem}}}}}\n\
         catalog: {providers: {ldapOrg: {default: {bind: {secret: {$env: GONE}}}}}}",
        &[("APP_CONFIG_app_title", "Portal"), ("APP_CONFIG_auth_2_x", "1")],
    );
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn env_file_and_include_objects_are_replaced_by_what_they_name() {
    let config = load_files(
        &[
            (
                "app-config.yaml",
                "backend: {auth: {externalAccess: [{type: static, options: {token: {$file: secrets/token.txt}, subject: {$env: WHO}}}]}}\n\
                 catalog: {$include: parts/catalog.yaml#deep.catalog}",
            ),
            ("secrets/token.txt", "s3cret\n"),
            ("parts/catalog.yaml", "deep: {catalog: {locations: {$include: locations.json}}}"),
            ("parts/locations.json", r#"[{"type":"file","target":"/${DIR}/x.yaml"}]"#),
        ],
        &[("WHO", "inventory"), ("DIR", "srv")],
    )
    .expect("the configuration is good");
    let caller = &config.backend.auth.external_access[0];
    assert_eq!(caller.options.token, Some(Secret::new("s3cret")));
    assert_eq!(caller.options.subject.as_deref(), Some("inventory"));
}

#[test]
fn variables_of_the_environment_come_last() {
    let config = check(
        "catalog: {readonly: false}\nbackstitch: {ingest: {maxEntityBytes: 10}}",
        &[
            ("APP_CONFIG_catalog_readonly", "true"),
            ("APP_CONFIG_catalog_orphanStrategy", "keep"),
            ("BACKSTITCH_INGEST__MAX_ENTITY_BYTES", "20"),
            ("BACKSTITCH_INGEST__REMOVAL_HOLD", r#"{"share":0.5}"#),
            ("BACKSTITCH_DATA_DIR", "/var/lib/backstitch"),
            ("BACKSTITCH_HISTORY__RETENTION", r#""30 days""#),
            ("BACKSTITCH_SERVER", "http://elsewhere:7007"),
            ("BACKSTITCH_TEST_KAFKA", "127.0.0.1:9092"),
        ],
    );
    assert!(config.catalog.readonly);
    assert_eq!(config.catalog.orphan_strategy, OrphanStrategy::Keep);
    assert_eq!(config.backstitch.ingest.max_entity_bytes, 20);
    assert_eq!(config.backstitch.ingest.removal_hold, RemovalHold::Beyond { share: 0.5, minimum: 10 });
    assert_eq!(config.backstitch.data_dir, PathBuf::from("/var/lib/backstitch"));
    assert_eq!(config.backstitch.history.retention, Duration::from_secs(30 * 24 * 60 * 60));
}

#[test]
fn intervals_are_what_people_write() {
    let interval = |text: &str| {
        check(&format!("catalog: {{processingInterval: {text}}}"), &[]).catalog.processing_interval
    };
    let between = |from, to| ProcessingInterval::Between(Duration::from_secs(from), Duration::from_secs(to));
    assert_eq!(interval("10m"), between(600, 900));
    assert_eq!(interval("PT1H"), between(3600, 5400));
    assert_eq!(interval("{ minutes: 1, seconds: '30' }"), between(90, 135));
    assert_eq!(interval("{ milliseconds: 10 }"), between(1, 1));
    assert_eq!(interval("false"), ProcessingInterval::Never);
    assert_eq!(ProcessingInterval::default(), between(100, 150));
}

#[test]
fn rules_can_ask_for_a_type_and_a_location() {
    let config = check(
        "catalog: {rules: [{allow: [API, {kind: Component, spec.type: service}], \
         locations: [{type: url, pattern: 'https://git.example/**'}, {type: file}]}]}",
        &[],
    );
    let rules = config.catalog.rules().expect("the rules can be used");
    let (here, file) = (LocationRef::new("url", "https://git.example/a/b"), LocationRef::new("file", "/a"));
    let elsewhere = LocationRef::new("url", "https://else.example/a");
    assert!(rules.allows("Component", Some("service"), &here));
    assert!(!rules.allows("Component", Some("library"), &here));
    assert!(rules.allows("API", None, &file));
    assert!(!rules.allows("API", None, &elsewhere));
}

#[test]
fn a_wrong_value_is_named_with_file_line_and_key() {
    check_error(
        "catalog:\n  orphanStrategy: drop\n",
        "app-config.yaml:2: catalog.orphanStrategy: must be \"delete\" or \"keep\", not \"drop\"",
    );
    check_error(
        "catalog:\n  locations:\n    - type: url\n",
        "app-config.yaml:3: catalog.locations[0]: `target` is missing",
    );
    check_error(
        "catalog:\n  processingInterval: often\n",
        "app-config.yaml:2: catalog.processingInterval: \"often\" is not a duration such as 10m, PT1H or { minutes: 10 }",
    );
    check_error(
        "catalog:\n  processingInterval: {minutes: ten}\n",
        "app-config.yaml:2: catalog.processingInterval.minutes: must be a number",
    );
    check_error(
        "catalog:\n  readonly: [1]\n",
        "app-config.yaml:2: catalog.readonly: true or false is expected, not a list",
    );
    check_error(
        "catalog:\n  rules:\n    - allow: [API]\n      locations:\n        - type: url\n          exact: a\n          pattern: b\n",
        "app-config.yaml:2: catalog.rules: a location of a catalog rule cannot have both `exact` and `pattern`: a",
    );
    check_error(
        "backend:\n  listen:\n    port: 700070\n",
        "app-config.yaml:3: backend.listen.port: must be a number from 0 to 65535",
    );
    check_error(
        "a: 1\nb: [\n",
        "app-config.yaml:3: not valid YAML: while parsing a node, did not find expected node content",
    );
}

#[test]
fn an_unknown_key_of_ours_stops_the_start_and_names_the_nearest() {
    check_error(
        "backstitch:\n  ingest:\n    removalhold: false\n",
        "app-config.yaml:3: backstitch.ingest.removalhold is not a setting; did you mean backstitch.ingest.removalHold?",
    );
    check_error(
        "backstitch:\n  ingest:\n    removalHold: { shar: 0.3 }\n",
        "app-config.yaml:3: backstitch.ingest.removalHold.shar is not a setting; did you mean backstitch.ingest.removalHold.share?",
    );
    let error = load_files(&[], &[("BACKSTITCH_STITCHR__X", "1")]).expect_err("no such stage");
    assert_eq!(
        error.to_string(),
        "environment variable BACKSTITCH_STITCHR__X: backstitch.stitchr is not a setting; did you mean backstitch.stitcher?"
    );
}

#[test]
fn secrets_are_never_shown() {
    let config = check(
        "integrations: {gitlab: [{host: git.example, token: glpat-1}]}\nbackstitch: {database: 'postgres://a:hunter2@db/x'}",
        &[],
    );
    let shown = format!("{config:?}");
    assert!(!shown.contains("glpat-1") && !shown.contains("hunter2"), "{shown}");
    let error = load_files(&[("app-config.yaml", "backstitch: {database: 'mysql://a:hunter2@db/x'}")], &[]);
    let error = error.expect_err("not Postgres").to_string();
    assert!(error.contains("backstitch.database") && !error.contains("hunter2"), "{error}");
}

#[test]
fn a_key_that_nobody_knows_is_a_warning() {
    let config = check("catalog: {locatons: [], processorOptions: {a: {disabled: true}}}", &[]);
    assert_eq!(config.warnings, ["catalog.locatons is not a setting of the catalog; it has no effect"]);
    assert_eq!(config.unsupported, ["catalog.processorOptions is not supported yet; it has no effect"]);
}

const CLUSTER: &str = "backstitch:\n  kinds:\n    - kind: Cluster\n      apiVersions: [acme.example/v1]\n      \
                       schema: ../kinds/cluster.json\n      relations:\n        - field: owner\n          forward: \
                       FORWARD\n          reverse: ownerOf\n";

#[test]
fn a_kind_names_its_schema_relative_to_the_file_it_stands_in() {
    let schema = r#"{"required": ["region"], "properties": {"owner": {"pattern": "^[a-z]$"}}}"#;
    let text = CLUSTER.replace("FORWARD", "ownedBy");
    let files = [("conf/app-config.yaml", text.as_str()), ("kinds/cluster.json", schema)];
    let read = |path: &Path| {
        let found = files.iter().find(|(name, _)| {
            absolute(Path::new("/"), &path.display().to_string()) == format!("/site/{name}")
        });
        found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| io::ErrorKind::NotFound.into())
    };
    let names = [PathBuf::from("conf/app-config.yaml")];
    let env = BTreeMap::new();
    let config = load(&Inputs { files: &names, env: &env, cwd: Path::new("/site"), read: &read }).unwrap();
    assert_eq!(config.backstitch.kinds[0].schema["required"][0], "region");
    let model = config.backstitch.model().unwrap();
    assert_eq!(model.kind_names().last(), Some(&"Cluster"));
}

#[test]
fn a_kind_that_cannot_be_used_is_refused_with_its_line() {
    let inline = CLUSTER.replace("../kinds/cluster.json", "{properties: {owner: {type: string}}}");
    check_error(
        &inline.replace("FORWARD", "\"owned by\""),
        "app-config.yaml:8: backstitch.kinds[0].relations[0].forward: `owned by` is not valid; use letters, digits \
         and `_`, such as `ownedBy`",
    );
    check_error(
        &inline.replace("FORWARD", "ownedBy").replace("string", "text"),
        "app-config.yaml:5: backstitch.kinds[0].schema: not a JSON Schema: at /properties/spec/properties/owner/type: \
         \"text\" is not valid under any of the schemas listed in the 'anyOf' keyword; it has to be a \
         self-contained JSON Schema (draft-07) of `spec`",
    );
    check_error(
        &inline.replace("FORWARD", "ownedBy").replace("Cluster", "component"),
        "app-config.yaml:3: backstitch.kinds[0].kind: refs ignore case, so `component` would have the refs of \
         Component; write `kind: Component`, or choose another name",
    );
    check_error(
        &inline.replace("FORWARD", "ownedBy").replace("reverse", "revers"),
        "app-config.yaml:9: backstitch.kinds[0].relations[0].revers is not a setting; did you mean \
         backstitch.kinds[0].relations[0].reverse?",
    );
}

#[test]
fn what_is_wrong_with_a_git_host_names_its_place() {
    check_error(
        "integrations:\n  github: [{host: 5}]\n",
        "app-config.yaml:2: integrations.github[0].host: a host such as github.example.com or \
         git.example.com:8443 is expected",
    );
    check_error(
        "integrations:\n  github:\n    - host: github.com\n      apps:\n        - {appId: 1, privateKey: x}\n",
        "app-config.yaml:5: integrations.github[0].apps[0].privateKey: is not an RSA private key in PEM form, as \
         GitHub gives it for download (`-----BEGIN RSA PRIVATE KEY-----`)",
    );
    check_error(
        "integrations: {gitea: [{host: git.example, baseUrl: git.example}]}",
        "app-config.yaml:1: integrations.gitea[0].baseUrl: \"git.example\" is not an address such as \
         https://git.example.com/api/v3",
    );
}

#[test]
fn the_documented_kinds_are_good() {
    let manual = include_str!("../../docs/ENTITY-MODEL.md");
    let blocks = manual.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let inline = blocks.filter(|block| block.starts_with("backstitch:") && !block.contains("schema.json"));
    let kinds: Vec<_> = inline.flat_map(|block| check(block, &[]).backstitch.kinds).collect();
    assert_eq!(
        kinds.iter().map(|kind| kind.kind.as_str()).collect::<Vec<_>>(),
        ["API", "AiResource", "AiResource"]
    );
    assert!(kinds.iter().all(|kind| kind.relations.len() >= 2));
}

#[test]
fn a_product_that_cannot_be_read_is_named() {
    let config = check("integrations: {gerrit: [{host: gerrit.example}]}", &[]);
    assert_eq!(
        config.unsupported,
        ["integrations.gerrit is not supported; what its URLs list will be missing"]
    );
}
