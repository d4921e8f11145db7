//! Streaming lists in table form: one small event for each object, with its resource version.

use serde::Deserialize;

use super::table::{NotATable, Table};
use crate::kubernetes::http::status::Status;

/// The longest event that is read. Events in table form have a few hundred bytes; when an API
/// server cannot make the table it sends the object itself, which ends the stream here.
const LONGEST_EVENT: usize = 4 * 1024 * 1024;

/// What a stream tells.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum WatchEvent {
    /// The object is there, with this resource version.
    Added { name: String, resource_version: u64 },
    /// It was written.
    Modified { name: String, resource_version: u64 },
    /// It was deleted, at this resource version.
    Deleted { name: String, resource_version: u64 },
    /// All up to this resource version has been told.
    Bookmark {
        resource_version: u64,
        /// All objects that were there at the beginning have been told.
        initial_events_end: bool,
    },
    /// The stream ends.
    Error(Status),
}

/// Reads events from a stream, however it is cut into parts.
#[derive(Debug, Default)]
pub(crate) struct WatchParser {
    /// The beginning of an event whose end has not come yet.
    partial: Vec<u8>,
    /// Only the first event says which column holds the name.
    name_column: Option<usize>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    object: Table,
}

#[derive(Deserialize)]
struct ErrorEvent {
    object: Status,
}

impl WatchParser {
    /// Reads the next part of the stream and appends its events.
    ///
    /// After an error the stream is of no use any more.
    pub(crate) fn push(
        &mut self,
        mut part: &[u8],
        events: &mut Vec<WatchEvent>,
    ) -> Result<(), NotATable> {
        while let Some(end) = part.iter().position(|&byte| byte == b'\n') {
            let (line, rest) = (&part[..end], &part[end + 1..]);
            if self.partial.is_empty() {
                if line.len() > LONGEST_EVENT {
                    return Err(NotATable);
                }
                self.line(line, events)?;
            } else {
                self.hold(line)?;
                let whole = std::mem::take(&mut self.partial);
                self.line(&whole, events)?;
            }
            part = rest;
        }
        self.hold(part)
    }

    /// Keeps the beginning of an event.
    fn hold(&mut self, part: &[u8]) -> Result<(), NotATable> {
        if self.partial.len() + part.len() > LONGEST_EVENT {
            return Err(NotATable);
        }
        self.partial.extend_from_slice(part);
        Ok(())
    }

    fn line(&mut self, line: &[u8], events: &mut Vec<WatchEvent>) -> Result<(), NotATable> {
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(());
        }
        let event: Event<'_> = serde_json::from_slice(line).map_err(|_| NotATable)?;
        if event.kind == "ERROR" {
            let error: ErrorEvent = serde_json::from_slice(line).map_err(|_| NotATable)?;
            events.push(WatchEvent::Error(error.object.checked().ok_or(NotATable)?));
            return Ok(());
        }
        let table = event.object;
        if !table.is_table() {
            return Err(NotATable);
        }
        let resource_version = table.resource_version()?;
        if let Some(column) = table.name_column() {
            self.name_column = Some(column);
        }
        if event.kind == "BOOKMARK" {
            let initial_events_end = table.ends_initial_events();
            events.push(WatchEvent::Bookmark { resource_version, initial_events_end });
            return Ok(());
        }
        let name = table.into_single_name(self.name_column.unwrap_or(0))?;
        events.push(match event.kind {
            "ADDED" => WatchEvent::Added { name, resource_version },
            "MODIFIED" => WatchEvent::Modified { name, resource_version },
            "DELETED" => WatchEvent::Deleted { name, resource_version },
            _ => return Err(NotATable),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Seen, Target};

    /// As an API server 1.36 sends it: headers with the first event only, and the object's
    /// metadata with the last bookmark although no object was asked for.
    const STREAM: &str = concat!(
        r#"{"type":"ADDED","object":{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"41"},"columnDefinitions":[{"name":"Name","type":"string"},{"name":"Type","type":"string"},{"name":"Data","type":"string"},{"name":"Age","type":"string"}],"rows":[{"cells":["a","Opaque",1,"5d"],"object":null}]}}"#,
        "\n",
        r#"{"type":"ADDED","object":{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"57"},"columnDefinitions":null,"rows":[{"cells":["b-é","Opaque",1,"5d"],"object":null}]}}"#,
        "\n",
        r#"{"type":"BOOKMARK","object":{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"60"},"columnDefinitions":null,"rows":[{"cells":["","",0,"<unknown>"],"object":{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"60","annotations":{"k8s.io/initial-events-end":"true"}}}}]}}"#,
        "\n",
        r#"{"type":"MODIFIED","object":{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"61"},"columnDefinitions":null,"rows":[{"cells":["a","Opaque",1,"5d"],"object":null}]}}"#,
        "\n",
        r#"{"type":"DELETED","object":{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"62"},"columnDefinitions":null,"rows":[{"cells":["a","Opaque",1,"5d"],"object":null}]}}"#,
        "\n",
        r#"{"type":"BOOKMARK","object":{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"70"},"columnDefinitions":null,"rows":[{"cells":["","",0,"<unknown>"],"object":null}]}}"#,
        "\n",
        r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version","reason":"Expired","code":410}}"#,
        "\n",
    );

    fn read(parts: &[&[u8]]) -> Vec<WatchEvent> {
        let mut parser = WatchParser::default();
        let mut events = Vec::new();
        for part in parts {
            parser.push(part, &mut events).unwrap();
        }
        events
    }

    #[test]
    fn each_event_is_read() {
        let events = read(&[STREAM.as_bytes()]);
        let added = |name: &str, resource_version| WatchEvent::Added {
            name: name.to_owned(),
            resource_version,
        };
        assert_eq!(events[..2], [added("a", 41), added("b-é", 57)]);
        assert_eq!(
            events[2],
            WatchEvent::Bookmark { resource_version: 60, initial_events_end: true }
        );
        assert_eq!(events[3], WatchEvent::Modified { name: "a".to_owned(), resource_version: 61 });
        assert_eq!(events[4], WatchEvent::Deleted { name: "a".to_owned(), resource_version: 62 });
        assert_eq!(
            events[5],
            WatchEvent::Bookmark { resource_version: 70, initial_events_end: false }
        );
        let WatchEvent::Error(status) = &events[6] else { panic!("{:?}", events[6]) };
        assert_eq!(status.code, 410);
        assert_eq!(events.len(), 7);
    }

    #[test]
    fn an_event_that_was_cut_off_is_no_event() {
        let cut = &STREAM.as_bytes()[..STREAM.len() - 2];
        assert_eq!(read(&[cut]).len(), 6);
    }

    #[test]
    fn an_object_instead_of_a_table_ends_the_stream() {
        let bodies = [
            r#"{"type":"ADDED","object":{"kind":"Secret","metadata":{"name":"a","resourceVersion":"5"},"data":{"a":"very-secret"}}}"#,
            "<html>\n",
            r#"{"type":"OTHER","object":{"kind":"Table","metadata":{"resourceVersion":"5"},"rows":[{"cells":["a"]}]}}"#,
        ];
        for body in bodies {
            let mut events = Vec::new();
            let line = format!("{body}\n");
            let outcome = WatchParser::default().push(line.as_bytes(), &mut events);
            assert_eq!(outcome, Err(NotATable), "{body}");
            assert!(events.is_empty());
        }
    }

    #[test]
    fn an_endless_event_is_not_held() {
        let mut parser = WatchParser::default();
        let part = vec![b'x'; LONGEST_EVENT / 2 + 1];
        parser.push(&part, &mut Vec::new()).unwrap();
        assert_eq!(parser.push(&part, &mut Vec::new()), Err(NotATable));

        let blank = " ".repeat(LONGEST_EVENT + 1) + "\n";
        let whole = WatchParser::default().push(blank.as_bytes(), &mut Vec::new());
        assert_eq!(whole, Err(NotATable), "it is as long in one part");
    }

    proptest! {
        #[test]
        fn any_cutting_gives_the_same_events(cuts in proptest::collection::vec(0..STREAM.len(), 0..40)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut parts = Vec::new();
            let mut start = 0;
            for cut in cuts {
                parts.push(&STREAM.as_bytes()[start..cut]);
                start = cut;
            }
            parts.push(&STREAM.as_bytes()[start..]);
            prop_assert_eq!(read(&parts), read(&[STREAM.as_bytes()]));
        }
    }

    /// Reads a stream in parts of this length, up to its first error.
    fn read_in(length: usize, stream: &[u8]) -> (Vec<WatchEvent>, Result<(), NotATable>) {
        let (mut parser, mut events) = (WatchParser::default(), Vec::new());
        let outcome = stream.chunks(length).try_for_each(|part| parser.push(part, &mut events));
        (events, outcome)
    }

    #[test]
    fn fuzz_watch_events() {
        let hostile = concat!(
            r#"{"type":"ERROR","object":{"kind":"Status","message":"admission webhook \"a\" denied the request: no","reason":"a\u001b","code":500}}"#,
            "\n",
            r#"{"type":"ADDED","object":{"kind":"Table","metadata":{"resourceVersion":"41"},"rows":[{"cells":["a"],"object":{"data":"very-secret"}}]}}"#,
            "\n",
        );
        let mut documents = [STREAM, hostile].map(Vec::from).to_vec();
        documents.extend(STREAM.lines().map(|line| format!("{line}\n").into_bytes()));
        let target = Target { name: "watch events", documents, read: 6, hidden: &["very-secret"] };
        target.run(|input| {
            let (events, outcome) = read_in(input.len().max(1), input);
            assert_eq!(read_in(7, input), (events.clone(), outcome));
            let shown = format!("{events:?}");
            assert!(!shown.contains("very-secret"), "{shown}");
            if events.is_empty() {
                Seen::of(outcome.and(Err::<(), _>(NotATable)))
            } else {
                Seen::of(outcome)
            }
        });
    }
}
