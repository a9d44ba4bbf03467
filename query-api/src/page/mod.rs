//! The page for people: what is wrong, what changed, what there is. Rendered here, without scripts,
//! so that it works anywhere the API does.

pub(crate) mod entity;
pub(crate) mod home;
mod html;
pub(crate) mod kind;
mod parts;
mod table;
