//! JSON pointers (RFC 6901): how problems name the place that they are about.

/// A member's name as part of a pointer.
pub(crate) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The members that a pointer names, unescaped.
pub(crate) fn segments(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"))
}

/// A pointer as people write it: `spec.steps[0].action`.
pub(crate) fn dotted(pointer: &str) -> String {
    let mut path = String::new();
    for name in segments(pointer) {
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        if name.parse::<usize>().is_ok() {
            path.push_str(&format!("[{name}]"));
        } else if !plain {
            path.push_str(&format!("[\"{name}\"]"));
        } else {
            path.push_str(if path.is_empty() { "" } else { "." });
            path.push_str(&name);
        }
    }
    if path.is_empty() { "the document".to_owned() } else { path }
}

/// Whether a pointer leads to the value at `to`, or to something in it.
pub(crate) fn leads_into(pointer: &str, to: &str) -> bool {
    pointer.strip_prefix(to).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
