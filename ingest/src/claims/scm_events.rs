//! What becomes of registered locations when a git host tells that files or repositories are gone or
//! elsewhere. Pure.

use std::collections::{HashMap, HashSet};

use backstitch_schemas::{
    LocationRef, RegisteredLocation,
    command::ScmActions,
    scm::{ScmEvent, below},
};

use super::Claims;

/// What is done with a registered location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is said to be gone, alone or with its whole repository: it is read, and taken back if that confirms it.
    Doubt { location: RegisteredLocation, with_repository: bool },
    /// It reads another place from now on.
    Move(RegisteredLocation, LocationRef),
}

/// What a git host says is gone or elsewhere.
#[derive(Default)]
struct Told<'a> {
    files_gone: HashSet<&'a str>,
    files_moved: HashMap<&'a str, &'a str>,
    repositories_gone: Vec<&'a str>,
    repositories_moved: Vec<(&'a str, &'a str)>,
}

impl Claims {
    /// What is done with registered locations: those that stand exactly where something is gone or
    /// elsewhere, or anywhere in such a repository.
    pub(crate) fn told(&self, actions: ScmActions, events: &[ScmEvent]) -> Vec<Step> {
        let told = Told::of(actions, events);
        if told.is_empty() {
            return Vec::new();
        }
        let mut steps: Vec<Step> = self.registered().filter_map(|location| told.about(location)).collect();
        steps.sort_by_key(|step| match step {
            Step::Doubt { location, .. } | Step::Move(location, _) => location.location.to_string(),
        });
        steps
    }
}

impl<'a> Told<'a> {
    fn of(actions: ScmActions, events: &'a [ScmEvent]) -> Self {
        let mut told = Self::default();
        for event in events {
            match event {
                ScmEvent::LocationDeleted { url } if actions.unregister => {
                    told.files_gone.insert(url);
                }
                ScmEvent::LocationMoved { from_url, to_url } if actions.relocate => {
                    told.files_moved.insert(from_url, to_url);
                }
                ScmEvent::RepositoryDeleted { url } if actions.unregister => told.repositories_gone.push(url),
                ScmEvent::RepositoryMoved { from_url, to_url } if actions.relocate => {
                    told.repositories_moved.push((from_url, to_url));
                }
                _ => {}
            }
        }
        told
    }

    fn is_empty(&self) -> bool {
        self.files_gone.is_empty()
            && self.files_moved.is_empty()
            && self.repositories_gone.is_empty()
            && self.repositories_moved.is_empty()
    }

    fn about(&self, location: RegisteredLocation) -> Option<Step> {
        let LocationRef { kind, target } = &location.location;
        if kind != "url" {
            return None;
        }
        let moved = self.repositories_moved.iter().find_map(|(from, to)| {
            let rest = below(target, from)?;
            Some(format!("{to}{rest}"))
        });
        let moved = self.files_moved.get(target.as_str()).map(|to| (*to).to_owned()).or(moved);
        if let Some(to) = moved.filter(|to| to != target) {
            return Some(Step::Move(location, LocationRef::new("url", to)));
        }
        let with_repository =
            self.repositories_gone.iter().any(|repository| below(target, repository).is_some());
        let gone = with_repository || self.files_gone.contains(target.as_str());
        gone.then_some(Step::Doubt { location, with_repository })
    }
}

#[cfg(test)]
mod tests {
    use backstitch_schemas::{EntityRef, LocationId};

    use super::*;

    fn check(actions: ScmActions, event: ScmEvent, target: &str, expected: Option<Option<&str>>) {
        let location = RegisteredLocation {
            id: LocationId::mint(),
            location: LocationRef::new("url", target),
            entity_ref: EntityRef::new("Location", None, "l"),
        };
        let step = Told::of(actions, std::slice::from_ref(&event)).about(location.clone());
        let with_repository = matches!(event, ScmEvent::RepositoryDeleted { .. });
        let expected = expected.map(|to| match to {
            Some(to) => Step::Move(location.clone(), LocationRef::new("url", to)),
            None => Step::Doubt { location: location.clone(), with_repository },
        });
        assert_eq!(step, expected, "{event:?} about {target}");
    }

    #[test]
    fn files_count_exactly_and_repositories_with_all_below() {
        let all = ScmActions { refresh: true, unregister: true, relocate: true };
        let text = |url: &str| url.to_owned();
        let (a, b) = ("https://h/o/r/blob/main/a.yaml", "https://h/o/r/blob/main/b.yaml");
        let gone = || ScmEvent::LocationDeleted { url: text(a) };
        check(all, gone(), a, Some(None));
        check(all, gone(), b, None);
        check(all, gone(), "https://h/o/r/tree/main/a.yaml", None);
        let moved = || ScmEvent::LocationMoved { from_url: text(a), to_url: text(b) };
        check(all, moved(), a, Some(Some(b)));
        check(all, moved(), b, None);
        let gone = || ScmEvent::RepositoryDeleted { url: text("https://h/o/r") };
        check(all, gone(), a, Some(None));
        check(all, gone(), "https://h/o/r2/blob/main/a.yaml", None);
        let moved =
            || ScmEvent::RepositoryMoved { from_url: text("https://h/o/r"), to_url: text("https://h/p/s") };
        check(all, moved(), a, Some(Some("https://h/p/s/blob/main/a.yaml")));
        check(all, moved(), "https://h/o/r2/blob/main/a.yaml", None);
        check(all, ScmEvent::LocationUpdated { url: text(a) }, a, None);
    }

    #[test]
    fn nothing_is_done_that_is_not_let_do() {
        let only = |unregister, relocate| ScmActions { refresh: true, unregister, relocate };
        let (a, b) = ("https://h/o/r/blob/main/a.yaml", "https://h/o/r/blob/main/b.yaml");
        check(only(false, true), ScmEvent::LocationDeleted { url: a.to_owned() }, a, None);
        let moved = ScmEvent::LocationMoved { from_url: a.to_owned(), to_url: b.to_owned() };
        check(only(true, false), moved, a, None);
    }
}
