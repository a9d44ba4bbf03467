//! The final entity: the winner's form and what stitching adds.
//!
//! Relations are not part of the body; the etag covers them by their digest.

use backstitch_schemas::{Digest, Identity, Problem, canonical};
use serde_json::{Map, Value, json};

const ORPHAN: &str = "backstage.io/orphan";
const STATUS_TYPE: &str = "backstage.io/catalog-processing";

/// What the body is made of beside the form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Additions<'a> {
    /// The winning claim's identity.
    pub(crate) uid: Identity,
    /// The winning claim's problems that count.
    pub(crate) problems: &'a [Problem],
    /// What is to be said about the claims that lost against it.
    pub(crate) contest: Option<&'a Problem>,
    /// Whether the winner is a kept orphan.
    pub(crate) orphan: bool,
}

/// The canonical text of the body: everything but `relations` and `metadata.etag`. `None` if the
/// form is not a JSON object.
pub(crate) fn body(form: &str, additions: Additions<'_>) -> Option<String> {
    let Ok(Value::Object(mut entity)) = serde_json::from_str(form) else { return None };
    let metadata = object_at(&mut entity, "metadata");
    metadata.insert("uid".to_owned(), Value::String(additions.uid.to_string()));
    if additions.orphan {
        object_at(metadata, "annotations").insert(ORPHAN.to_owned(), Value::String("true".to_owned()));
    }
    let problems: Vec<&Problem> = additions.problems.iter().chain(additions.contest).collect();
    if !problems.is_empty() {
        let status = object_at(&mut entity, "status");
        let mut items = match status.remove("items") {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        };
        items.extend(problems.into_iter().map(status_item));
        status.insert("items".to_owned(), Value::Array(items));
    }
    Some(canonical::to_string(&Value::Object(entity)))
}

/// The etag: a change of body or relations changes it, and nothing else does.
pub(crate) fn etag(body: Digest, relations: Digest) -> String {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&body.0.to_be_bytes());
    bytes[16..].copy_from_slice(&relations.0.to_be_bytes());
    canonical::sha1_hex(&bytes)
}

/// A problem as clients of Backstage find it in `status.items`; where and what to do stand inside
/// `error`, for our own page.
fn status_item(problem: &Problem) -> Value {
    json!({
        "type": STATUS_TYPE,
        "level": problem.level(),
        "message": problem.headline(),
        "error": problem,
    })
}

/// The object at `key`; whatever else is there makes room for it.
fn object_at<'m>(map: &'m mut Map<String, Value>, key: &str) -> &'m mut Map<String, Value> {
    let value = map.entry(key).or_insert_with(|| Value::Object(Map::new()));
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it is an object by now")
}

#[cfg(test)]
mod tests {
    use backstitch_schemas::Identity;
    use uuid::Uuid;

    use super::*;

    fn check(form: &str, problems: &[Problem], orphan: bool, expected: &str) {
        let additions = Additions { uid: Identity(Uuid::nil()), problems, contest: None, orphan };
        assert_eq!(body(form, additions).as_deref(), Some(expected));
    }

    #[test]
    fn a_sound_entity_gets_its_uid_and_nothing_else() {
        check(
            r#"{"kind":"K","metadata":{"name":"n"}}"#,
            &[],
            false,
            r#"{"kind":"K","metadata":{"name":"n","uid":"00000000-0000-0000-0000-000000000000"}}"#,
        );
    }

    #[test]
    fn errors_stand_in_the_status_as_backstage_words_them() {
        check(
            "{}",
            &[Problem::input("bad").with_advice("fix it")],
            false,
            r#"{"metadata":{"uid":"00000000-0000-0000-0000-000000000000"},"status":{"items":[{"error":{"advice":"fix it","message":"bad","name":"InputError"},"level":"error","message":"InputError: bad","type":"backstage.io/catalog-processing"}]}}"#,
        );
    }

    #[test]
    fn a_contest_is_a_warning_behind_the_errors() {
        let (bad, contest) = ([Problem::input("bad")], Problem::new("ConflictWarning", "two"));
        let additions =
            Additions { uid: Identity(Uuid::nil()), problems: &bad, contest: Some(&contest), orphan: false };
        let body: Value = serde_json::from_str(&body("{}", additions).unwrap()).unwrap();
        let items = body["status"]["items"].as_array().unwrap();
        let told: Vec<_> = items.iter().map(|item| (&item["level"], &item["message"])).collect();
        let expected =
            [(json!("error"), json!("InputError: bad")), (json!("warning"), json!("ConflictWarning: two"))];
        assert_eq!(told, expected.iter().map(|(level, message)| (level, message)).collect::<Vec<_>>());
    }

    #[test]
    fn a_kept_orphan_says_so() {
        check(
            "{}",
            &[],
            true,
            r#"{"metadata":{"annotations":{"backstage.io/orphan":"true"},"uid":"00000000-0000-0000-0000-000000000000"}}"#,
        );
    }

    #[test]
    fn what_is_no_object_has_no_body() {
        let additions = Additions { uid: Identity(Uuid::nil()), problems: &[], contest: None, orphan: false };
        assert_eq!(body("[]", additions), None);
        assert_eq!(body("{", additions), None);
    }

    #[test]
    fn the_etag_depends_on_body_and_relations() {
        let etags = [(1, 2), (2, 1), (1, 1)].map(|(b, r)| etag(Digest(b), Digest(r)));
        assert_eq!(etags[0].len(), 40);
        assert!(etags[0] != etags[1] && etags[1] != etags[2]);
    }
}
