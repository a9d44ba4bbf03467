//! The cases that break catalogs which were only ever tried with ordinary ones.

use serde_json::{Map, Value, json};

/// Members of the very large group.
const MEMBERS: usize = 10_000;
/// Bytes of the huge definition.
const DEFINITION_BYTES: usize = 2_000_000;
/// Length of the chain of dependencies.
const CHAIN: usize = 1_000;
/// Namespaces.
const NAMESPACES: usize = 50;
/// Annotations of the one entity that has many.
const ANNOTATIONS: usize = 200;

pub(crate) fn entities() -> Vec<Value> {
    let mut entities = vec![large_group(), huge_definition(), many_annotations()];
    entities.extend((0..MEMBERS).map(member));
    entities.extend((0..CHAIN).map(|i| component(&format!("chain-{i:04}"), "default", chain_link(i, CHAIN))));
    entities.extend(
        (0..3).map(|i| component(&format!("ring-{i}"), "default", format!("component:ring-{}", (i + 1) % 3))),
    );
    entities
        .extend((0..NAMESPACES).map(|i| {
            component("same-name", &format!("space-{i:02}"), "component:default/ring-0".to_owned())
        }));
    entities
}

fn chain_link(index: usize, length: usize) -> String {
    format!("component:chain-{:04}", (index + 1).min(length - 1))
}

fn component(name: &str, namespace: &str, depends_on: String) -> Value {
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "type": "service", "lifecycle": "production", "owner": "group:default/everybody",
            "dependsOn": [depends_on],
        },
    })
}

fn large_group() -> Value {
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Group",
        "metadata": {"name": "everybody"},
        "spec": {"type": "organization", "children": []},
    })
}

fn member(index: usize) -> Value {
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "User",
        "metadata": {"name": format!("member-{index:05}")},
        "spec": {"memberOf": ["everybody"]},
    })
}

fn huge_definition() -> Value {
    let line = "# one of very many lines of a generated definition\n";
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "API",
        "metadata": {"name": "huge-definition"},
        "spec": {
            "type": "openapi", "lifecycle": "production", "owner": "everybody",
            "definition": line.repeat(DEFINITION_BYTES / line.len()),
        },
    })
}

fn many_annotations() -> Value {
    let annotations: Map<String, Value> =
        (0..ANNOTATIONS).map(|i| (format!("example.com/note-{i:03}"), format!("value {i}").into())).collect();
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": "many-annotations", "annotations": annotations},
        "spec": {"type": "service", "lifecycle": "production", "owner": "everybody"},
    })
}
