//! The kinds that a Backstage catalog knows by itself.

use super::{
    kinds::{KindModel, RelationField},
    schema::Schema,
};

const CORE_VERSIONS: &[&str] = &["backstage.io/v1alpha1", "backstage.io/v1beta1"];
const CORE_PROCESSOR: &str = "BuiltinKindsEntityProcessor";

/// Field, default kind, forward, reverse.
type Row = (&'static str, Option<&'static str>, &'static str, &'static str);

const OWNER: Row = ("owner", Some("Group"), "ownedBy", "ownerOf");
const SYSTEM: Row = ("system", Some("System"), "partOf", "hasPart");
const DEPENDS_ON: Row = ("dependsOn", None, "dependsOn", "dependencyOf");
const DEPENDENCY_OF: Row = ("dependencyOf", None, "dependencyOf", "dependsOn");

/// The nine kinds, in the order in which they are told.
pub(super) fn builtin_kinds() -> Vec<KindModel> {
    let core = |kind, schema, rows: &[Row]| row(kind, CORE_VERSIONS, schema, rows, CORE_PROCESSOR);
    vec![
        core(
            "Component",
            include_str!("../../kinds/component.json"),
            &[
                OWNER,
                ("subcomponentOf", Some("Component"), "partOf", "hasPart"),
                ("providesApis", Some("API"), "providesApi", "apiProvidedBy"),
                ("consumesApis", Some("API"), "consumesApi", "apiConsumedBy"),
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
            &[("memberOf", Some("Group"), "memberOf", "hasMember")],
        ),
        core(
            "Group",
            include_str!("../../kinds/group.json"),
            &[
                ("parent", Some("Group"), "childOf", "parentOf"),
                ("children", Some("Group"), "parentOf", "childOf"),
                ("members", Some("User"), "hasMember", "memberOf"),
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
            &["scaffolder.backstage.io/v1beta3", "backstage.io/v1beta2"],
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
        spec_type: None,
        schema: Schema::compile(schema).expect("our own schemas compile"),
        relations: rows.iter().map(relation_field).collect(),
        processor,
    }
}

fn relation_field(&(field, default_kind, forward, reverse): &Row) -> RelationField {
    RelationField {
        field: field.to_owned(),
        default_kind: default_kind.map(str::to_owned),
        default_namespace: None,
        forward: forward.to_owned(),
        reverse: reverse.to_owned(),
    }
}
