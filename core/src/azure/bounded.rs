//! A response is read whole here, within limits of size and time, whoever sends it; and a token is had in
//! time, or not at all.

#![expect(
    elided_lifetimes_in_paths,
    reason = "azure_core declares these traits with elided lifetimes, which async_trait makes part of the signature"
)]

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::{
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    error::{Error, ErrorKind},
    http::{
        AsyncRawResponse, AsyncResponseBody, Context, Request,
        policies::{Policy, PolicyResult},
    },
};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use tokio::time::timeout;

use crate::limits::{AZURE_REQUEST, LONGEST_RESPONSE, SIGN_IN};

/// The last policy before the transport: one try, bounded.
#[derive(Debug)]
pub(super) struct Bounded;

#[async_trait]
impl Policy for Bounded {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        let whole = async {
            let response = next[0].send(context, request, &next[1..]).await?;
            let (status, headers, body) = response.deconstruct();
            Ok(AsyncRawResponse::from_bytes(status, headers, collect(body).await?))
        };
        timeout(AZURE_REQUEST, whole).await.unwrap_or_else(|_| {
            let message = format!("no whole response within {} s", AZURE_REQUEST.as_secs());
            Err(Error::with_message(ErrorKind::Io, message))
        })
    }
}

async fn collect(mut body: AsyncResponseBody) -> azure_core::Result<Bytes> {
    let mut whole = BytesMut::new();
    while let Some(chunk) = body.try_next().await? {
        if whole.len() + chunk.len() > LONGEST_RESPONSE {
            let message = format!("it is longer than {} MiB", LONGEST_RESPONSE >> 20);
            return Err(Error::with_message(ErrorKind::DataConversion, message));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

/// The caller's credential: some run a program, which may wait for somebody.
#[derive(Debug)]
pub(super) struct BoundedCredential(pub(super) Arc<dyn TokenCredential>);

#[async_trait]
impl TokenCredential for BoundedCredential {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        timeout(SIGN_IN, self.0.get_token(scopes, options)).await.unwrap_or_else(|_| {
            let message = format!("the credential gave nothing within {} s", SIGN_IN.as_secs());
            Err(Error::with_message(ErrorKind::Credential, message))
        })
    }
}

#[cfg(test)]
#[path = "bounded_tests.rs"]
mod tests;
