//! In which namespaces etcd holds secrets that no Namespace stands for any more.
//!
//! A Namespace that hung in Terminating and was finalized by hand leaves its secrets behind. Each
//! API server reads them when it starts, and no list of the Namespaces that exist leads to them.
//! Tables do not say namespaces, and every other form may show values: so pages of a single secret
//! are asked for, whose continue token says the key that they end at.

use futures::{StreamExt, TryStreamExt, stream};

use super::{
    Engine,
    continue_token::{namespace_in, token_at},
    requests::{self, PageResponse},
};
use crate::error::Result;

/// Lists at the same time.
const AT_ONCE: usize = 8;
/// The characters of a namespace's name and the end of it, in the order of keys.
const CHARACTERS: &[u8] = b"-/0123456789abcdefghijklmnopqrstuvwxyz";
/// The longest name of a namespace.
const LONGEST_NAME: usize = 63;

/// The first secret at a place or behind it.
enum Found {
    Nothing,
    /// There are more behind it.
    In(String),
    /// It is the last of all, and a page that is the last one has no token.
    Last,
}

impl Engine {
    /// Namespaces with secrets that are not among the `known` ones. `None`: it cannot be told,
    /// because the API server's tokens are not what they have been since Kubernetes 1.8.
    ///
    /// A secret that is there from the beginning of this to its end is not missed, whatever else
    /// is made or deleted meanwhile.
    pub(super) async fn forgotten_namespaces(
        &self,
        known: &[String],
    ) -> Result<Option<Vec<String>>> {
        let mut known = known.to_vec();
        known.sort_unstable_by_key(|namespace| key_of(namespace));
        known.dedup();
        let known = &known;
        let gaps = stream::iter(0..=known.len())
            .map(|gap| async move { self.look_into_gap(gap, known).await })
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<_>>()
            .await?;
        let mut forgotten = Vec::new();
        let mut last = false;
        for gap in gaps {
            let Some((found, comes_to_the_last)) = gap else { return Ok(None) };
            forgotten.extend(found);
            last |= comes_to_the_last;
        }
        if last {
            match self.namespace_of_the_last().await? {
                Some(namespace) => forgotten.push(namespace),
                None => return Ok(None),
            }
        }
        forgotten.sort_unstable();
        forgotten.dedup();
        forgotten.retain(|namespace| !known.contains(namespace));
        Ok(Some(forgotten))
    }

    /// The namespaces behind a known one and before the next, and whether the last secret of all
    /// was come to.
    async fn look_into_gap(
        &self,
        gap: usize,
        known: &[String],
    ) -> Result<Option<(Vec<String>, bool)>> {
        let mut found = Vec::new();
        let mut place = gap.checked_sub(1).map(|before| behind(&known[before]));
        loop {
            let Some(first) = self.first_secret(place.as_deref()).await? else { return Ok(None) };
            match first {
                Found::In(namespace) if !known.contains(&namespace) => {
                    place = Some(behind(&namespace));
                    found.push(namespace);
                }
                Found::In(_) | Found::Nothing => return Ok(Some((found, false))),
                Found::Last => return Ok(Some((found, true))),
            }
        }
    }

    /// The namespace of the secret whose key is the last: its name is felt for, character by
    /// character, because something is listed from a place exactly if the key is not before it.
    async fn namespace_of_the_last(&self) -> Result<Option<String>> {
        let mut name = String::new();
        while name.len() <= LONGEST_NAME {
            // the first of these is not too far, the one behind the last is
            let (mut near, mut far) = (0, CHARACTERS.len());
            while far - near > 1 {
                let middle = usize::midpoint(near, far);
                let place = match CHARACTERS[middle] {
                    b'/' => format!("{name}/\0"),
                    character => format!("{name}{}", char::from(character)),
                };
                match self.first_secret(Some(&place)).await? {
                    Some(Found::Nothing) => far = middle,
                    Some(Found::In(_) | Found::Last) => near = middle,
                    None => return Ok(None),
                }
            }
            if CHARACTERS[near] == b'/' {
                return Ok(Some(name).filter(|name| !name.is_empty()));
            }
            name.push(char::from(CHARACTERS[near]));
        }
        Ok(None)
    }

    /// The first secret of all at a place or behind it. `None`: what the response says cannot be read.
    async fn first_secret(&self, place: Option<&str>) -> Result<Option<Found>> {
        let token = place.map(token_at);
        let failed = "the secrets of all namespaces could not be listed";
        let ask = || requests::first_secret(&self.api, token.as_deref());
        Ok(match self.retried(failed, ask).await? {
            PageResponse::Page(page) => match page.continue_token {
                Some(token) => namespace_in(&token).map(Found::In),
                None if page.names.is_empty() => Some(Found::Nothing),
                None => Some(Found::Last),
            },
            PageResponse::Unreadable(list) => {
                self.confirmed(list.first_namespace_at(place.unwrap_or_default())).await?
            }
            PageResponse::Expired(_) | PageResponse::Retry { .. } => None,
        })
    }

    /// A namespace that an error named, which may be wrong: believed where there are secrets in it.
    async fn confirmed(&self, namespace: Option<&str>) -> Result<Option<Found>> {
        let Some(namespace) = namespace else { return Ok(None) };
        let failed = format!("the secrets of namespace {namespace} could not be listed");
        let ask = || requests::secrets_page(&self.api, namespace, 1, None);
        let is_there = match self.retried(&failed, ask).await? {
            PageResponse::Page(page) => !page.names.is_empty(),
            PageResponse::Unreadable(_) => true,
            PageResponse::Expired(_) | PageResponse::Retry { .. } => false,
        };
        Ok(is_there.then(|| Found::In(namespace.to_owned())))
    }
}

/// What namespaces are sorted by: their keys, not their names.
fn key_of(namespace: &str) -> String {
    format!("{namespace}/")
}

/// The place behind all secrets of a namespace: no name begins with this.
fn behind(namespace: &str) -> String {
    format!("{namespace}/~")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_keys() {
        let mut names = ["ghost", "ghost-a", "ghost0", "a"];
        names.sort_unstable_by_key(|namespace| key_of(namespace));
        assert_eq!(names, ["a", "ghost-a", "ghost", "ghost0"]);
        assert!(*behind("ghost") > *"ghost/zz.9" && behind("ghost") < key_of("ghost0"));
        assert!(CHARACTERS.is_sorted());
    }
}
