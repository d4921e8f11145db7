//! The api-versions of each resource provider.

use crate::http::Answer;

/// A resource provider.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Provider {
    Resources,
    ContainerService,
    KeyVault,
    ManagedIdentity,
    Authorization,
    Insights,
    ResourceGraph,
    Features,
}

impl Provider {
    /// The provider's namespace.
    pub(super) fn namespace(self) -> &'static str {
        match self {
            Self::Resources => "Microsoft.Resources",
            Self::ContainerService => "Microsoft.ContainerService",
            Self::KeyVault => "Microsoft.KeyVault",
            Self::ManagedIdentity => "Microsoft.ManagedIdentity",
            Self::Authorization => "Microsoft.Authorization",
            Self::Insights => "Microsoft.Insights",
            Self::ResourceGraph => "Microsoft.ResourceGraph",
            Self::Features => "Microsoft.Features",
        }
    }

    /// What it knows, newest first.
    pub(super) fn versions(self) -> &'static [&'static str] {
        match self {
            Self::Resources => &[
                "2025-04-01",
                "2025-03-01",
                "2024-11-01",
                "2024-07-01",
                "2024-03-01",
                "2023-07-01",
                "2022-12-01",
                "2022-09-01",
                "2022-01-01",
                "2021-04-01",
                "2021-01-01",
                "2020-10-01",
                "2020-06-01",
                "2020-01-01",
                "2019-11-01",
                "2019-10-01",
                "2019-06-01",
                "2018-06-01",
                "2018-05-01",
                "2016-06-01",
                "2015-11-01",
            ],
            Self::ContainerService => &[
                "2026-08-02-preview",
                "2026-08-01",
                "2026-07-02-preview",
                "2026-07-01",
                "2026-06-01",
                "2026-05-01",
                "2026-04-01",
                "2026-03-01",
                "2026-02-01",
                "2026-01-01",
                "2025-10-01",
                "2025-09-02-preview",
                "2025-09-01",
                "2025-08-01",
                "2025-07-01",
                "2025-06-02-preview",
                "2025-06-01",
                "2025-05-01",
                "2025-04-01",
                "2025-03-01",
                "2025-02-01",
                "2025-01-01",
                "2024-10-01",
                "2024-09-01",
                "2024-08-01",
                "2024-07-01",
                "2024-06-01",
                "2024-05-01",
                "2024-03-01",
                "2024-02-01",
                "2024-01-01",
                "2023-11-01",
                "2023-10-01",
                "2023-09-01",
                "2023-08-01",
                "2023-07-01",
                "2023-06-01",
                "2023-05-01",
                "2023-04-01",
                "2016-03-30",
            ],
            Self::KeyVault => &[
                "2026-05-15",
                "2026-03-01",
                "2026-02-01",
                "2025-05-01",
                "2024-11-01",
                "2023-07-01",
                "2023-02-01",
                "2022-11-01",
                "2022-07-01",
                "2021-10-01",
                "2019-09-01",
            ],
            Self::ManagedIdentity => &[
                "2025-05-31-preview",
                "2025-01-31-preview",
                "2024-11-30",
                "2023-07-31-preview",
                "2023-01-31",
                "2022-01-31-preview",
                "2021-09-30-preview",
                "2018-11-30",
            ],
            Self::Authorization => &[
                "2022-05-01-preview",
                "2022-04-01",
                "2020-10-01-preview",
                "2020-08-01-preview",
                "2020-04-01-preview",
                "2018-09-01-preview",
                "2018-01-01-preview",
                "2015-07-01",
            ],
            Self::Features => &["2021-07-01", "2015-12-01"],
            Self::Insights => &["2021-05-01-preview"],
            Self::ResourceGraph => &["2024-04-01", "2022-10-01", "2021-03-01"],
        }
    }
}

/// Refuses an api-version that the provider does not know.
pub(super) fn check(provider: Provider, version: Option<&str>) -> Result<(), Answer> {
    let Some(version) = version else {
        return Err(Answer::error(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        ));
    };
    let supported = provider.versions();
    if supported.contains(&version) {
        return Ok(());
    }
    let message = format!(
        "The api-version '{version}' is invalid. The supported versions are '{}'.",
        supported.join(",")
    );
    Err(Answer::error(400, "InvalidApiVersionParameter", &message))
}
