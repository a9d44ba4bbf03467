//! The table of kinds: which there are, how they are validated, and which relations they imply.
//!
//! Kinds are data. The built-in ones are read from `schemas/kinds/*.json` and the table below; an
//! installation can add its own rows.

use std::sync::{Arc, LazyLock};

use super::{formats::Formats, schema::Schema};

/// A kind of entity.
#[derive(Debug)]
pub struct KindModel {
    /// The kind in its exact spelling.
    pub kind: String,
    /// The API versions it is known in.
    pub api_versions: Vec<String>,
    /// What an entity of this kind has to look like, beyond what all kinds have in common.
    pub schema: Schema,
    /// The spec fields that relate it to other entities.
    pub relations: Vec<RelationField>,
    /// The processor that speaks for the kind in error texts.
    pub processor: &'static str,
}

/// A spec field that names other entities.
#[derive(Clone, Debug)]
pub struct RelationField {
    /// Name of the field in `spec`.
    pub field: String,
    /// Kind of a ref that gives none; without it such a ref is an error.
    pub default_kind: Option<String>,
    /// Type of the relation from the entity to the target.
    pub forward: String,
    /// Type of the relation from the target to the entity.
    pub reverse: String,
    /// Whether the field is a list. A lone text is taken for a list of one, and the reverse.
    pub many: bool,
}

/// All that is known about entities: field formats and kinds.
#[derive(Debug)]
pub struct Model {
    /// The rules for fields that all kinds have in common.
    pub formats: Formats,
    /// The kinds that are let in.
    pub kinds: Vec<KindModel>,
    fingerprint: String,
}

/// How a kind and an API version fit the table.
#[derive(Clone, Copy, Debug)]
pub enum Match<'a> {
    /// Known.
    Known(&'a KindModel),
    /// The kind is known, but not in this API version or not in this spelling.
    Near(&'a KindModel),
    /// No such kind.
    Unknown,
}

impl Model {
    /// The nine kinds that a Backstage catalog knows.
    pub fn builtin() -> Arc<Self> {
        static BUILTIN: LazyLock<Arc<Model>> = LazyLock::new(|| Arc::new(Model::new(builtin_kinds())));
        Arc::clone(&BUILTIN)
    }

    /// A model of the given kinds.
    pub fn new(kinds: Vec<KindModel>) -> Self {
        let described: Vec<_> = kinds.iter().map(KindModel::describe).collect();
        let fingerprint = crate::Digest::of(described.join("\n").as_bytes()).to_string();
        Self { formats: Formats::default(), kinds, fingerprint }
    }

    /// Looks a kind up.
    pub fn find(&self, kind: &str, api_version: &str) -> Match<'_> {
        let known = |model: &&KindModel| {
            model.kind == kind && model.api_versions.iter().any(|version| version == api_version)
        };
        if let Some(model) = self.kinds.iter().find(known) {
            return Match::Known(model);
        }
        let near = self.kinds.iter().find(|model| model.kind.eq_ignore_ascii_case(kind));
        near.map_or(Match::Unknown, Match::Near)
    }

    /// A text that changes when the model does.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

impl KindModel {
    /// All that the outcome of processing depends on.
    fn describe(&self) -> String {
        let (kind, versions, schema) = (&self.kind, &self.api_versions, self.schema.json());
        format!("{kind} {versions:?} {schema} {:?} {}", self.relations, self.processor)
    }
}

const CORE_VERSIONS: &[&str] = &["backstage.io/v1alpha1", "backstage.io/v1beta1"];
const CORE_PROCESSOR: &str = "BuiltinKindsEntityProcessor";

/// Field, default kind, forward, reverse; a field in brackets is a list.
type Row = (&'static str, Option<&'static str>, &'static str, &'static str);

const OWNER: Row = ("owner", Some("Group"), "ownedBy", "ownerOf");
const SYSTEM: Row = ("system", Some("System"), "partOf", "hasPart");
const DEPENDS_ON: Row = ("[dependsOn]", None, "dependsOn", "dependencyOf");
const DEPENDENCY_OF: Row = ("[dependencyOf]", None, "dependencyOf", "dependsOn");

fn builtin_kinds() -> Vec<KindModel> {
    let core = |kind, schema, rows: &[Row]| row(kind, CORE_VERSIONS, schema, rows, CORE_PROCESSOR);
    vec![
        core(
            "Component",
            include_str!("../../kinds/component.json"),
            &[
                OWNER,
                ("subcomponentOf", Some("Component"), "partOf", "hasPart"),
                ("[providesApis]", Some("API"), "providesApi", "apiProvidedBy"),
                ("[consumesApis]", Some("API"), "consumesApi", "apiConsumedBy"),
                DEPENDS_ON,
                DEPENDENCY_OF,
                SYSTEM,
            ],
        ),
        core("API", include_str!("../../kinds/api.json"), &[OWNER, SYSTEM]),
        core(
            "Resource",
            include_str!("../../kinds/resource.json"),
            &[OWNER, DEPENDS_ON, DEPENDENCY_OF, SYSTEM],
        ),
        core(
            "User",
            include_str!("../../kinds/user.json"),
            &[("[memberOf]", Some("Group"), "memberOf", "hasMember")],
        ),
        core(
            "Group",
            include_str!("../../kinds/group.json"),
            &[
                ("parent", Some("Group"), "childOf", "parentOf"),
                ("[children]", Some("Group"), "parentOf", "childOf"),
                ("[members]", Some("User"), "hasMember", "memberOf"),
            ],
        ),
        core(
            "System",
            include_str!("../../kinds/system.json"),
            &[OWNER, ("domain", Some("Domain"), "partOf", "hasPart")],
        ),
        core(
            "Domain",
            include_str!("../../kinds/domain.json"),
            &[OWNER, ("subdomainOf", Some("Domain"), "partOf", "hasPart")],
        ),
        core("Location", include_str!("../../kinds/location.json"), &[]),
        row(
            "Template",
            &["scaffolder.backstage.io/v1beta3"],
            include_str!("../../kinds/template.json"),
            &[OWNER],
            "ScaffolderEntitiesProcessor",
        ),
    ]
}

fn row(kind: &str, versions: &[&str], schema: &str, rows: &[Row], processor: &'static str) -> KindModel {
    KindModel {
        kind: kind.to_owned(),
        api_versions: versions.iter().map(|&version| version.to_owned()).collect(),
        schema: Schema::compile(schema).expect("our own schemas compile"),
        relations: rows.iter().map(relation_field).collect(),
        processor,
    }
}

fn relation_field(&(field, default_kind, forward, reverse): &Row) -> RelationField {
    let list = field.strip_prefix('[').and_then(|field| field.strip_suffix(']'));
    RelationField {
        field: list.unwrap_or(field).to_owned(),
        default_kind: default_kind.map(str::to_owned),
        forward: forward.to_owned(),
        reverse: reverse.to_owned(),
        many: list.is_some(),
    }
}
