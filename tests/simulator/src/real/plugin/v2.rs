//! KMS API v2: the plugin names its key.

use tonic::{Request, Response, Status, async_trait};

use super::Keeper;
use crate::real::proto::kms_v2::{
    DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse, StatusRequest,
    StatusResponse, key_management_service_server::KeyManagementService,
};

#[async_trait]
impl KeyManagementService for Keeper {
    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        self.up().await;
        let key = self.keys().write;
        Ok(Response::new(StatusResponse {
            version: "v2".to_owned(),
            healthz: self.health().await,
            key_id: key.plugin_key_id(),
        }))
    }

    async fn encrypt(
        &self,
        request: Request<EncryptRequest>,
    ) -> Result<Response<EncryptResponse>, Status> {
        let (key, ciphertext) = self.encrypt(&request.into_inner().plaintext).await?;
        let key_id = key.plugin_key_id();
        Ok(Response::new(EncryptResponse { ciphertext, key_id, ..EncryptResponse::default() }))
    }

    async fn decrypt(
        &self,
        request: Request<DecryptRequest>,
    ) -> Result<Response<DecryptResponse>, Status> {
        let request = request.into_inner();
        let plaintext = self.decrypt(&request.key_id, &request.ciphertext).await?;
        Ok(Response::new(DecryptResponse { plaintext }))
    }
}
