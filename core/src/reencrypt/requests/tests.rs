use super::*;
use crate::kubernetes::Response;

fn status(code: u16, message: &str, reason: &str, details: &str) -> Response {
    let message = message.replace('"', "\\\"");
    let body = format!(
        r#"{{"kind":"Status","message":"{message}","reason":"{reason}","details":{details},"code":{code}}}"#
    );
    Response { status: code, retry_after: Some(Duration::from_secs(9)), body: body.into() }
}

async fn said(response: &Response) -> Result<PatchResponse> {
    let server = crate::kubernetes::silent_api().await;
    classify(&server, response, "team", "a")
}

#[tokio::test]
async fn whatever_a_webhook_says_is_about_the_secret() {
    for code in [400, 401, 403, 404, 408, 409, 410, 418, 429, 500, 502, 503, 504, 507] {
        for words in ["no", "etcdserver: mvcc: database space exceeded", "no matching prefix found"]
        {
            let message = format!("admission webhook \"w.example\" denied the request: {words}");
            let details = r#"{"kind":"secrets","name":"a","retryAfterSeconds":2147483647}"#;
            let response = status(code, &message, "NotFound", details);
            let told =
                format!("admission webhook \"w.example\" denied the request with code {code}");
            assert_eq!(
                said(&response).await.unwrap(),
                PatchResponse::Blocked(BlockedReason::Denied, told)
            );
        }
    }
    let down =
        "Internal error occurred: failed calling webhook \"w.example\": database space exceeded";
    let response = said(&status(500, down, "InternalError", "{}")).await.unwrap();
    assert!(matches!(response, PatchResponse::Blocked(BlockedReason::Error, _)), "{response:?}");
}

#[tokio::test]
async fn a_404_is_believed_only_where_it_is_the_secrets_own() {
    let own =
        status(404, "secrets \"a\" not found", "NotFound", r#"{"kind":"secrets","name":"a"}"#);
    assert_eq!(said(&own).await.unwrap(), PatchResponse::Gone);
    let gone = status(
        404,
        "namespaces \"team\" not found",
        "NotFound",
        r#"{"kind":"namespaces","name":"team"}"#,
    );
    let response = said(&gone).await.unwrap();
    let PatchResponse::Blocked(BlockedReason::NamespaceGone, message) = response else {
        panic!("{response:?}");
    };
    assert!(message.contains("kubectl delete secret a -n team"), "{message}");
    let others = [
        status(404, "secrets \"b\" not found", "NotFound", r#"{"kind":"secrets","name":"b"}"#),
        status(404, "the server could not find the requested resource", "NotFound", "{}"),
        status(404, "secrets \"a\" not found", "", r#"{"kind":"secrets","name":"a"}"#),
    ];
    for other in others {
        let response = said(&other).await.unwrap();
        assert!(
            matches!(response, PatchResponse::Blocked(BlockedReason::Denied, _)),
            "{response:?}"
        );
    }
}

#[tokio::test]
async fn what_the_api_server_says_of_itself_is_obeyed() {
    let busy = Response {
        status: 429,
        retry_after: Some(Duration::from_secs(1)),
        body: "Too many requests, please try again later.".into(),
    };
    assert!(matches!(said(&busy).await.unwrap(), PatchResponse::Overloaded { after: Some(_), .. }));
    let full = status(500, "etcdserver: mvcc: database space exceeded", "", "{}");
    assert_eq!(said(&full).await.unwrap_err().kind(), ErrorKind::Unavailable);
    let unauthorized = status(401, "Unauthorized", "Unauthorized", "{}");
    assert_eq!(said(&unauthorized).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn both_forms_of_what_does_not_decrypt_are_understood() {
    for before in ["", "data from the storage is not transformable revision=0: "] {
        let without_a_key = format!("Internal error occurred: {before}no matching prefix found");
        let response = said(&status(500, &without_a_key, "InternalError", "{}")).await.unwrap();
        assert_eq!(response, PatchResponse::Blocked(BlockedReason::Unreadable, without_a_key));
    }
    for (message, expected) in [
        ("failed to decrypt DEK, error: rpc error: code = Unavailable", true),
        (
            "data from the storage is not transformable revision=0: got unexpected nil transformer",
            true,
        ),
        ("etcdserver: request timed out", false),
    ] {
        let response = said(&status(500, message, "InternalError", "{}")).await.unwrap();
        assert_eq!(response, PatchResponse::Broken(message.to_owned()), "an outage may be over");
        assert_eq!(is_decryption(message), expected, "{message}");
    }
}

#[tokio::test]
async fn a_next_page_that_is_the_page_itself_is_not_read_for_ever() {
    let table = r#"{"kind":"Table","metadata":{"resourceVersion":"1","continue":"again"},"columnDefinitions":[{"name":"Name"}],"rows":[{"cells":["a"]}]}"#;
    let (api, _server) = crate::kubernetes::api_that_says(table.to_owned()).await;
    let first = secrets_page(&api, "team", 500, None).await;
    assert!(matches!(first, Ok(PageResponse::Page(_))), "{first:?}");
    assert!(secrets_page(&api, "team", 500, Some("again")).await.is_err());
    assert!(namespaces_page(&api, 500, Some("again")).await.is_err());
    let other = secrets_page(&api, "team", 500, Some("before")).await;
    assert!(matches!(other, Ok(PageResponse::Page(_))), "{other:?}");
}
