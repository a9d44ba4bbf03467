//! `backstitch.kinds`: kinds that this installation adds.

use std::path::Path;

use backstitch_schemas::model::KindConfigError;

use super::node::{Node, Value};
use super::substitute::{ReadFile, folder_of};
use super::{BackstitchConfig, ConfigError};

/// Puts what the named files hold in the place of their names. A name is relative to the
/// configuration file that it stands in.
pub(super) fn read_schemas(root: &mut Node, cwd: &Path, read: &ReadFile<'_>) -> Result<(), ConfigError> {
    let kinds = root.get_mut("backstitch").and_then(|own| own.get_mut("kinds"));
    let Some(Value::Array(kinds)) = kinds.map(|kinds| &mut kinds.value) else { return Ok(()) };
    for schema in kinds.iter_mut().filter_map(|kind| kind.get_mut("schema")) {
        let Value::String(name) = &schema.value else { continue };
        let folder = folder_of(Path::new(&*schema.place.source), cwd);
        let path = folder.join(name);
        let text = read(&path).map_err(|cause| ConfigError::Read { path: path.clone(), cause })?;
        *schema = Node::parse(&path.display().to_string(), &text)?;
    }
    Ok(())
}

/// Refuses kinds that cannot be used, naming where they stand.
pub(super) fn check(root: &Node, own: &BackstitchConfig) -> Result<(), ConfigError> {
    let Err(error) = own.model() else { return Ok(()) };
    let KindConfigError { index, field, fault } = error;
    let kinds = root.get("backstitch").and_then(|own| own.get("kinds"));
    let entry = kinds.and_then(|kinds| kinds.item(index));
    let named = entry.and_then(|entry| nearest_node(entry, &field));
    Err(ConfigError::Value {
        path: format!("backstitch.kinds[{index}].{field}"),
        place: named.or(entry).unwrap_or(root).place.clone(),
        detail: fault.to_string(),
    })
}

/// The node at a path such as `relations[0].forward`.
fn nearest_node<'n>(entry: &'n Node, field: &str) -> Option<&'n Node> {
    field.split('.').try_fold(entry, |node, part| {
        match part.strip_suffix(']').and_then(|part| part.split_once('[')) {
            Some((name, index)) => node.get(name)?.item(index.parse().ok()?),
            None => node.get(part),
        }
    })
}
