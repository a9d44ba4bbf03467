//! The table of kinds: which there are, how they are validated, and which relations they imply.
//!
//! Kinds are data. The built-in ones stand in `builtin.rs` and `schemas/kinds/*.json`; an
//! installation adds its own rows with `backstitch.kinds`.

use std::sync::{Arc, LazyLock};

use super::{builtin::builtin_kinds, formats::Formats, schema::Schema};

/// A kind of entity, or one of the forms that a kind has.
#[derive(Debug)]
pub struct KindModel {
    /// The kind in its exact spelling.
    pub kind: String,
    /// The API versions it is known in.
    pub api_versions: Vec<String>,
    /// The `spec.type` that an entity has to have for this row. A row without one takes what no other
    /// row takes.
    pub spec_type: Option<String>,
    /// What an entity of this kind has to look like, beyond what all kinds have in common.
    pub schema: Schema,
    /// The spec fields that relate it to other entities.
    pub relations: Vec<RelationField>,
    /// The processor that speaks for the kind in error texts.
    pub processor: &'static str,
}

/// A spec field that names other entities: one, or a list of them.
#[derive(Clone, Debug)]
pub struct RelationField {
    /// Names on the way from `spec` to the field, joined by dots. A list on the way is entered.
    pub field: String,
    /// Kind of a ref that gives none; without it such a ref is an error.
    pub default_kind: Option<String>,
    /// Namespace of a ref that gives none; without it, that of the entity.
    pub default_namespace: Option<String>,
    /// Type of the relation from the entity to the target.
    pub forward: String,
    /// Type of the relation from the target to the entity.
    pub reverse: String,
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

/// How kind, API version and `spec.type` fit the table.
#[derive(Clone, Debug)]
pub enum Match<'a> {
    /// Known.
    Known(&'a KindModel),
    /// The kind is known, but in these API versions.
    OtherVersion(Vec<&'a str>),
    /// Kind and API version are known, but for these values of `spec.type`.
    OtherType(Vec<&'a str>),
    /// The kind is known in this spelling.
    OtherSpelling(&'a str),
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

    /// Looks a kind up, by its exact spelling.
    pub fn find(&self, kind: &str, api_version: &str, spec_type: Option<&str>) -> Match<'_> {
        let named: Vec<_> = self.kinds.iter().filter(|row| row.kind == kind).collect();
        if named.is_empty() {
            let similar = self.kinds.iter().find(|row| row.kind.eq_ignore_ascii_case(kind));
            return similar.map_or(Match::Unknown, |row| Match::OtherSpelling(&row.kind));
        }
        let versioned: Vec<_> = named.iter().filter(|row| row.is_known_in(api_version)).copied().collect();
        if versioned.is_empty() {
            return Match::OtherVersion(each_once(named.iter().flat_map(|row| &row.api_versions)));
        }
        let of_type = |wanted: Option<&str>| versioned.iter().find(|row| row.spec_type.as_deref() == wanted);
        let exact = spec_type.and_then(|wanted| of_type(Some(wanted)));
        match exact.or_else(|| of_type(None)) {
            Some(row) => Match::Known(row),
            None => Match::OtherType(each_once(versioned.iter().filter_map(|row| row.spec_type.as_ref()))),
        }
    }

    /// The names of all kinds, each once, in the order of the table.
    pub fn kind_names(&self) -> Vec<&str> {
        each_once(self.kinds.iter().map(|row| &row.kind))
    }

    /// A text that changes when the model does.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

impl PartialEq for Model {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl KindModel {
    /// Whether the row is for this API version.
    pub fn is_known_in(&self, api_version: &str) -> bool {
        self.api_versions.iter().any(|known| known == api_version)
    }

    /// All that the outcome of processing depends on.
    fn describe(&self) -> String {
        let Self { kind, api_versions, spec_type, schema, relations, processor } = self;
        format!("{kind} {api_versions:?} {spec_type:?} {} {relations:?} {processor}", schema.json())
    }
}

/// The texts without repetitions, in their order.
pub(super) fn each_once<'a>(texts: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
    let mut once: Vec<&str> = Vec::new();
    for text in texts {
        if !once.contains(&text.as_str()) {
            once.push(text);
        }
    }
    once
}
