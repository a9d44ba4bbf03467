//! What an entity must meet to be seen: the conditions of a permission decision, checked, as a question to
//! the index and as a test on one entity.

use backstitch_schemas::EntityRef;
use serde_json::Value;

use super::Condition;
use crate::{
    index::{SearchRow, lower, relation_key, search_rows},
    query::{Predicate, Test},
};

/// The only resource type that we know.
pub(crate) const RESOURCE_TYPE: &str = "catalog-entity";

/// The relation that makes somebody an owner.
pub(crate) const OWNED_BY: &str = "ownedBy";

/// Checked conditions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Criteria {
    /// All of them.
    All(Vec<Criteria>),
    /// At least one of them.
    Any(Vec<Criteria>),
    /// Not this one.
    Not(Box<Criteria>),
    /// A row of this lower-cased key, if one is named with one of these lower-cased values.
    Row(String, Option<Vec<String>>),
    /// Owned by one of these refs, as written.
    Owner(Vec<String>),
}

/// Why conditions cannot be checked: always the fault of whoever made them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CriteriaError {
    /// They are not of the form that criteria have.
    #[error("the conditions are malformed: {0}")]
    Malformed(&'static str),
    /// They are about something else than entities.
    #[error("Unexpected resource types: {0}.")]
    ResourceType(String),
    /// There is no such rule.
    #[error("Permission rule '{0}' does not exist for resource type 'catalog-entity'")]
    UnknownRule(String),
    /// The rule needs other parameters.
    #[error("Parameters to rule are invalid: {rule} {what}")]
    Params {
        /// Which rule.
        rule: String,
        /// What it needs.
        what: &'static str,
    },
}

impl Criteria {
    /// Reads the conditions of a decision.
    ///
    /// # Errors
    /// If they are malformed, or name a rule that does not exist.
    pub(crate) fn parse(Condition(value): &Condition) -> Result<Self, CriteriaError> {
        Self::parse_value(value)
    }

    fn parse_value(value: &Value) -> Result<Self, CriteriaError> {
        let list = |items: &Value| {
            let items = items.as_array().filter(|items| !items.is_empty());
            let items = items.ok_or(CriteriaError::Malformed("allOf and anyOf need at least one item"))?;
            items.iter().map(Self::parse_value).collect::<Result<Vec<_>, _>>()
        };
        if let Some(items) = value.get("allOf") {
            Ok(Self::All(list(items)?))
        } else if let Some(items) = value.get("anyOf") {
            Ok(Self::Any(list(items)?))
        } else if let Some(item) = value.get("not") {
            Ok(Self::Not(Box::new(Self::parse_value(item)?)))
        } else {
            Self::parse_rule(value)
        }
    }

    fn parse_rule(value: &Value) -> Result<Self, CriteriaError> {
        let rule = value.get("rule").and_then(Value::as_str);
        let rule = rule.ok_or(CriteriaError::Malformed("a condition names a rule, allOf, anyOf or not"))?;
        let resource_type = value.get("resourceType").and_then(Value::as_str);
        if resource_type != Some(RESOURCE_TYPE) {
            return Err(CriteriaError::ResourceType(resource_type.unwrap_or_default().to_owned()));
        }
        let nothing = Value::Null;
        let params = Params { rule, members: value.get("params").unwrap_or(&nothing) };
        match rule {
            "HAS_ANNOTATION" => params.row("annotation", "metadata.annotations."),
            "HAS_LABEL" => params.row("label", "metadata.labels."),
            "HAS_METADATA" => params.row("key", "metadata."),
            "HAS_SPEC" => params.row("key", "spec."),
            "IS_ENTITY_KIND" => {
                let kinds = params.texts("kinds", "needs kinds, a list of texts")?;
                Ok(Self::Row("kind".to_owned(), Some(kinds.iter().map(|kind| lower(kind)).collect())))
            }
            "IS_ENTITY_OWNER" => Ok(Self::Owner(params.texts("claims", "needs claims, a list of texts")?)),
            other => Err(CriteriaError::UnknownRule(other.to_owned())),
        }
    }

    /// The question to the index.
    pub(crate) fn predicate(&self) -> Predicate {
        let all = |parts: &[Self]| parts.iter().map(Self::predicate).collect();
        match self {
            Self::All(parts) => Predicate::All(all(parts)),
            Self::Any(parts) => Predicate::Any(all(parts)),
            Self::Not(part) => Predicate::Not(Box::new(part.predicate())),
            Self::Row(key, None) => Predicate::Field(key.clone(), Test::Exists(true)),
            Self::Row(key, Some(values)) => Predicate::Field(key.clone(), Test::In(values.clone())),
            Self::Owner(claims) => {
                let claims = claims.iter().map(|claim| lower(claim)).collect();
                Predicate::Field(relation_key(OWNED_BY), Test::In(claims))
            }
        }
    }

    /// Whether one entity meets them, given its body and the refs that own it.
    pub(crate) fn is_met(&self, body: &Value, owners: &[EntityRef]) -> bool {
        self.is_met_by(&search_rows(body), owners)
    }

    fn is_met_by(&self, rows: &[SearchRow], owners: &[EntityRef]) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.is_met_by(rows, owners)),
            Self::Any(parts) => parts.iter().any(|part| part.is_met_by(rows, owners)),
            Self::Not(part) => !part.is_met_by(rows, owners),
            Self::Row(key, values) => rows.iter().filter(|row| row.key == *key).any(|row| match values {
                None => true,
                Some(values) => {
                    row.term.as_ref().is_some_and(|term| values.iter().any(|value| value == term.value()))
                }
            }),
            Self::Owner(claims) => {
                owners.iter().any(|owner| claims.iter().any(|claim| claim == owner.as_str()))
            }
        }
    }
}

/// The parameters of a rule.
struct Params<'a> {
    rule: &'a str,
    members: &'a Value,
}

impl Params<'_> {
    fn wrong(&self, what: &'static str) -> CriteriaError {
        CriteriaError::Params { rule: self.rule.to_owned(), what }
    }

    /// A key below `prefix`, and perhaps a value.
    fn row(&self, name: &str, prefix: &str) -> Result<Criteria, CriteriaError> {
        let key = self.members.get(name).and_then(Value::as_str);
        let key = key.ok_or_else(|| self.wrong("needs a key as text"))?;
        let values = match self.members.get("value") {
            None => None,
            Some(Value::String(value)) => Some(vec![lower(value)]),
            Some(_) => return Err(self.wrong("takes a value as text")),
        };
        Ok(Criteria::Row(lower(&format!("{prefix}{key}")), values))
    }

    fn texts(&self, name: &str, what: &'static str) -> Result<Vec<String>, CriteriaError> {
        let items = self.members.get(name).and_then(Value::as_array).ok_or_else(|| self.wrong(what))?;
        let text = |item: &Value| item.as_str().map(str::to_owned).ok_or_else(|| self.wrong(what));
        items.iter().map(text).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(name: &str, params: Value) -> Value {
        json!({"rule": name, "resourceType": "catalog-entity", "params": params})
    }

    fn is_met(condition: Value) -> bool {
        let body = json!({
            "kind": "Component",
            "metadata": {"name": "a", "annotations": {"x/Y": "One", "gone": null}, "labels": {"tier": "1"}},
            "spec": {"type": "service"},
        });
        let owners = [EntityRef::from_canonical("group:default/team-a")];
        Criteria::parse(&Condition(condition)).unwrap().is_met(&body, &owners)
    }

    #[test]
    fn each_rule_tests_what_it_says() {
        assert!(is_met(rule("HAS_ANNOTATION", json!({"annotation": "X/y"}))));
        assert!(is_met(rule("HAS_ANNOTATION", json!({"annotation": "x/y", "value": "one"}))));
        assert!(!is_met(rule("HAS_ANNOTATION", json!({"annotation": "x/y", "value": "two"}))));
        assert!(is_met(rule("HAS_ANNOTATION", json!({"annotation": "gone"}))));
        assert!(is_met(rule("HAS_LABEL", json!({"label": "tier", "value": "1"}))));
        assert!(is_met(rule("HAS_METADATA", json!({"key": "name", "value": "A"}))));
        assert!(is_met(rule("HAS_SPEC", json!({"key": "type", "value": "service"}))));
        assert!(is_met(rule("IS_ENTITY_KIND", json!({"kinds": ["api", "component"]}))));
        assert!(!is_met(rule("IS_ENTITY_KIND", json!({"kinds": []}))));
        assert!(is_met(rule("IS_ENTITY_OWNER", json!({"claims": ["group:default/team-a"]}))));
        assert!(!is_met(rule("IS_ENTITY_OWNER", json!({"claims": ["Group:default/team-a"]}))));
    }

    #[test]
    fn rules_combine() {
        let (yes, no) =
            (rule("HAS_SPEC", json!({"key": "type"})), rule("HAS_SPEC", json!({"key": "nothing"})));
        assert!(is_met(json!({"allOf": [yes, {"not": no}]})));
        assert!(is_met(json!({"anyOf": [no, yes]})));
        assert!(!is_met(json!({"not": {"anyOf": [no, yes]}})));
    }

    #[test]
    fn conditions_that_cannot_be_checked_say_why() {
        let message = |condition| Criteria::parse(&Condition(condition)).unwrap_err().to_string();
        assert_eq!(
            message(rule("IS_FUN", json!({}))),
            "Permission rule 'IS_FUN' does not exist for resource type 'catalog-entity'"
        );
        assert_eq!(message(json!({"rule": "X", "resourceType": "task"})), "Unexpected resource types: task.");
        assert!(message(json!({"allOf": []})).contains("malformed"));
        assert!(message(json!({})).contains("malformed"));
        let params = "Parameters to rule are invalid";
        assert!(message(rule("HAS_LABEL", json!({}))).starts_with(params));
        assert!(message(rule("HAS_LABEL", json!({"label": "a", "value": 1}))).starts_with(params));
        assert!(message(rule("IS_ENTITY_KIND", json!({"kinds": "api"}))).starts_with(params));
    }
}
