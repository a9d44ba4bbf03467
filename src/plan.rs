//! What `up` reads: the configuration's locations, the paths of the command line, or the example.

use std::path::Path;

use backstitch_schemas::LocationRef;
use backstitch_schemas::rules::{Allowance, Rules, RulesError};

use crate::config::{AppConfig, absolute};
use crate::example;
use crate::surroundings::Surroundings;

/// Name of the file that describes what a repository holds, `.yaml` or `.yml`.
const DESCRIPTORS_BELOW: &str = "**/catalog-info.y*ml";

/// What to read, under which rules, and how to say so.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Every location that is always part of the catalog.
    pub locations: Vec<LocationRef>,
    /// The rules in force for what they list.
    pub rules: Rules,
    /// The locations, for people.
    pub reading: Vec<String>,
    /// A command that changes the example visibly, if that is what is read.
    pub edit: Option<String>,
}

/// Puts the plan together. `example` is where the copy of the example is; it is read only if
/// there are neither configuration files nor paths.
///
/// # Errors
/// If a rule of the configuration cannot be used, or a path leads nowhere.
pub fn plan(
    config: &AppConfig,
    paths: &[std::path::PathBuf],
    example: &Path,
    here: &Surroundings,
) -> Result<Plan, PlanError> {
    let mut plan = Plan {
        locations: config.catalog.locations.iter().map(|location| location.location_ref()).collect(),
        rules: config.catalog.rules()?,
        reading: config.catalog.locations.iter().map(|location| location.target.clone()).collect(),
        edit: None,
    };
    for path in paths {
        let (location, shown) = of_path(path, here)?;
        plan.add(location, shown);
    }
    if config.is_default() && plan.locations.is_empty() {
        let front_door = example.join("catalog-info.yaml");
        let shown = format!("the example catalog in {}", here.shown(example));
        plan.add(LocationRef::new("file", front_door.display().to_string()), shown);
        let edit = example::suggested_edit(example);
        let (script, file) = (format!("s/{}/{}/", edit.from, edit.to), here.shown(&example.join(edit.file)));
        plan.edit = Some(format!("sed -i.bak {} {}  # {}", quoted(&script), quoted(&file), edit.effect));
    }
    Ok(plan)
}

impl Plan {
    /// A place that a person named: every kind may come from it.
    fn add(&mut self, location: LocationRef, shown: String) {
        self.rules.add_location(&location, Allowance::All);
        if !self.locations.contains(&location) {
            self.locations.push(location);
        }
        self.reading.push(shown);
    }
}

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A rule of the configuration.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// A path of the command line; a glob may find something later, a name is most likely mistyped.
    #[error("there is no {0}; name a file, a folder, or a glob in quotes")]
    Missing(String),
}

fn of_path(path: &Path, here: &Surroundings) -> Result<(LocationRef, String), PlanError> {
    let text = path.display().to_string();
    if text.starts_with("http://") || text.starts_with("https://") {
        return Ok((LocationRef::new("url", text.as_str()), text));
    }
    let target = absolute(&here.cwd, &text);
    if Path::new(&target).is_dir() {
        let below = Path::new(&target).join(DESCRIPTORS_BELOW).display().to_string();
        return Ok((LocationRef::new("file", below), format!("every catalog-info.yaml below {text}")));
    }
    if !Path::new(&target).exists() && !target.contains(['*', '?', '[', '{']) {
        return Err(PlanError::Missing(text));
    }
    Ok((LocationRef::new("file", target), text))
}

/// The text as one word of a shell.
fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+@%".contains(letter);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::cli::ConfigArgs;

    fn here(cwd: &Path) -> Surroundings {
        Surroundings { cwd: cwd.to_owned(), ..Surroundings::default() }
    }

    #[test]
    fn without_anything_the_example_is_read_and_all_its_kinds_come_in() {
        let here = here(Path::new("/home/ada"));
        let config = here.configure(&ConfigArgs::default()).unwrap();
        let plan = plan(&config, &[], Path::new("/home/ada/.backstitch/example"), &here).unwrap();
        assert_eq!(
            plan.locations,
            [LocationRef::new("file", "/home/ada/.backstitch/example/catalog-info.yaml")]
        );
        assert_eq!(plan.reading, ["the example catalog in .backstitch/example"]);
        assert!(plan.rules.allows("User", None, &plan.locations[0]));
        assert_eq!(
            plan.edit.as_deref(),
            Some(
                "sed -i.bak 's/lifecyle: experimental/lifecycle: experimental/' \
                 .backstitch/example/systems/onboard-shop/catalog-info.yaml  # mends a mistake, visible at once"
            )
        );
    }

    #[test]
    fn paths_come_beside_the_configuration_and_allow_every_kind() {
        let temp = tempfile::tempdir().unwrap();
        fs::create_dir(temp.path().join("repos")).unwrap();
        fs::write(temp.path().join("app.yaml"), "catalog: {locations: [{type: file, target: a.yaml}]}")
            .unwrap();
        let here = here(temp.path());
        let args = ConfigArgs { config: vec![PathBuf::from("app.yaml")], ..ConfigArgs::default() };
        let config = here.configure(&args).unwrap();
        fs::write(temp.path().join("b.yaml"), "").unwrap();
        let paths = ["repos", "./x/../b.yaml", "c/*.yaml"].map(PathBuf::from);
        let plan = plan(&config, &paths, Path::new("/example"), &here).unwrap();
        let root = temp.path().display();
        let targets: Vec<&str> = plan.locations.iter().map(|location| location.target.as_str()).collect();
        assert_eq!(
            targets,
            [
                format!("{root}/a.yaml"),
                format!("{root}/repos/**/catalog-info.y*ml"),
                format!("{root}/b.yaml"),
                format!("{root}/c/*.yaml")
            ]
        );
        assert!(!plan.rules.allows("User", None, &plan.locations[0]));
        assert!(plan.rules.allows("User", None, &plan.locations[1]));
        assert_eq!(plan.edit, None);
        let mistyped = [PathBuf::from("catalog-inof.yaml")];
        let error = super::plan(&config, &mistyped, Path::new("/example"), &here).unwrap_err();
        assert!(error.to_string().starts_with("there is no catalog-inof.yaml"));
    }
}
