//! The versions of the secrets of one namespace, as of any revision that is not compacted.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use super::{secret::Secret, transform::Seal};

/// One stored version of a secret.
#[derive(Clone)]
pub(super) struct Version {
    /// The revision that wrote it: its resource version.
    pub(super) revision: u64,
    /// How it is stored.
    pub(super) seal: Arc<Seal>,
    pub(super) secret: Arc<Secret>,
}

/// A key of the store: its newest version and those before, the oldest first.
pub(super) struct Entry {
    created: u64,
    pub(super) newest: Version,
    older: Vec<Version>,
}

/// A deleted key, which lists that began before can still see.
struct Grave {
    name: Box<str>,
    deleted: u64,
    entry: Entry,
}

/// The secrets of a namespace, those that were deleted lately included.
#[derive(Default)]
pub(super) struct Namespace {
    pub(super) live: BTreeMap<Box<str>, Entry>,
    graves: Vec<Grave>,
}

/// A secret as a list finds it.
pub(super) struct Found {
    pub(super) namespace: Arc<str>,
    pub(super) name: Box<str>,
    pub(super) version: Version,
}

/// A page of a list.
pub(super) struct Page {
    pub(super) items: Vec<Found>,
    /// Whether there is more behind it.
    pub(super) more: bool,
}

impl Entry {
    /// A key that did not exist.
    pub(super) fn new(version: Version) -> Self {
        Self { created: version.revision, newest: version, older: Vec::new() }
    }

    /// Puts a version on top; gives the one before. What no list can ask for since `compacted` is
    /// forgotten.
    pub(super) fn put(&mut self, version: Version, compacted: u64) -> Version {
        let before = std::mem::replace(&mut self.newest, version);
        // what was the newest at the compaction is still needed, and what came after it
        let needed = self.older.partition_point(|version| version.revision <= compacted);
        self.older.drain(..needed.saturating_sub(1));
        // most secrets have no more than one version before the newest
        self.older.reserve_exact(usize::from(self.older.is_empty()));
        self.older.push(before.clone());
        before
    }

    /// The version that was the newest at `revision`.
    fn at(&self, revision: u64) -> Option<&Version> {
        if self.created > revision {
            return None;
        }
        std::iter::once(&self.newest)
            .chain(self.older.iter().rev())
            .find(|version| version.revision <= revision)
    }
}

impl Namespace {
    /// Deletes a secret at `revision`: its name and what it was last.
    pub(super) fn bury(
        &mut self,
        name: &str,
        revision: u64,
        compacted: u64,
    ) -> Option<(Box<str>, Version)> {
        let (name, entry) = self.live.remove_entry(name)?;
        let last = Version { revision, ..entry.newest.clone() };
        self.graves.retain(|grave| grave.deleted > compacted);
        self.graves.push(Grave { name: name.clone(), deleted: revision, entry });
        Some((name, last))
    }

    /// Adds to a page what there was at `revision`, from behind `after`, until it is full.
    pub(super) fn page(
        &self,
        namespace: &Arc<str>,
        after: Option<&str>,
        revision: u64,
        limit: usize,
        page: &mut Page,
    ) {
        let mut graves: Vec<(&str, &Version)> = self
            .graves
            .iter()
            .filter(|grave| {
                grave.deleted > revision && after.is_none_or(|after| *grave.name > *after)
            })
            .filter_map(|grave| Some((&*grave.name, grave.entry.at(revision)?)))
            .collect();
        graves.sort_unstable_by_key(|(name, _)| *name);
        let mut graves = graves.into_iter().peekable();
        let bounds = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let mut live = self
            .live
            .range::<str, _>(bounds)
            .filter_map(|(name, entry)| Some((&**name, entry.at(revision)?)))
            .peekable();
        loop {
            let buried = match (live.peek(), graves.peek()) {
                (None, None) => return,
                (Some(_), None) => false,
                (None, Some(_)) => true,
                (Some((live, _)), Some((buried, _))) => buried < live,
            };
            let next = if buried { graves.next() } else { live.next() };
            let Some((name, version)) = next else { return };
            if page.items.len() == limit {
                page.more = true;
                return;
            }
            page.items.push(Found {
                namespace: Arc::clone(namespace),
                name: name.into(),
                version: version.clone(),
            });
        }
    }
}
