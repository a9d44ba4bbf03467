//! Placeholders: values of an entity that stand for the content of another file.
//!
//! `{ $text: ./openapi.yaml }` is replaced by what stands in the file. Ingest finds the placeholders
//! and reads; processing puts the content in. Both walk the entity by the same rules: an object
//! whose only key is `$` and the name of a resolver is a placeholder; an object with a `$`-key and
//! other keys is left alone, with everything in it; results are not walked again.

pub mod bundle;
mod room;

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::{
    Problem, json_pointer,
    yaml::{self, SingleError},
};
use room::Room;

/// What a placeholder makes of the content of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolver {
    /// The content as text.
    Text,
    /// The content as JSON.
    Json,
    /// The content as YAML, exactly one document.
    Yaml,
    /// The content as the text of one document, with what it refers to in it. Ingest bundles.
    OpenApi,
    /// As `OpenApi`.
    AsyncApi,
}

/// A placeholder in an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// JSON pointer of the object that is replaced.
    pub pointer: String,
    /// What is made of the content.
    pub resolver: Resolver,
    /// Where the content stands: a URL or a path; `None` if the value is no text.
    pub value: Option<String>,
}

/// What was read, by [`Placeholder::key`]: the content, or why there is none, in the words of the
/// functions below.
pub type Contents<'a> = HashMap<&'a str, Result<&'a str, &'a str>>;

impl Resolver {
    const NAMES: [(Self, &'static str); 5] = [
        (Self::Text, "text"),
        (Self::Json, "json"),
        (Self::Yaml, "yaml"),
        (Self::OpenApi, "openapi"),
        (Self::AsyncApi, "asyncapi"),
    ];

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::NAMES.into_iter().map(|(resolver, _)| resolver)
    }

    /// Whether the text is made of a file and all that it refers to.
    pub fn bundles(self) -> bool {
        matches!(self, Self::OpenApi | Self::AsyncApi)
    }

    /// What the content of `value` is kept under.
    fn key(self, value: &str) -> String {
        if self.bundles() { format!("${} {value}", self.name()) } else { value.to_owned() }
    }

    fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(resolver, _)| *resolver)
    }

    /// The name behind the `$`.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(resolver, _)| *resolver == self).map_or("text", |(_, name)| name)
    }
}

impl Placeholder {
    /// What its content is kept under: the value; behind the name of the resolver (`$openapi ./a.yaml`)
    /// where the text is more than what stands at that place.
    pub fn key(&self) -> Option<String> {
        self.value.as_deref().map(|value| self.resolver.key(value))
    }
}

/// What Backstage says where a value leads out of the repository.
pub const FOREIGN: &str = "Placeholder may only reference files from the same repository as the entity";
const UNREAD: &str = "could not read location ";
const NO_URL: &str = "could not form a URL out of ";
const UNBUNDLED: &str = "unable to bundle the file at ";

/// Why there is no content: nothing could be read at `value`.
pub fn unread(value: &str, cause: &str) -> String {
    format!("{UNREAD}{value}, {cause}")
}

/// Why there is no content: `value` is no place, seen from `base`.
pub fn no_url(base: &str, value: &str, cause: &str) -> String {
    format!("{NO_URL}{base} and {value}, {cause}")
}

/// Why there is no content: what the file at `value` refers to cannot be put into it.
pub fn unbundled(value: &str, cause: &str) -> String {
    format!("{UNBUNDLED}{value}, {cause}")
}

/// All placeholders of an entity.
pub fn placeholders(entity: &Value) -> Vec<Placeholder> {
    let mut found = Vec::new();
    walk(entity, &mut String::new(), &mut |pointer, resolver, value| {
        found.push(Placeholder {
            pointer: pointer.to_owned(),
            resolver,
            value: value.as_str().map(str::to_owned),
        });
    });
    found
}

/// Puts the contents in the places of their placeholders.
///
/// # Errors
/// All problems, worded as Backstage's `PlaceholderProcessor` words its errors: a value that is no
/// text, content that could not be read, or that is no JSON or YAML. Besides, an entity that all this
/// makes larger or deeper than an entity may be.
pub fn substitute(entity: Value, contents: &Contents<'_>) -> Result<Value, Vec<Problem>> {
    let (mut results, mut problems, mut room) = (Vec::new(), Vec::new(), Room::default());
    walk(&entity, &mut String::new(), &mut |pointer, resolver, value| {
        if room.is_over() {
            return;
        }
        match resolve(resolver, value, contents).and_then(|result| room.take(pointer, result)) {
            Ok(result) => results.push((pointer.to_owned(), result)),
            Err(problem) => problems.push(problem.at_path(pointer)),
        }
    });
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut entity = entity;
    for (pointer, result) in results {
        if let Some(place) = entity.pointer_mut(&pointer) {
            *place = result;
        }
    }
    Ok(entity)
}

fn walk(value: &Value, pointer: &mut String, visit: &mut impl FnMut(&str, Resolver, &Value)) {
    let length = pointer.len();
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{index}"));
                walk(item, pointer, visit);
                pointer.truncate(length);
            }
        }
        Value::Object(members) => match placeholder(members) {
            Some(Some((resolver, value))) => visit(pointer, resolver, value),
            Some(None) => {}
            None => {
                for (name, member) in members {
                    pointer.push('/');
                    pointer.push_str(&json_pointer::escape(name));
                    walk(member, pointer, visit);
                    pointer.truncate(length);
                }
            }
        },
        _ => {}
    }
}

/// `None` for an ordinary object, `Some(None)` for one that is left alone.
fn placeholder(members: &Map<String, Value>) -> Option<Option<(Resolver, &Value)>> {
    let (key, value) = members.iter().find(|(key, _)| key.starts_with('$'))?;
    let resolver = Resolver::named(&key[1..]).filter(|_| members.len() == 1);
    Some(resolver.map(|resolver| (resolver, value)))
}

fn resolve(resolver: Resolver, value: &Value, contents: &Contents<'_>) -> Result<Value, Problem> {
    let key = resolver.name();
    let error = |text: String| Problem::new("Error", format!("Placeholder ${key} {text}"));
    let Some(place) = value.as_str() else {
        return Err(error(
            "expected a string value parameter, in the form of an absolute URL or a relative path".to_owned(),
        )
        .with_advice(format!("write the path of a file, such as `${key}: ./openapi.yaml`")));
    };
    let content = content_of(resolver, place, contents).map_err(|cause| match cause {
        FOREIGN => Problem::new("Error", FOREIGN).with_advice(format!(
            "`{place}` leads out of the repository that the entity stands in; copy the file there, or write what it \
             holds into the entity"
        )),
        cause if [UNREAD, NO_URL, UNBUNDLED].iter().any(|start| cause.starts_with(start)) => {
            error(cause.to_owned()).with_advice(format!("`{place}` cannot be put in: {cause}"))
        }
        cause => error(unread(place, cause)).with_advice(match cause.strip_prefix("NotFoundError: ") {
            Some(why) => format!("`{place}` is not found ({why}); correct the path, or remove it"),
            None => format!("`{place}` could not be read: {cause}"),
        }),
    })?;
    let parsed = |kind: &str, cause: String| {
        error(format!("failed to parse {kind} data at {place}, {cause}"))
            .with_advice(format!("`{place}` is not valid {kind}: {cause}"))
    };
    match resolver {
        Resolver::Text | Resolver::OpenApi | Resolver::AsyncApi => Ok(Value::String(content.to_owned())),
        Resolver::Json => serde_json::from_str(content).map_err(|cause| parsed("JSON", cause.to_string())),
        Resolver::Yaml => yaml::parse_single(content).map_err(|cause| match cause {
            SingleError::Count(found) => {
                error(format!("expected to find exactly one document of data at {place}, found {found}"))
            }
            SingleError::Syntax(cause) => parsed("YAML", cause.to_string()),
        }),
    }
}

/// The content of a place. A record of an earlier version has what stands there, not bundled.
fn content_of<'a>(resolver: Resolver, place: &str, contents: &Contents<'a>) -> Result<&'a str, &'a str> {
    let found = contents.get(&*resolver.key(place)).or_else(|| contents.get(place));
    found.copied().unwrap_or(Err("nothing was read there"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(entity: Value, contents: &[(&str, &str)], expected: Result<Value, &str>) {
        let contents = contents.iter().map(|(place, text)| (*place, Ok(*text))).collect();
        let outcome = substitute(entity, &contents).map_err(|problems| problems[0].message.clone());
        assert_eq!(outcome, expected.map_err(|text| format!("Placeholder {text}")));
    }

    #[test]
    fn content_takes_the_place_of_its_placeholder() {
        let files = [("a", "x: 1"), ("b", "{\"$text\": \"a\"}")];
        check(json!({"spec": [{"$text": "a"}]}), &files, Ok(json!({"spec": ["x: 1"]})));
        check(json!({"spec": {"$yaml": "a"}}), &files, Ok(json!({"spec": {"x": 1}})));
        check(json!({"spec": {"a/b": {"$openapi": "a"}}}), &files, Ok(json!({"spec": {"a/b": "x: 1"}})));
        // What was put in is not walked again.
        check(json!({"spec": {"$json": "b"}}), &files, Ok(json!({"spec": {"$text": "a"}})));
    }

    #[test]
    fn objects_with_more_than_a_placeholder_are_left_alone() {
        for entity in [
            json!({"spec": {"$text": "a", "other": {"$text": "a"}}}),
            json!({"spec": {"$unknown": "a"}}),
            json!({"spec": {"$ref": {"$text": "a"}}}),
        ] {
            assert_eq!(placeholders(&entity), []);
            check(entity.clone(), &[], Ok(entity));
        }
    }

    #[test]
    fn failures_are_worded_as_in_backstage() {
        check(json!({"$text": "a"}), &[], Err("$text could not read location a, nothing was read there"));
        check(
            json!({"$json": 1}),
            &[],
            Err("$json expected a string value parameter, in the form of an absolute URL or a relative path"),
        );
        check(
            json!({"$yaml": "a"}),
            &[("a", "x\n---\ny")],
            Err("$yaml expected to find exactly one document of data at a, found 2"),
        );
    }

    #[test]
    fn what_ingest_says_stands_in_the_error() {
        let said = |resolver: &str, key: &str, said: &str| {
            let contents = [(key, Err(said))].into();
            let problems = substitute(json!({ resolver: "./a" }), &contents).unwrap_err();
            assert!(problems[0].advice.is_some() && problems[0].path.as_deref() == Some(""));
            problems[0].message.clone()
        };
        assert_eq!(said("$text", "./a", FOREIGN), FOREIGN);
        assert_eq!(
            said("$text", "./a", &no_url("x", "./a", "Invalid URL")),
            "Placeholder $text could not form a URL out of x and ./a, Invalid URL"
        );
        assert_eq!(
            said("$json", "./a", &unread("./a", "NotFoundError: gone")),
            "Placeholder $json could not read location ./a, NotFoundError: gone"
        );
        assert_eq!(
            said("$openapi", "$openapi ./a", &unbundled("./a", "`b` leads to nothing")),
            "Placeholder $openapi unable to bundle the file at ./a, `b` leads to nothing"
        );
        assert_eq!(said("$json", "./a", "gone"), "Placeholder $json could not read location ./a, gone");
    }

    #[test]
    fn a_bundle_and_the_text_of_the_same_file_are_two_things() {
        let entity = json!({"a": {"$openapi": "./a"}, "b": {"$text": "./a"}});
        let keys: Vec<_> = placeholders(&entity).iter().filter_map(Placeholder::key).collect();
        assert_eq!(keys, ["$openapi ./a", "./a"]);
        check(entity, &[("$openapi ./a", "1"), ("./a", "2")], Ok(json!({"a": "1", "b": "2"})));
    }

    #[test]
    fn what_placeholders_bring_in_is_bounded() {
        let text = "x".repeat(1 << 20);
        let many = Value::from(vec![json!({"$text": "a"}); 100_000]);
        let problems = substitute(many, &[("a", Ok(&*text))].into()).unwrap_err();
        assert!(problems[0].message.contains("more than"), "{}", problems[0].message);
        let bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned()
            + &(1..5)
                .map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", ")))
                .collect::<String>();
        let many = Value::from(vec![json!({"$yaml": "a"}); 10_000]);
        assert!(substitute(many, &[("a", Ok(&*bomb))].into()).is_err());
        let deep = "[".repeat(90) + &"]".repeat(90);
        let mut entity = json!({"$json": "a"});
        for _ in 0..30 {
            entity = json!([entity]);
        }
        let problems = substitute(entity, &[("a", Ok(&*deep))].into()).unwrap_err();
        assert!(problems[0].message.contains("levels"), "{}", problems[0].message);
    }

    #[test]
    fn placeholders_are_found_with_their_places() {
        let found = placeholders(&json!({"spec": {"definition": {"$text": "./a"}, "n": {"$json": 1}}}));
        let places: Vec<_> = found.iter().map(|p| (p.pointer.as_str(), p.value.as_deref())).collect();
        assert_eq!(places, [("/spec/definition", Some("./a")), ("/spec/n", None)]);
    }
}
