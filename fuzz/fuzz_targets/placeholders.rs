//! Placeholders and bundles: whatever an entity asks for and whatever stands there, finding it,
//! putting it in and bundling it end, and a bundle is read as what was written.
//!
//! The input is several files with a line `%%` between them: the entity, then those that it and they
//! themselves call `0`, `1` and so on.

#![no_main]

use std::collections::HashMap;

use backstitch_schemas::{
    placeholder::{
        self, Contents, Placeholder,
        bundle::{Part, bundle, files_of},
    },
    yaml,
};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let mut files = text.split("\n%%\n");
    let Ok(entity) = yaml::parse_single(files.next().unwrap_or_default()) else { return };
    let files: Vec<&str> = files.take(8).collect();
    put_in(&entity, &files);
    make_one(&entity, &files);
});

fn put_in(entity: &Value, files: &[&str]) {
    let found = placeholder::placeholders(entity);
    let keys: Vec<String> = found.iter().filter_map(Placeholder::key).collect();
    let contents: Contents<'_> = keys
        .iter()
        .map(|key| (key.as_str(), file_named(key, files).map(|index| files[index]).ok_or("nothing is there")))
        .collect();
    match placeholder::substitute(entity.clone(), &contents) {
        Ok(filled) if found.is_empty() => assert_eq!(&filled, entity),
        Ok(filled) => drop(serde_json::from_str::<Value>(&filled.to_string()).expect("others can read it")),
        Err(problems) => assert!(!problems.is_empty() && problems.iter().all(|problem| problem.path.is_some())),
    }
}

fn make_one(root: &Value, files: &[&str]) {
    let values = files.iter().map(|file| yaml::parse_single(file).unwrap_or_default());
    let part = |value: Value| Part {
        // The entity itself is the first part.
        links: files_of(&value)
            .into_iter()
            .filter_map(|file| Some((file_named(&file, files)? + 1, file)))
            .map(|(index, file)| (file, index))
            .collect::<HashMap<_, _>>(),
        value,
    };
    let parts: Vec<Part> = std::iter::once(root.clone()).chain(values).map(part).collect();
    if let Ok(bundled) = bundle(&parts) {
        let written = yaml::to_string(&bundled);
        if !bundled.is_null() {
            assert_eq!(yaml::parse_single(&written).ok().as_ref(), Some(&bundled), "{written}");
        }
    }
}

fn file_named(name: &str, files: &[&str]) -> Option<usize> {
    let index = name.rsplit(' ').next()?.parse().ok()?;
    (index < files.len()).then_some(index)
}
