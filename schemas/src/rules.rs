//! `catalog.rules`: which kinds may come from where.
//!
//! There are only rules that allow. They apply to what a Location lists, by the place whose
//! registration led there; what a provider submits itself is not subject to them.

use globset::{GlobBuilder, GlobMatcher};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{EntityRef, LocationRef, Problem};

/// One entry of `catalog.rules`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// What may come in.
    pub allow: Vec<AllowConfig>,
    /// From where; absent is everywhere, an empty list nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locations: Option<Vec<PlaceConfig>>,
}

/// A kind, or a kind with a `spec.type`. Case makes no difference.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum AllowConfig {
    /// Every entity of the kind.
    Kind(String),
    /// Entities of the kind with this `spec.type`.
    Typed {
        /// The kind.
        kind: String,
        /// The type.
        #[serde(rename = "spec.type", default, skip_serializing_if = "Option::is_none")]
        spec_type: Option<String>,
    },
}

/// A set of locations: a type, and at most one of an exact target and a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceConfig {
    /// `url`, `file`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The target to the letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<String>,
    /// A glob for the target: `*` stays within a path segment, `**` does not; case makes no difference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
}

/// Why rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// Both ways of saying the target.
    #[error("a location of a catalog rule cannot have both `exact` and `pattern`: {0}")]
    Both(String),
    /// No glob.
    #[error("the pattern `{pattern}` of a catalog rule cannot be used")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        #[source]
        cause: globset::Error,
    },
}

/// What an added location may bring in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// Every kind: what a person named on the command line.
    All,
    /// The kinds of these rules.
    Rules(Vec<AllowConfig>),
}

/// The rules in force.
#[derive(Clone, Debug)]
pub struct Rules {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    allow: Allowance,
    /// `None` is everywhere.
    places: Option<Vec<Place>>,
}

#[derive(Clone, Debug)]
struct Place {
    kind: String,
    target: Target,
}

#[derive(Clone, Debug)]
enum Target {
    Any,
    Exact(String),
    Pattern(GlobMatcher),
}

impl Default for Rules {
    /// Backstage's default: Component, API and Location, from anywhere.
    fn default() -> Self {
        let kinds = ["Component", "API", "Location"].map(|kind| AllowConfig::Kind(kind.to_owned()));
        Self { rules: vec![Rule { allow: Allowance::Rules(kinds.to_vec()), places: None }] }
    }
}

impl Rules {
    /// The rules of `catalog.rules`; without the key the default ones.
    ///
    /// # Errors
    /// If a location has both an exact target and a pattern, or a pattern that is no glob.
    pub fn new(config: Option<&[RuleConfig]>) -> Result<Self, RulesError> {
        let Some(config) = config else { return Ok(Self::default()) };
        let rules = config.iter().map(Rule::new).collect::<Result<_, _>>()?;
        Ok(Self { rules })
    }

    /// Rules that let everything in, from anywhere.
    pub fn everything() -> Self {
        Self { rules: vec![Rule { allow: Allowance::All, places: None }] }
    }

    /// The same rules without their places: what may come in from somewhere.
    pub fn from_anywhere(mut self) -> Self {
        self.rules.retain(|rule| rule.places.as_ref().is_none_or(|places| !places.is_empty()));
        self.rules.iter_mut().for_each(|rule| rule.places = None);
        self
    }

    /// Adds what exactly this location may bring in besides.
    pub fn add_location(&mut self, location: &LocationRef, allow: Allowance) {
        let place = Place { kind: location.kind.clone(), target: Target::Exact(location.target.clone()) };
        self.rules.push(Rule { allow, places: Some(vec![place]) });
    }

    /// Whether an entity of this kind and `spec.type` may come from a place whose registration
    /// was of `origin`.
    pub fn allows(&self, kind: &str, spec_type: Option<&str>, origin: &LocationRef) -> bool {
        self.rules.iter().any(|rule| rule.is_for(origin) && rule.allow.covers(kind, spec_type))
    }

    /// Lets `entity` in, or says which rule is missing.
    ///
    /// # Errors
    /// With the problem that Backstage reports.
    pub fn admit(
        &self,
        entity: &Value,
        entity_ref: &EntityRef,
        location: &str,
        origin: &str,
    ) -> Result<(), Problem> {
        let kind = entity.get("kind").and_then(Value::as_str).unwrap_or_default();
        let spec_type = entity.pointer("/spec/type").and_then(Value::as_str);
        let place = LocationRef::parse(origin).unwrap_or_else(|_| LocationRef::new("", origin));
        if self.allows(kind, spec_type, &place) {
            return Ok(());
        }
        let message = format!(
            "Entity {entity_ref} at {location}, originated at {origin}, is not of an allowed kind for that \
             location"
        );
        let why = match self.rules.iter().any(|rule| rule.allow.covers(kind, spec_type)) {
            true => format!("the kind {kind} may not come from {origin}"),
            false => format!("no rule lets the kind {kind} in"),
        };
        let advice = format!(
            "{why}; add `rules: [{{allow: [{kind}]}}]` to the entry of `catalog.locations` that leads here, or `- \
             allow: [{kind}]` to `catalog.rules`"
        );
        Err(Problem::new("NotAllowedError", message).with_advice(advice).at_path("/kind"))
    }

    /// A text that is the same for the same rules, whatever their order.
    pub fn fingerprint(&self) -> String {
        let mut rules: Vec<_> = self.rules.iter().map(Rule::describe).collect();
        rules.sort();
        rules.dedup();
        rules.join("\n")
    }
}

impl Rule {
    fn new(config: &RuleConfig) -> Result<Self, RulesError> {
        let places = config.locations.as_ref();
        let places = places.map(|places| places.iter().map(Place::new).collect()).transpose()?;
        Ok(Self { allow: Allowance::Rules(config.allow.clone()), places })
    }

    fn is_for(&self, origin: &LocationRef) -> bool {
        self.places.as_ref().is_none_or(|places| places.iter().any(|place| place.has(origin)))
    }

    fn describe(&self) -> String {
        let mut allow = match &self.allow {
            Allowance::All => vec!["all".to_owned()],
            Allowance::Rules(allow) => allow.iter().map(AllowConfig::describe).collect(),
        };
        allow.sort();
        let places = self.places.as_ref().map(|places| {
            let mut places: Vec<_> = places.iter().map(Place::describe).collect();
            places.sort();
            places
        });
        serde_json::json!([allow, places]).to_string()
    }
}

impl Allowance {
    fn covers(&self, kind: &str, spec_type: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Rules(allow) => allow.iter().any(|allow| allow.covers(kind, spec_type)),
        }
    }
}

impl AllowConfig {
    fn parts(&self) -> (&str, Option<&str>) {
        match self {
            Self::Kind(kind) => (kind, None),
            Self::Typed { kind, spec_type } => (kind, spec_type.as_deref()),
        }
    }

    fn covers(&self, kind: &str, spec_type: Option<&str>) -> bool {
        let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
        let (allowed, wanted) = self.parts();
        same(allowed, kind) && wanted.is_none_or(|wanted| spec_type.is_some_and(|given| same(wanted, given)))
    }

    fn describe(&self) -> String {
        let (kind, spec_type) = self.parts();
        format!("{}/{}", kind.to_lowercase(), spec_type.unwrap_or("*").to_lowercase())
    }
}

impl Place {
    fn new(config: &PlaceConfig) -> Result<Self, RulesError> {
        let target = match (&config.exact, &config.pattern) {
            (Some(exact), Some(_)) => return Err(RulesError::Both(exact.clone())),
            (Some(exact), None) => Target::Exact(exact.clone()),
            (None, Some(pattern)) => Target::Pattern(glob(pattern)?),
            (None, None) => Target::Any,
        };
        Ok(Self { kind: config.kind.clone(), target })
    }

    fn has(&self, location: &LocationRef) -> bool {
        self.kind == location.kind
            && match &self.target {
                Target::Any => true,
                Target::Exact(exact) => *exact == location.target,
                Target::Pattern(glob) => glob.is_match(&location.target),
            }
    }

    fn describe(&self) -> String {
        match &self.target {
            Target::Any => self.kind.clone(),
            Target::Exact(exact) => format!("{}:={exact}", self.kind),
            Target::Pattern(glob) => format!("{}:~{}", self.kind, glob.glob()),
        }
    }
}

fn glob(pattern: &str) -> Result<GlobMatcher, RulesError> {
    let glob = GlobBuilder::new(pattern).literal_separator(true).case_insensitive(true).build();
    let glob = glob.map_err(|cause| RulesError::Pattern { pattern: pattern.to_owned(), cause })?;
    Ok(glob.compile_matcher())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules(config: Value) -> Rules {
        let config: Vec<RuleConfig> = serde_json::from_value(config).unwrap();
        Rules::new(Some(&config)).unwrap()
    }

    fn url(target: &str) -> LocationRef {
        LocationRef::new("url", target)
    }

    #[test]
    fn by_default_components_apis_and_locations_come_in() {
        let rules = Rules::new(None).unwrap();
        for (kind, allowed) in [("component", true), ("API", true), ("Location", true), ("Group", false)] {
            assert_eq!(rules.allows(kind, None, &url("https://a/b")), allowed, "{kind}");
        }
        assert!(
            !self::rules(json!([])).allows("Component", None, &url("x")),
            "an empty list lets nothing in"
        );
    }

    #[test]
    fn patterns_are_globs_without_case() {
        let rules = rules(json!([{
            "allow": ["Group"],
            "locations": [{"type": "url", "pattern": "https://github.com/org/*/blob/**"}],
        }]));
        assert!(rules.allows("Group", None, &url("https://GitHub.com/org/x/blob/main/.a/org.yaml")));
        assert!(!rules.allows("Group", None, &url("https://github.com/org/x/y/blob/main/org.yaml")));
        assert!(!rules.allows("Group", None, &LocationRef::new("file", "https://github.com/org/x/blob/y")));
    }

    #[test]
    fn a_type_may_be_asked_for() {
        let rules = rules(json!([{"allow": [{"kind": "Component", "spec.type": "Service"}]}]));
        assert!(rules.allows("component", Some("service"), &url("x")));
        assert!(!rules.allows("component", Some("library"), &url("x")));
        assert!(!rules.allows("component", None, &url("x")));
    }

    #[test]
    fn an_added_location_brings_in_what_it_may_and_nothing_else() {
        let mut rules = Rules::default();
        rules.add_location(&LocationRef::new("file", "/a"), Allowance::All);
        assert!(rules.allows("Anything", None, &LocationRef::new("file", "/a")));
        assert!(!rules.allows("Anything", None, &LocationRef::new("file", "/a/b")));
    }

    #[test]
    fn rules_without_their_places_say_what_may_come_in_from_somewhere() {
        let rules = rules(json!([
            {"allow": ["Group"], "locations": [{"type": "url", "exact": "https://a/b"}]},
            {"allow": ["User"], "locations": []},
        ]));
        let rules = rules.from_anywhere();
        let here = LocationRef::new("file", "/a");
        assert!(rules.allows("Group", None, &here));
        assert!(!rules.allows("User", None, &here), "an empty list of places is nowhere");
        assert!(!rules.allows("System", None, &here));
    }

    #[test]
    fn exact_and_pattern_exclude_each_other() {
        let config = json!([{"allow": [], "locations": [{"type": "url", "exact": "a", "pattern": "b"}]}]);
        let config: Vec<RuleConfig> = serde_json::from_value(config).unwrap();
        assert!(matches!(Rules::new(Some(&config)), Err(RulesError::Both(_))));
    }

    #[test]
    fn a_refusal_names_the_rule_that_is_missing() {
        let group = EntityRef::new("group", None, "a");
        let refusal = Rules::default()
            .admit(&json!({"kind": "Group"}), &group, "url:https://a/b", "url:https://a")
            .unwrap_err();
        assert_eq!(
            refusal.message,
            "Entity group:default/a at url:https://a/b, originated at url:https://a, is not of an allowed kind \
             for that location"
        );
        assert!(refusal.advice.unwrap().contains("`- allow: [Group]` to `catalog.rules`"));
    }

    #[test]
    fn the_fingerprint_does_not_depend_on_order() {
        let one = rules(json!([{"allow": ["A", "b"]}, {"allow": ["C"]}])).fingerprint();
        let other = rules(json!([{"allow": ["c"]}, {"allow": ["B", "a"]}])).fingerprint();
        assert_eq!(one, other);
        assert_ne!(one, Rules::default().fingerprint());
    }
}
