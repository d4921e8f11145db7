//! What others on the machine, and web pages in its browsers, get: nothing.

use aks_kms_simulator::{Case, Given, Options, Simulator};
use reqwest::{Certificate, Client, Method, header::HOST};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

async fn world() -> (Simulator, Case) {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let case = simulator.put_case(Given::default()).await.unwrap();
    (simulator, case)
}

#[tokio::test]
async fn the_administration_is_for_who_shows_its_token() {
    let (simulator, case) = world().await;
    assert_eq!(case.admin_token, simulator.admin_token());
    let http = Client::new();
    let of_case = format!("cases/{}", case.id);
    let faults = json!({ "azure": [{ "path": "", "status": 503 }] });
    let requests = [
        (Method::PUT, "cases".to_owned(), json!({})),
        (Method::GET, format!("{of_case}/writes"), Value::Null),
        (Method::DELETE, format!("{of_case}/writes"), Value::Null),
        (Method::GET, format!("{of_case}/secrets"), Value::Null),
        (Method::GET, format!("{of_case}/assertion"), Value::Null),
        (Method::PUT, format!("{of_case}/faults"), faults),
        (Method::DELETE, of_case.clone(), Value::Null),
        (Method::GET, "nothing".to_owned(), Value::Null),
    ];
    let almost = &case.admin_token[..case.admin_token.len() - 1];
    for (method, path, body) in &requests {
        for token in [None, Some(""), Some("guess"), Some(almost), Some(&*case.identity_header)] {
            let request = http.request(method.clone(), format!("{}/{path}", case.admin)).json(body);
            let request = token.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth);
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 401, "{method} {path} with {token:?}");
            let refusal: Value = response.json().await.unwrap();
            let message = refusal["error"].as_str().unwrap();
            assert!(message.contains("Authorization: Bearer"), "{message}");
            assert!(message.contains("SIMULATOR_TOKEN"), "{message}");
        }
    }
    // nothing came of that
    let secrets = format!("{}/{of_case}/secrets", case.admin);
    let answer = http.get(secrets).bearer_auth(&case.admin_token).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(simulator.secrets(&case.id).await.unwrap().total, 10);
}

#[tokio::test]
async fn a_simulator_has_a_token_of_its_own() {
    let (one, of_one) = world().await;
    let (another, of_another) = world().await;
    assert_ne!(one.admin_token(), another.admin_token());
    assert!(!format!("{of_one:?}").contains(&of_one.admin_token));
    let url = format!("{}/cases/{}/writes", of_one.admin, of_one.id);
    let answer = Client::new().get(url).bearer_auth(of_another.admin_token).send().await.unwrap();
    assert_eq!(answer.status(), 401);
}

/// The status that a request gets whose `Host` is this.
async fn status(case: &Case, url: &str, host: &str, token: Option<&str>) -> u16 {
    let http = Client::builder()
        .tls_certs_only([Certificate::from_pem(case.ca.as_bytes()).unwrap()])
        .no_proxy()
        .build()
        .unwrap();
    let request = token.into_iter().fold(http.get(url), reqwest::RequestBuilder::bearer_auth);
    request.header(HOST, host).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_page_that_leads_its_own_name_here_is_turned_away_by_every_listener() {
    let (simulator, case) = world().await;
    let kubernetes = simulator.kubernetes(&case.id).unwrap().endpoint();
    let endpoints = format!("{}/metadata/endpoints?api-version=2022-09-01", case.arm);
    let token_query = "api-version=2018-02-01&resource=https://vault.azure.net";
    let metadata =
        format!("{}/metadata/identity/oauth2/token?{token_query}", case.metadata_endpoint);
    let writes = format!("{}/cases/{}/writes", case.admin, case.id);
    let version = format!("{}/version", kubernetes.server);
    for (url, token, its_own) in [
        (&endpoints, None, 200),
        // that it is not shown `Metadata: true`
        (&metadata, None, 400),
        (&writes, Some(&*case.admin_token), 200),
        (&version, Some(&*kubernetes.admin_token), 200),
    ] {
        let (_, rest) = url.split_once("://").unwrap();
        let port = rest.split(['/', '?']).next().unwrap().rsplit_once(':').unwrap().1;
        for name in ["127.0.0.1", "localhost", "LOCALHOST"] {
            let host = format!("{name}:{port}");
            assert_eq!(status(&case, url, &host, token).await, its_own, "{url} as {host}");
        }
        for host in [
            "page.example".to_owned(),
            format!("page.example:{port}"),
            format!("127.0.0.1.page.example:{port}"),
            format!("localhost.page.example:{port}"),
            format!("0.0.0.0:{port}"),
            "127.0.0.1:1".to_owned(),
        ] {
            assert_eq!(status(&case, url, &host, token).await, 421, "{url} as {host}");
        }
    }
}

/// The status of the proxy's answer to a request head.
async fn of_proxy(case: &Case, head: &str) -> u16 {
    let address = case.proxy.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    connection.read_exact(&mut answer).await.unwrap();
    std::str::from_utf8(&answer).unwrap().rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[tokio::test]
async fn the_proxy_serves_who_means_it() {
    let (_simulator, case) = world().await;
    let target = case.arm.strip_prefix("https://").unwrap();
    let own = case.proxy.strip_prefix("http://").unwrap();
    let connect = format!("CONNECT {target} HTTP/1.1\r\n");
    for host in ["", &format!("Host: {target}\r\n"), &format!("Host: {own}\r\n")] {
        assert_eq!(of_proxy(&case, &format!("{connect}{host}\r\n")).await, 200, "{host}");
    }
    for host in ["page.example", "page.example:443", &format!("{target}\r\nHost: page.example")] {
        assert_eq!(of_proxy(&case, &format!("{connect}host: {host}\r\n\r\n")).await, 421, "{host}");
    }
    let plain = format!("GET {}/ HTTP/1.1\r\nHost: page.example\r\n\r\n", case.admin);
    assert_eq!(of_proxy(&case, &plain).await, 405);
}
