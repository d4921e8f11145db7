//! Lists of a store, page by page.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use super::{
    super::versions::{Found, Namespace, Page},
    Store,
};

impl Store {
    /// A page of a list as of `revision`, from behind `after`. `None`: that revision is compacted.
    pub(in super::super) fn page(
        &self,
        scope: Option<&str>,
        after: Option<(&str, &str)>,
        revision: u64,
        limit: usize,
    ) -> Option<Page> {
        let state = self.read();
        if revision < state.compacted {
            return None;
        }
        let mut page = Page { items: Vec::new(), more: false };
        let start = scope.or(after.map(|(namespace, _)| namespace));
        let namespaces = state
            .namespaces
            .range::<str, _>((start.map_or(Bound::Unbounded, Bound::Included), Bound::Unbounded));
        for (namespace, secrets) in namespaces {
            if scope.is_some_and(|scope| *scope != **namespace) {
                break;
            }
            let after = after.filter(|(started, _)| **started == **namespace).map(|(_, name)| name);
            secrets.page(namespace, after, revision, limit, &mut page);
            if page.more {
                break;
            }
        }
        Some(page)
    }

    /// A page of the list of all secrets as of `revision`, from `place` on: a key, or the beginning
    /// of one. `None`: that revision is compacted.
    pub(in super::super) fn page_of_all(
        &self,
        place: &str,
        revision: u64,
        limit: usize,
    ) -> Option<Page> {
        let state = self.read();
        if revision < state.compacted {
            return None;
        }
        let mut page = Page { items: Vec::new(), more: false };
        for (key, namespace) in in_key_order(&state.namespaces) {
            // where the place is in the middle of a namespace, its end is no name of its own
            let after = place.strip_prefix(&*key).map(|name| name.trim_end_matches('\0'));
            if after.is_none() && *key < *place {
                continue;
            }
            let Some(secrets) = state.namespaces.get(&namespace) else { continue };
            let after = after.filter(|name| !name.is_empty());
            secrets.page(&namespace, after, revision, limit, &mut page);
            if page.more {
                break;
            }
        }
        Some(page)
    }

    /// A single secret as a page.
    pub(in super::super) fn single(&self, namespace: &str, name: &str) -> Page {
        let state = self.read();
        let found = state.namespaces.get_key_value(namespace).and_then(|(namespace, secrets)| {
            let (name, entry) = secrets.live.get_key_value(name)?;
            let (namespace, name) = (Arc::clone(namespace), name.clone());
            Some(Found { namespace, name, version: entry.newest.clone() })
        });
        Page { items: found.into_iter().collect(), more: false }
    }

    /// How many secrets lie behind `after`: of its namespace, or with no scope of all.
    pub(in super::super) fn count_after(&self, scope: Option<&str>, after: (&str, &str)) -> usize {
        let state = self.read();
        let (started, name) = after;
        let behind = (Bound::Excluded(name), Bound::Unbounded);
        let of_its_own = state
            .namespaces
            .get(started)
            .map_or(0, |secrets| secrets.live.range::<str, _>(behind).count());
        if scope.is_some() {
            return of_its_own;
        }
        let place = format!("{started}/");
        let others = state.namespaces.iter().filter(|(namespace, _)| key_of(namespace) > place);
        of_its_own + others.map(|(_, secrets)| secrets.live.len()).sum::<usize>()
    }
}

/// The beginning of the keys of a namespace: what namespaces are sorted by in etcd.
fn key_of(namespace: &str) -> String {
    format!("{namespace}/")
}

fn in_key_order(namespaces: &BTreeMap<Arc<str>, Namespace>) -> Vec<(String, Arc<str>)> {
    let keys = namespaces.keys().map(|namespace| (key_of(namespace), Arc::clone(namespace)));
    let mut keys: Vec<_> = keys.collect();
    keys.sort_unstable();
    keys
}
