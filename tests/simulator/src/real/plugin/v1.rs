//! KMS API v1: the API server knows no key ids.

use sha2::{Digest, Sha256};
use tonic::{Request, Response, Status, async_trait};

use super::Keeper;
use crate::real::{
    proto::kms_v1::{
        DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse, VersionRequest,
        VersionResponse, key_management_service_server::KeyManagementService,
    },
    stored::{KEY_ID_BYTES, plugin_key_id_v1},
};

const VERSION: &str = "v1beta1";

#[async_trait]
impl KeyManagementService for Keeper {
    async fn version(
        &self,
        _: Request<VersionRequest>,
    ) -> Result<Response<VersionResponse>, Status> {
        self.up().await;
        Ok(Response::new(VersionResponse {
            version: VERSION.to_owned(),
            runtime_name: env!("CARGO_PKG_NAME").to_owned(),
            runtime_version: env!("CARGO_PKG_VERSION").to_owned(),
        }))
    }

    /// The key id goes before the ciphertext, so that it can be told which key it is under.
    async fn encrypt(
        &self,
        request: Request<EncryptRequest>,
    ) -> Result<Response<EncryptResponse>, Status> {
        let (key, ciphertext) = self.encrypt(&request.into_inner().plain).await?;
        let cipher = [Sha256::digest(&key.key_id).as_slice(), &ciphertext].concat();
        Ok(Response::new(EncryptResponse { cipher }))
    }

    async fn decrypt(
        &self,
        request: Request<DecryptRequest>,
    ) -> Result<Response<DecryptResponse>, Status> {
        let cipher = request.into_inner().cipher;
        let plugin_key_id = plugin_key_id_v1(&cipher)
            .ok_or_else(|| Status::invalid_argument("this plugin did not encrypt it"))?;
        let plain = self.decrypt(&plugin_key_id, &cipher[KEY_ID_BYTES..]).await?;
        Ok(Response::new(DecryptResponse { plain }))
    }
}
