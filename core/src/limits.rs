//! What is taken of others at most: whoever sends more, or for longer, is not listened to.

use std::time::Duration;

/// Bytes of a response that is read whole, unpacked. Some are read at once.
pub(crate) const LONGEST_RESPONSE: usize = 16 * 1024 * 1024;
/// Characters of a kubeconfig that Azure gives, in base64: real ones have some thousands.
pub(crate) const LONGEST_KUBECONFIG: usize = 1024 * 1024;
/// Pages of a list of Azure.
pub(crate) const PAGES: usize = 1_000;
/// Time of one request to Azure, from its first byte to the last of its response.
pub(crate) const AZURE_REQUEST: Duration = Duration::from_secs(120);
/// Time that a credential has to give a token: somebody may have to type a code.
pub(crate) const SIGN_IN: Duration = Duration::from_secs(300);
