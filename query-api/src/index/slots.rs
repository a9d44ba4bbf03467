//! A persistent table of numbered places; a place that was freed is taken again.

use imbl::Vector;

/// Items by number. A clone shares everything that is not changed afterwards.
#[derive(Clone, Debug)]
pub(super) struct Slots<T: Clone> {
    items: Vector<Option<T>>,
    free: Vector<u32>,
}

impl<T: Clone> Default for Slots<T> {
    fn default() -> Self {
        Self { items: Vector::new(), free: Vector::new() }
    }
}

impl<T: Clone> Slots<T> {
    /// The item at this number.
    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.items.get(number as usize)?.as_ref()
    }

    /// The item at this number, to be changed in this version only.
    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.items.get_mut(number as usize)?.as_mut()
    }

    /// All items.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter().flatten()
    }

    /// Puts an item at a free number.
    pub(super) fn add(&mut self, item: T) -> u32 {
        self.add_with(|_| item)
    }

    /// Puts an item that knows its number at a free one.
    pub(super) fn add_with(&mut self, item: impl FnOnce(u32) -> T) -> u32 {
        if let Some(number) = self.free.pop_back() {
            self.items.set(number as usize, Some(item(number)));
            return number;
        }
        let number = u32::try_from(self.items.len()).expect("fewer than 2^32 items fit into memory");
        self.items.push_back(Some(item(number)));
        number
    }

    /// Frees a number.
    pub(super) fn remove(&mut self, number: u32) {
        if self.get(number).is_some() {
            self.items.set(number as usize, None);
            self.free.push_back(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freed_number_is_taken_again_and_older_versions_do_not_notice() {
        let mut slots = Slots::default();
        let (a, b) = (slots.add("a"), slots.add("b"));
        let before = slots.clone();
        slots.remove(a);
        assert_eq!(slots.add("c"), a);
        assert_eq!((slots.get(a), before.get(a)), (Some(&"c"), Some(&"a")));
        assert_eq!(slots.get(b), Some(&"b"));
    }
}
