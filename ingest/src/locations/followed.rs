//! Whether a claim on a Location is followed, and as what.

use backstitch_schemas::{
    ClaimKey, LocationRef, Problem, change::Content, model, model::Model, placeholder, rules::Rules,
};
use serde_json::Value;

use crate::FollowedLocation;

/// What to follow for a claim on a Location.
///
/// These are the checks of processing: a Location that processing would reject is not followed, and
/// one that `catalog.rules` refuse neither. The rules apply to what a Location lists, not to what
/// a provider submits itself.
///
/// # Errors
/// With the first problem that processing would report. What the Location listed before is then
/// unknown, not gone, unless the rules refuse it ([`Problem::name`] is `NotAllowedError`).
pub fn followed_from(
    claim: &ClaimKey,
    content: &Content,
    rules: &Rules,
    model: &Model,
) -> Result<FollowedLocation, Problem> {
    let entity: Value = serde_json::from_str(&content.entity)
        .map_err(|cause| Problem::input(format!("the entity is no JSON: {cause}")))?;
    if claim.listing.is_some() {
        rules.admit(&entity, &claim.entity_ref, &content.location, &content.origin)?;
    }
    let entity = substituted(entity, content)?;
    let checked = model::check(model, &entity);
    if let Some(violation) = checked.violations.into_iter().next() {
        return Err(violation.problem);
    }
    let location = location_ref(&content.location)?;
    let spec = &checked.entity["spec"];
    Ok(FollowedLocation {
        entity_ref: claim.entity_ref.clone(),
        document: claim.document().into(),
        origin: location_ref(&content.origin)?,
        target_kind: spec["type"].as_str().unwrap_or(&location.kind).to_owned(),
        targets: targets(spec),
        required: spec["presence"] != "optional",
        location,
    })
}

fn substituted(entity: Value, content: &Content) -> Result<Value, Problem> {
    let contents = content.substitutions.iter().map(|substitution| {
        let error = substitution.error.as_deref().unwrap_or("nothing was read there");
        (substitution.value.as_str(), substitution.text.as_deref().ok_or(error))
    });
    placeholder::substitute(entity, &contents.collect())
        .map_err(|problems| problems.into_iter().next().expect("a failed substitution has a problem"))
}

fn targets(spec: &Value) -> Vec<String> {
    let more = spec["targets"].as_array().into_iter().flatten();
    let all = std::iter::once(&spec["target"]).chain(more);
    all.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn location_ref(text: &str) -> Result<LocationRef, Problem> {
    LocationRef::parse(text).map_err(|error| Problem::input(error.to_string()))
}

#[cfg(test)]
mod tests {
    use backstitch_schemas::{EntityRef, Listing, ProviderName, canonical};
    use serde_json::json;

    use super::*;

    fn content(spec: Value) -> Content {
        let entity = json!({
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Location",
            "metadata": {"name": "root"},
            "spec": spec,
        });
        Content {
            entity: canonical::to_string(&entity),
            location: "file:/srv/root.yaml".to_owned(),
            origin: "url:https://host/root.yaml".to_owned(),
            position: None,
            substitutions: Vec::new(),
            listing_errors: Vec::new(),
        }
    }

    fn claim(listed: bool) -> ClaimKey {
        let (root, provider) = (EntityRef::new("location", None, "root"), ProviderName::new("p"));
        if !listed {
            return ClaimKey::own(root, provider);
        }
        let parent = EntityRef::new("location", None, "parent");
        let listing = Listing { location: parent, document: "".into(), listed: "file:/srv/root.yaml".into() };
        ClaimKey::listed(root, provider, listing)
    }

    fn follow(listed: bool, spec: Value, rules: Rules) -> Result<FollowedLocation, Problem> {
        followed_from(&claim(listed), &content(spec), &rules, &Model::builtin())
    }

    #[test]
    fn a_sound_location_is_followed_with_its_defaults() {
        let spec = json!({"target": "./a.yaml", "targets": ["./b.yaml", "/c.yaml"]});
        let followed = follow(true, spec, Rules::default()).unwrap();
        assert_eq!(followed.target_kind, "file");
        assert_eq!(followed.targets, ["./a.yaml", "./b.yaml", "/c.yaml"]);
        assert_eq!(&*followed.document, "file:/srv/root.yaml");
        assert!(followed.required);
        let spec = json!({"type": "url", "presence": "optional"});
        let followed = follow(false, spec, Rules::default()).unwrap();
        assert_eq!(
            (followed.target_kind.as_str(), &*followed.document, followed.required),
            ("url", "", false)
        );
    }

    #[test]
    fn what_the_rules_refuse_is_not_followed_unless_a_provider_submits_it_itself() {
        let none = || Rules::new(Some(&[])).unwrap();
        let refusal = follow(true, json!({"target": "./a.yaml"}), none()).unwrap_err();
        assert_eq!(refusal.name, "NotAllowedError");
        assert!(follow(false, json!({"target": "./a.yaml"}), none()).is_ok());
    }

    #[test]
    fn what_processing_would_reject_is_not_followed() {
        let problem = follow(false, json!({"target": 1}), Rules::default()).unwrap_err();
        assert_eq!(problem.path.as_deref(), Some("/spec/target"));
        let unread = json!({"target": {"$text": "./a"}});
        assert!(follow(false, unread, Rules::default()).unwrap_err().message.contains("$text"));
    }
}
