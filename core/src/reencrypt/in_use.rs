use super::{Engine, Pass};
use crate::{
    error::Result,
    model::{ExpectedKey, Purpose},
};

impl Engine {
    pub(crate) async fn converge_in_use(
        &self,
        purpose: Purpose,
        candidates: &[ExpectedKey],
    ) -> Result<Pass> {
        let mut last = None;
        for _ in 0..200 {
            for key in candidates {
                let mut pass = Pass::new(purpose, key.clone(), None, self.namespaces.clone());
                match self.try_once(&mut pass).await {
                    Ok(true) => return Ok(pass),
                    Ok(false) => {}
                    Err(error) => last = Some(error),
                }
            }
            tokio::time::sleep(self.timing.convergence_poll).await;
        }
        Err(last.unwrap_or_else(|| crate::Error::new(crate::ErrorKind::PreflightFailed, "not found")))
    }
}
impl Pass {
    pub(crate) fn keys(&self) -> &[ExpectedKey] {
        std::slice::from_ref(&self.expected)
    }
}
