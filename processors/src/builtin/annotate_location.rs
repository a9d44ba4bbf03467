//! Writes down where an entity comes from, and where people can see and edit it.

use backstitch_schemas::{LocationRef, Problem, is_script_url, scm::Hosts};
use serde_json::{Map, Value};

use crate::{Context, Emitter, Processor};

/// What stands in the place of a link that a browser would run as a script.
const REJECTED: &str = "https://backstage.io/annotation-rejected-for-security-reasons";

const MANAGED_BY: &str = "backstage.io/managed-by-location";
const MANAGED_BY_ORIGIN: &str = "backstage.io/managed-by-origin-location";

/// Location annotations. What the source says wins, except that a listed document cannot claim to
/// stand elsewhere than it does.
#[derive(Debug, Default)]
pub struct AnnotateLocation {
    /// The git hosts whose URLs are understood.
    pub hosts: Hosts,
}

impl AnnotateLocation {
    fn links(&self, location: &LocationRef) -> Vec<(&'static str, String)> {
        let mut annotations = Vec::new();
        if location.kind == "url" {
            annotations.push(("backstage.io/view-url", location.target.clone()));
            if let Some(links) = self.hosts.links(&location.target) {
                annotations.extend(links.edit.map(|edit| ("backstage.io/edit-url", edit)));
                annotations.push(("backstage.io/source-location", format!("url:{}", links.source)));
            }
        }
        annotations
    }
}

impl Processor for AnnotateLocation {
    fn name(&self) -> &'static str {
        "AnnotateLocationEntityProcessor"
    }

    fn settings(&self) -> String {
        format!("{:?}", self.hosts)
    }

    fn pre_process(&self, mut entity: Value, context: &Context<'_>) -> Result<Value, Vec<Problem>> {
        let metadata = entity.get_mut("metadata").and_then(Value::as_object_mut);
        let annotations = metadata.map(|m| m.entry("annotations").or_insert_with(|| Map::new().into()));
        // Anything but a mapping is for the checks to complain about.
        if let Some(Value::Object(present)) = annotations {
            for (name, place) in [(MANAGED_BY, context.location), (MANAGED_BY_ORIGIN, context.origin)] {
                if context.listed || !present.contains_key(name) {
                    present.insert(name.to_owned(), place.to_string().into());
                }
            }
            for (name, value) in self.links(context.location) {
                present.entry(name).or_insert_with(|| value.into());
            }
        }
        Ok(entity)
    }

    fn post_process(
        &self,
        mut entity: Value,
        _: &Context<'_>,
        _: &mut Emitter,
    ) -> Result<Value, Vec<Problem>> {
        for name in ["backstage.io/view-url", "backstage.io/edit-url"] {
            let annotation = entity["metadata"]["annotations"].get_mut(name);
            if let Some(link) = annotation.filter(|link| link.as_str().is_some_and(is_script_url)) {
                *link = REJECTED.into();
            }
        }
        Ok(entity)
    }
}
