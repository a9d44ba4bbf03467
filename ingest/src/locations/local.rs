//! What the placeholders of a file on disk stand for, for checks without a catalog.

use std::{collections::BTreeSet, path::Path};

use backstitch_schemas::{scm::Hosts, yaml::Limits};

use super::{
    disk::{self, FileRead},
    fetch::Place,
    reach::Reach,
};

/// The content that `value` names in the document at `path`, or why there is none, in the words of
/// [`backstitch_schemas::placeholder`]; nothing for a web address, which is not asked. Files are read within
/// the repository around the document; where there is none, below `root`. Both paths are absolute and
/// without `.` and `..`.
pub fn local_content(path: &Path, root: &Path, hosts: &Hosts, value: &str) -> Option<Result<String, String>> {
    let (document, roots) = (Place::File(path.to_owned()), BTreeSet::from([root.to_owned()]));
    match (Reach { document: &document, roots: &roots, hosts }).place(value, &document) {
        Ok(Place::Url(_)) => None,
        Ok(Place::File(file)) => Some(text(&file)),
        Err(why) => Some(Err(why)),
    }
}

fn text(file: &Path) -> Result<String, String> {
    let max_bytes = Limits::default().max_bytes as u64;
    match disk::read(file, max_bytes) {
        FileRead::Content(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        FileRead::Missing => Err("NotFoundError: the file does not exist".to_owned()),
        FileRead::Directory => Err("Error: it is a directory".to_owned()),
        FileRead::TooLarge => Err(format!("Error: it has more than {max_bytes} bytes")),
        FileRead::Unsettled => Err("Error: it is being written".to_owned()),
        FileRead::Failed(cause) => Err(format!("Error: {cause}")),
    }
}
