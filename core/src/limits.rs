//! What is taken of others at most: whoever sends more, or for longer, is not listened to.

use std::time::Duration;

/// Bytes of a response that is read whole, unpacked. Some are read at once.
pub(crate) const LONGEST_RESPONSE: usize = 16 * 1024 * 1024;
/// Characters of a kubeconfig that Azure gives, in base64: real ones have some thousands.
pub(crate) const LONGEST_KUBECONFIG: usize = 1024 * 1024;
/// Pages of a list.
const PAGES: usize = 1_000;
/// Time of one request to Azure, from its first byte to the last of its response.
pub(crate) const AZURE_REQUEST: Duration = Duration::from_secs(120);
/// Time that a credential has to give a token: somebody may have to type a code.
pub(crate) const SIGN_IN: Duration = Duration::from_secs(300);

/// Counts the pages of a list, which may not come to an end.
#[derive(Default)]
pub(crate) struct PageCount(usize);

impl PageCount {
    /// Notes a page that was read.
    ///
    /// # Errors
    /// What is wrong with a list of that many.
    pub(crate) fn one_more(&mut self) -> Result<(), String> {
        self.0 += 1;
        if self.0 > PAGES {
            return Err(format!("it is a list of more than {PAGES} pages"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_a_thousand_pages_at_most() {
        let mut count = PageCount::default();
        for _ in 0..1_000 {
            count.one_more().unwrap();
        }
        assert!(count.one_more().unwrap_err().contains("more than 1000 pages"));
    }
}
