//! An Azure that answers by the clock, as recorded operations went.
//!
//! wiremock and its like answer over sockets, which know no virtual time.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use azure_core::{
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    error::{Error, ErrorKind},
    http::{
        AsyncRawResponse, Body, HttpClient, Method, Request, Transport,
        headers::{HeaderName, Headers},
    },
    time::OffsetDateTime,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    azure::{Azure, AzureConfig, Cloud, cluster_json},
    options::Timing,
};

const POLL: &str = "https://management.azure.com/locations/westeurope/operations/";

/// What a change is answered with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Put {
    http: u16,
    #[serde(default)]
    code: Option<String>,
    /// It is accepted, whatever the answer, and goes like this.
    #[serde(default)]
    run: Option<Run>,
    /// Somebody else's goes on meanwhile, like this.
    #[serde(default)]
    foreign: Option<Run>,
    /// There is no address at which it can be followed.
    #[serde(default)]
    untold: bool,
}

/// How an operation went. Times are in seconds since it was accepted; each answer is given until the next.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    /// What polls are answered with: a status, a whole body, an HTTP status, or `null` for nothing.
    operation: Vec<(f64, Value)>,
    /// What the cluster is read as: a provisioning state, with an error, or an HTTP status. Without it what
    /// the operation's end says.
    #[serde(default)]
    cluster: Vec<(f64, Value)>,
    /// When no token is to be had.
    #[serde(default)]
    no_token: Option<(f64, f64)>,
}

impl Run {
    fn cluster(&self) -> Vec<(f64, Value)> {
        if !self.cluster.is_empty() {
            return self.cluster.clone();
        }
        let (at, end) = self.operation.last().cloned().unwrap_or_default();
        let status = end.get("status").unwrap_or(&end).as_str().unwrap_or_default();
        let state = match status.to_ascii_lowercase().as_str() {
            "succeeded" => "Succeeded",
            "failed" | "canceled" | "cancelled" => "Failed",
            _ => "Updating",
        };
        vec![(0.0, "Updating".into()), (at, state.into())]
    }
}

#[derive(Debug)]
struct State {
    puts: Vec<Put>,
    /// The profile that the cluster names.
    profile: Value,
    going: Option<(Instant, Run)>,
    looks: u32,
    changes: u32,
    asked: Vec<(Method, Instant)>,
}

/// A recorded Azure with one cluster.
#[derive(Clone, Debug)]
pub(super) struct RecordedAzure(Arc<Mutex<State>>);

impl RecordedAzure {
    /// `puts`: what changes are answered with, in order.
    pub(super) fn new(puts: &[Put], profile: Value) -> Self {
        let mut puts = puts.to_vec();
        puts.reverse();
        let state = State { puts, profile, going: None, looks: 0, changes: 0, asked: Vec::new() };
        Self(Arc::new(Mutex::new(state)))
    }

    pub(super) fn client(&self) -> Azure {
        Azure::new(AzureConfig {
            cloud: Cloud::Public,
            credential: Some(Arc::new(self.clone())),
            transport: Some(Transport::new(Arc::new(self.clone()))),
            ca_bundle: None,
            api_version: None,
            timing: Timing::default(),
        })
        .unwrap()
    }

    /// How often it was asked, and how often for a change.
    pub(super) fn asked(&self) -> (usize, usize) {
        let state = self.0.lock().unwrap();
        let puts = state.asked.iter().filter(|(method, _)| *method == Method::Put).count();
        (state.asked.len(), puts)
    }

    /// The most requests within a minute.
    pub(super) fn busiest_minute(&self) -> usize {
        let state = self.0.lock().unwrap();
        let within = |from: Instant| {
            let since = state.asked.iter().filter(|(_, at)| *at >= from);
            since.filter(|(_, at)| (*at - from).as_secs() < 60).count()
        };
        state.asked.iter().map(|(_, at)| within(*at)).max().unwrap_or(0)
    }
}

impl State {
    /// What holds now, of a row of answers.
    fn now<'a>(&self, row: &'a [(f64, Value)]) -> &'a Value {
        let (since, _) = self.going.as_ref().expect("an operation goes on, or went");
        let elapsed = since.elapsed().as_secs_f64();
        row.iter().rev().find(|(at, _)| *at <= elapsed).map_or(&Value::Null, |(_, it)| it)
    }

    /// While an operation goes on the eTag is another at each look; at rest it stays.
    fn etag(&self, state: &str) -> String {
        if matches!(state, "Succeeded" | "Failed") {
            format!("at-rest-{}", self.changes)
        } else {
            format!("look-{}", self.looks)
        }
    }

    fn cluster(&mut self) -> Answer {
        self.looks += 1;
        let now = match &self.going {
            None => json!("Succeeded"),
            Some((_, run)) => self.now(&run.cluster()).clone(),
        };
        if let Some(status) = now.as_u64() {
            return Answer::refusal(status, None);
        }
        let state = now.get("state").unwrap_or(&now).as_str().unwrap().to_owned();
        let mut document = cluster_json();
        document["eTag"] = self.etag(&state).into();
        document["properties"]["provisioningState"] = state.into();
        document["properties"]["securityProfile"]["azureKeyVaultKms"] = self.profile.clone();
        if let Some(error) = now.get("error") {
            document["properties"]["status"] = json!({ "provisioningError": error });
        }
        Answer::of(200, &document)
    }

    fn poll(&self, number: &str) -> Answer {
        assert_eq!(number, self.changes.to_string(), "the operation is another one");
        let (_, run) = self.going.as_ref().expect("nothing was accepted");
        match self.now(&run.operation) {
            Value::Null => Answer::Nothing,
            Value::Number(status) => Answer::refusal(status.as_u64().unwrap(), None),
            Value::String(status) => Answer::of(200, &json!({"name": "1", "status": status})),
            body => Answer::of(200, body),
        }
    }

    fn put(&mut self, if_match: Option<&str>, body: &Value) -> Answer {
        let at_rest = match &self.going {
            None => true,
            Some((_, run)) => {
                let run = run.cluster();
                let now = self.now(&run);
                matches!(now.get("state").unwrap_or(now).as_str(), Some("Succeeded" | "Failed"))
            }
        };
        if !at_rest {
            return Answer::refusal(409, Some("OperationNotAllowed"));
        }
        let etag = self.etag("Succeeded");
        if if_match != Some(&etag) {
            return Answer::refusal(412, Some("EtagMismatch"));
        }
        // One more than expected is counted.
        let Some(put) = self.puts.pop() else { return Answer::refusal(503, None) };
        let mut answer = Answer::refusal(put.http.into(), put.code.as_deref());
        if let Some(run) = put.run {
            self.changes += 1;
            self.profile = body["properties"]["securityProfile"]["azureKeyVaultKms"].clone();
            self.going = Some((Instant::now(), run));
            if put.http == 200 {
                // It still carries the eTag of before.
                let mut document = cluster_json();
                document["eTag"] = etag.into();
                document["properties"]["provisioningState"] = "Updating".into();
                answer = Answer::of(200, &document);
                if !put.untold {
                    answer = answer.with("azure-asyncoperation", format!("{POLL}{}", self.changes));
                }
            }
        } else if let Some(run) = put.foreign {
            self.changes += 1;
            self.going = Some((Instant::now(), run));
        }
        answer
    }
}

enum Answer {
    Given(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// The connection breaks.
    Nothing,
}

impl Answer {
    fn of(status: u16, body: &Value) -> Self {
        Self::Given(status, Vec::new(), body.to_string().into_bytes())
    }

    fn refusal(status: u64, code: Option<&str>) -> Self {
        let code = code.map_or_else(|| "Refused".to_owned(), str::to_owned);
        let body = json!({"error": {"code": code, "message": "Another operation is in progress."}});
        Self::of(status.try_into().unwrap(), &body)
    }

    fn with(self, name: &'static str, value: String) -> Self {
        match self {
            Self::Given(status, mut headers, body) => {
                headers.push((name, value));
                Self::Given(status, headers, body)
            }
            Self::Nothing => Self::Nothing,
        }
    }
}

#[async_trait]
impl HttpClient for RecordedAzure {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let mut state = self.0.lock().unwrap();
        state.asked.push((request.method(), Instant::now()));
        let path = request.url().path().to_owned();
        let answer = match (request.method(), path.rsplit_once("/operations/")) {
            (Method::Get, Some((_, number))) => state.poll(number),
            (Method::Get, None) => state.cluster(),
            (Method::Put, None) => {
                let Body::Bytes(body) = request.body() else { panic!("a change has a body") };
                let if_match =
                    request.headers().get_optional_str(&HeaderName::from_static("if-match"));
                state.put(if_match, &serde_json::from_slice(body).unwrap())
            }
            (method, _) => panic!("unexpected: {method} {path}"),
        };
        match answer {
            Answer::Nothing => Err(Error::with_message(ErrorKind::Io, "connection reset")),
            Answer::Given(status, given, body) => {
                let mut headers = Headers::new();
                for (name, value) in given {
                    headers.insert(HeaderName::from_static(name), value);
                }
                Ok(AsyncRawResponse::from_bytes(status.into(), headers, body))
            }
        }
    }
}

#[async_trait]
impl TokenCredential for RecordedAzure {
    async fn get_token(
        &self,
        _scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let state = self.0.lock().unwrap();
        if let Some((since, Run { no_token: Some((from, to)), .. })) = &state.going
            && (*from..*to).contains(&since.elapsed().as_secs_f64())
        {
            return Err(Error::with_message(ErrorKind::Credential, "nobody signs in now"));
        }
        // Every request asks for one anew.
        Ok(AccessToken::new("token", OffsetDateTime::now_utc()))
    }
}
