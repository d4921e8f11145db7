use super::*;
use crate::kubernetes::Answer;

fn status(code: u16, message: &str, reason: &str, details: &str) -> Answer {
    let message = message.replace('"', "\\\"");
    let body = format!(
        r#"{{"kind":"Status","message":"{message}","reason":"{reason}","details":{details},"code":{code}}}"#
    );
    Answer { status: code, retry_after: Some(Duration::from_secs(9)), body: body.into() }
}

async fn said(answer: &Answer) -> Result<PatchAnswer> {
    let server = crate::kubernetes::silent_api().await;
    classify(&server, answer, "team", "a")
}

#[tokio::test]
async fn whatever_a_webhook_says_is_about_the_secret() {
    for code in [400, 401, 403, 404, 408, 409, 410, 418, 429, 500, 502, 503, 504, 507] {
        for words in ["no", "etcdserver: mvcc: database space exceeded", "no matching prefix found"]
        {
            let message = format!("admission webhook \"w.example\" denied the request: {words}");
            let details = r#"{"kind":"secrets","name":"a","retryAfterSeconds":2147483647}"#;
            let answer = status(code, &message, "NotFound", details);
            let told =
                format!("admission webhook \"w.example\" denied the request with code {code}");
            assert_eq!(
                said(&answer).await.unwrap(),
                PatchAnswer::Blocked(BlockedReason::Denied, told)
            );
        }
    }
    let down =
        "Internal error occurred: failed calling webhook \"w.example\": database space exceeded";
    let answer = said(&status(500, down, "InternalError", "{}")).await.unwrap();
    assert!(matches!(answer, PatchAnswer::Blocked(BlockedReason::Error, _)), "{answer:?}");
}

#[tokio::test]
async fn a_404_is_believed_only_where_it_is_the_secrets_own() {
    let own =
        status(404, "secrets \"a\" not found", "NotFound", r#"{"kind":"secrets","name":"a"}"#);
    assert_eq!(said(&own).await.unwrap(), PatchAnswer::Gone);
    let gone = status(
        404,
        "namespaces \"team\" not found",
        "NotFound",
        r#"{"kind":"namespaces","name":"team"}"#,
    );
    let answer = said(&gone).await.unwrap();
    let PatchAnswer::Blocked(BlockedReason::NamespaceGone, message) = answer else {
        panic!("{answer:?}");
    };
    assert!(message.contains("kubectl delete secret a -n team"), "{message}");
    let others = [
        status(404, "secrets \"b\" not found", "NotFound", r#"{"kind":"secrets","name":"b"}"#),
        status(404, "the server could not find the requested resource", "NotFound", "{}"),
        status(404, "secrets \"a\" not found", "", r#"{"kind":"secrets","name":"a"}"#),
    ];
    for other in others {
        let answer = said(&other).await.unwrap();
        assert!(matches!(answer, PatchAnswer::Blocked(BlockedReason::Denied, _)), "{answer:?}");
    }
}

#[tokio::test]
async fn what_the_api_server_says_of_itself_is_obeyed() {
    let busy = Answer {
        status: 429,
        retry_after: Some(Duration::from_secs(1)),
        body: "Too many requests, please try again later.".into(),
    };
    assert!(matches!(said(&busy).await.unwrap(), PatchAnswer::Overloaded { after: Some(_), .. }));
    let full = status(500, "etcdserver: mvcc: database space exceeded", "", "{}");
    assert_eq!(said(&full).await.unwrap_err().kind(), ErrorKind::Unavailable);
    let unauthorized = status(401, "Unauthorized", "Unauthorized", "{}");
    assert_eq!(said(&unauthorized).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
}
