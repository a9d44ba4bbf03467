//! Entity refs and location refs: what parses is written and parsed again to the same. URLs of git hosts: whatever
//! they look like, the file that they name lies in its repository.

#![no_main]

use backstitch_schemas::{CompoundRef, EntityRef, LocationRef, RefContext, scm::Scm};
use libfuzzer_sys::fuzz_target;
use url::Url;

const HOSTS: [Scm; 6] = [
    Scm::GitHub,
    Scm::GitLab,
    Scm::BitbucketCloud,
    Scm::BitbucketServer,
    Scm::AzureDevOps,
    Scm::Gitea,
];

fuzz_target!(|text: &str| {
    if let Ok(written) = CompoundRef::parse(text) {
        assert_eq!(written.to_string(), text);
        assert_eq!(CompoundRef::parse(&written.to_string()).as_ref(), Ok(&written));
    }
    let context = RefContext { default_kind: Some("Component"), default_namespace: Some("Own") };
    if let Ok(entity_ref) = EntityRef::parse(text, context) {
        let again = EntityRef::parse(entity_ref.as_str(), RefContext::default());
        assert_eq!(again.as_ref(), Ok(&entity_ref));
        assert!(!entity_ref.kind().is_empty() && !entity_ref.name().is_empty());
    }
    if let Ok(location) = LocationRef::parse(text) {
        assert_eq!(LocationRef::parse(&location.to_string()).as_ref(), Ok(&location));
    }
    if let Ok(url) = Url::parse(text) {
        for file in HOSTS.iter().filter_map(|host| host.file(&url).ok()) {
            let climbs = |path: &str| path.split(['/', '\\']).any(|part| matches!(part, "." | ".."));
            assert!(!climbs(&file.path) && !climbs(&file.repository), "{file:?}");
        }
    }
});
