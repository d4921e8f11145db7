use serde_json::json;

use super::*;
use crate::{
    azure::{
        managed_cluster::ManagedCluster,
        testing::{FakeAzure, Reply, cluster_id, cluster_json, json_reply, text_reply},
    },
    report::KmsChange,
};

const CLUSTER: &str = "/managedClusters/prod?";

fn scripted(replies: impl IntoIterator<Item = Reply>) -> FakeAzure {
    let fake = FakeAzure::default();
    fake.on(Method::Get, CLUSTER, replies);
    fake
}

async fn read(fake: &FakeAzure) -> Result<()> {
    fake.client().cluster(&cluster_id()).await.map(drop)
}

fn custom() -> Cloud {
    "https://127.0.0.1:8443".parse().unwrap()
}

fn metadata() -> Reply {
    json_reply(
        200,
        json!({
            "resourceManager": "https://127.0.0.1:8443",
            "authentication": {"loginEndpoint": "https://127.0.0.1:8443/", "audiences": ["https://127.0.0.1:8443"]},
            "suffixes": {"keyVaultDns": ".vault.example"}
        }),
    )
}

#[tokio::test]
async fn a_request_says_who_asks_and_carries_the_clouds_token() {
    for (cloud, scope) in [
        (Cloud::Public, "https://management.azure.com/.default"),
        (Cloud::UsGovernment, "https://management.usgovcloudapi.net/.default"),
        (Cloud::China, "https://management.chinacloudapi.cn/.default"),
    ] {
        let fake = scripted([json_reply(200, cluster_json())]);
        fake.client_of(cloud).cluster(&cluster_id()).await.unwrap();
        let seen = &fake.seen()[0];
        assert_eq!(seen.header("user-agent"), Some(concat!("aks-kms/", env!("CARGO_PKG_VERSION"))));
        assert_eq!(seen.header("authorization"), Some(&*format!("Bearer token-1-for-{scope}")));
        assert_eq!(fake.scopes(), [scope]);
    }
}

#[tokio::test]
async fn a_clouds_endpoints_are_asked_for_once_and_without_a_token() {
    let fake = scripted([json_reply(200, cluster_json())]);
    fake.on(Method::Get, "/metadata/endpoints", [metadata()]);
    let azure = fake.client_of(custom());
    let id = cluster_id();
    let reads = futures::future::join(azure.cluster(&id), azure.cluster(&id)).await;
    assert!(reads.0.is_ok() && reads.1.is_ok());
    let seen = fake.seen();
    assert_eq!(seen.len(), 3);
    assert_eq!(
        seen[0].url.as_str(),
        "https://127.0.0.1:8443/metadata/endpoints?api-version=2022-09-01"
    );
    assert_eq!(seen[0].header("authorization"), None);
    assert_eq!(azure.key_vault_suffix().await.unwrap(), "vault.example");
    assert_eq!(fake.scopes(), ["https://127.0.0.1:8443/.default"]);
}

#[tokio::test(start_paused = true)]
async fn endpoints_that_could_not_be_read_are_asked_for_again() {
    let fake = scripted([json_reply(200, cluster_json())]);
    fake.on(Method::Get, "/metadata/endpoints", [text_reply(404, ""), metadata()]);
    let azure = fake.client_of(custom());
    assert_eq!(azure.endpoints().await.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(azure.endpoints().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn transient_failures_are_tried_again() {
    let troubles = [408, 500, 502, 503].map(|status| text_reply(status, ""));
    let replies = troubles.into_iter().chain([Reply::Dropped, json_reply(200, cluster_json())]);
    let fake = scripted(replies);
    read(&fake).await.unwrap();
    assert_eq!(fake.seen().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn throttling_waits_as_long_as_it_is_told() {
    let fake =
        scripted([text_reply(429, "").with("retry-after", "17"), json_reply(200, cluster_json())]);
    read(&fake).await.unwrap();
    let seen = fake.seen();
    let pause = (seen[1].at - seen[0].at).as_secs_f64();
    assert!((17.0..17.1).contains(&pause), "{pause}");
}

#[tokio::test(start_paused = true)]
async fn retries_are_bounded_and_end_in_what_was_wrong() {
    for (reply, kind) in [
        (text_reply(429, ""), ErrorKind::Throttled),
        (text_reply(503, ""), ErrorKind::Unavailable),
        (Reply::Dropped, ErrorKind::Unavailable),
        (Reply::Unreachable, ErrorKind::Unavailable),
    ] {
        let fake = scripted([reply]);
        assert_eq!(read(&fake).await.unwrap_err().kind(), kind);
        assert_eq!(fake.seen().len(), 7);
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_are_not_tried_again() {
    for (status, kind) in [
        (302, ErrorKind::Unexpected),
        (403, ErrorKind::Forbidden),
        (404, ErrorKind::NotFound),
        (409, ErrorKind::Conflict),
    ] {
        let fake = scripted([text_reply(status, "").with("location", "https://example.org/")]);
        assert_eq!(read(&fake).await.unwrap_err().kind(), kind);
        assert_eq!(fake.seen().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_rejected_token_is_replaced_once() {
    let rejected =
        || text_reply(401, "").with("www-authenticate", "Bearer error=\"invalid_token\"");
    let fake = scripted([rejected(), json_reply(200, cluster_json())]);
    read(&fake).await.unwrap();
    let scope = "https://management.azure.com/.default";
    assert_eq!(fake.scopes(), [scope, scope]);

    let fake = scripted([rejected()]);
    assert_eq!(read(&fake).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    assert_eq!(fake.seen().len(), 2);
}

#[tokio::test]
async fn a_challenge_of_another_authority_gets_no_second_token() {
    let foreign = text_reply(401, "").with(
        "www-authenticate",
        "Bearer authorization=\"https://login.example.org/tenant\", resource=\"https://example.org\"",
    );
    let fake = scripted([foreign]);
    let error = read(&fake).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert_eq!(fake.scopes().len(), 1);
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test]
async fn no_token_and_no_body_is_in_an_error() {
    let responses = [
        text_reply(200, "{\"needle\": "),
        json_reply(200, json!({"needle": "needle"})),
        text_reply(418, "needle"),
    ];
    for response in responses {
        let error = read(&scripted([response])).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("needle") && !shown.contains("token-1"), "{shown}");
    }
}

#[tokio::test]
async fn a_page_that_is_its_own_successor_ends_the_list() {
    let fake = FakeAzure::default();
    let page = json!({"value": [1], "nextLink": "https://management.azure.com/things?page=2"});
    fake.on(Method::Get, "/things?", [json_reply(200, page)]);
    let error =
        fake.client().list(Call::get("/things", "1", "list things", None)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unexpected);
    assert_eq!(fake.seen().len(), 2);
}

#[test]
fn certificates_that_cannot_be_read_are_refused_before_any_request() {
    for pem in [
        &b""[..],
        b"no certificate",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let config = AzureConfig {
            transport: None,
            ca_bundle: Some(pem.to_vec()),
            ..FakeAzure::default().config(Cloud::Public)
        };
        let error = Azure::new(config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().starts_with("ca_bundle"), "{error}");
    }
}

#[test]
fn a_custom_cloud_must_be_https() {
    let cloud = Cloud::Custom { resource_manager: Url::parse("http://127.0.0.1").unwrap() };
    let error = Azure::new(FakeAzure::default().config(cloud)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn an_api_version_is_a_date() {
    for (text, fits) in [
        ("2026-08-01", true),
        ("2024-10-02-preview", true),
        ("", false),
        ("newest", false),
        ("2026-08-01&x=y", false),
        ("2026/08/01", false),
    ] {
        let config = AzureConfig {
            api_version: Some(text.to_owned()),
            ..FakeAzure::default().config(Cloud::Public)
        };
        let made = Azure::new(config);
        assert_eq!(made.is_ok(), fits, "{text}");
        if let Err(error) = made {
            assert!(error.to_string().starts_with("api_version is"), "{error}");
        }
    }
}

#[tokio::test]
async fn the_http_client_follows_no_redirect() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let mut requests = 0;
        while let Ok((mut stream, _)) = listener.accept().await {
            requests += 1;
            let _ = stream.read(&mut [0; 4096]).await;
            let response = format!(
                "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{address}/{requests}\r\n\
                 content-length: 0\r\nconnection: close\r\n\r\n"
            );
            stream.write_all(response.as_bytes()).await.unwrap();
            assert_eq!(requests, 1, "a redirect was followed");
        }
    });
    let url = Url::parse(&format!("http://{address}/")).unwrap();
    let mut request = Request::new(url, Method::Get);
    request.insert_header("authorization", "Bearer token");
    let response = http_client(None).unwrap().send(&Context::new(), &mut request).await.unwrap();
    assert_eq!(u16::from(response.status()), 307);
    assert!(!server.is_finished(), "the server saw more than one request");
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_cluster_is_never_sent_again_without_a_look() {
    let before = ManagedCluster::parse(&cluster_id(), cluster_json()).unwrap();
    for reply in [text_reply(429, "").with("retry-after", "1"), text_reply(503, ""), Reply::Dropped]
    {
        let fake = FakeAzure::default();
        fake.on(Method::Put, "/managedClusters/", [reply, json_reply(200, cluster_json())]);
        assert!(fake.client().put_kms(&before, &KmsChange::Off).await.is_err());
        assert_eq!(fake.seen().len(), 1);
    }
}
