//! Whatever a look is answered with, it is judged, and what is said of it is fit to be shown.

use azure_core::http::headers::{HeaderName, Headers};

use super::*;
use crate::testing::{Seen, Target};

fn response(status: u16, body: &[u8]) -> Response {
    Response { status, headers: Headers::new(), body: body.to_vec().into() }
}

fn documents() -> Vec<Vec<u8>> {
    let mut failed = cluster("Failed");
    failed["properties"]["status"] = json!({"provisioningError": {"code": "BadRequest", "message": "no", "subcode": "KeyNotThere"}});
    [
        json!({"name": "1", "status": "CreatingAgentPools: 1/3 nodes completed", "startTime": "2026-01-01T00:00:00Z"}),
        json!({"status": "InProgress", "endTime": "2026-01-01T00:01:00Z", "error": {"code": "InternalOperationError", "message": "m"}}),
        json!({"status": "Succeeded", "error": {"code": "NotLatestOperation", "message": "m"}}),
        json!({"status": "Failed", "error": {"code": "OperationPreempted", "message": "another one", "details": []}}),
        json!({"status": "cancelled", "code": "BadRequest", "message": "no", "subcode": "WebAppRoutingDNSZoneNotFound"}),
        cluster("Updating"),
        cluster("Succeeded"),
        failed,
    ]
    .iter()
    .map(|document| document.to_string().into_bytes())
    .collect()
}

#[test]
fn fuzz_operations() {
    let url = Url::parse(POLL).unwrap();
    let sources = [
        Source::Status(url.clone()),
        Source::Location(url.clone()),
        Source::Cluster(Until::Read),
        Source::Cluster(Until::Ended),
        Source::Cluster(Until::AtRest),
    ];
    let target =
        Target { name: "operations", documents: documents(), read: 40, hidden: &["signed"] };
    let call = Call::new(Method::Get, CallTarget::Poll(url), "update X", READ_STATUS);
    target.run(|input| {
        let mut seen = Seen::found::<()>(None);
        for source in &sources {
            for status in [200, 202, 204, 302, 400, 404, 429, 504] {
                let verdict = judge(&cluster_id(), source, &call, &response(status, input));
                let is_success = (200..300).contains(&status);
                match &verdict {
                    Verdict::InProgress(state) => {
                        assert!(is_success && state.chars().count() <= LONGEST_NAME + 1, "{state}");
                        assert!(!state.contains(char::is_control), "{state:?}");
                    }
                    Verdict::Succeeded | Verdict::Read(_) => assert!(is_success, "{status}"),
                    Verdict::Ended(error) | Verdict::PollFailed(error) => {
                        let shown = format!("{error} {error:?}");
                        assert!(
                            !shown.contains(char::is_control) && !shown.contains("signed"),
                            "{shown:?}"
                        );
                        assert!(shown.chars().count() < 3_000, "{shown}");
                    }
                    Verdict::NotRead => assert!(!is_success, "{status}"),
                }
                let is_body = matches!(source, Source::Status(_))
                    || matches!(source, Source::Cluster(Until::Ended));
                if is_success
                    && is_body
                    && !matches!(verdict, Verdict::PollFailed(_) | Verdict::NotRead)
                {
                    seen = Seen::Read;
                }
            }
        }
        seen
    });
}

/// Addresses and pauses are in headers.
#[test]
fn fuzz_headers_of_an_accepted_change() {
    let documents = [POLL, "40", "Fri, 27 Nov 2026 02:02:17 GMT"].map(Vec::from).to_vec();
    let target = Target { name: "headers of a change", documents, read: 15, hidden: &["signed"] };
    let endpoints = crate::azure::Cloud::Public.endpoints().unwrap();
    target.run(|input| {
        let text = String::from_utf8_lossy(input).into_owned();
        let mut read = None;
        for name in ["azure-asyncoperation", "location", "retry-after"] {
            let mut response = response(200, b"");
            response.headers.insert(HeaderName::from_static(name), text.clone());
            match Operation::accepted(&cluster_id(), "update it", &response, &endpoints) {
                Ok(Operation { source: Source::Status(url) | Source::Location(url), .. }) => {
                    assert_eq!(url.host_str(), Some("management.azure.com"));
                    read = Some(());
                }
                Ok(Operation { first_pause: Some(pause), .. }) => {
                    assert!(pause <= LONGEST_ASKED, "{pause:?}");
                    read = Some(());
                }
                Ok(_) => {}
                Err(error) => {
                    assert!(!format!("{error} {error:?}").contains("signed"), "{error:?}");
                }
            }
        }
        Seen::found(read)
    });
}
