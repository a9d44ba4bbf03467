//! What the tests share: a read model in maps, histories of claims, and the rules told once more.

pub(crate) mod histories;
pub(crate) mod replica;
pub(crate) mod rules;
