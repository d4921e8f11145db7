//! Whether a test that needs a real cluster can run. On what it runs, and what is left out, is said
//! on standard error as it is: what goes through `eprintln!` is shown of failed tests only.

use std::{env, io::Write, sync::Once};

use super::binaries::{ASSETS, ApiServerProgram, BEFORE, Binaries, BinariesMissing};

/// What a test needs besides etcd and an API server.
#[derive(Clone, Copy, Debug, Default)]
struct Needs {
    /// An API server of this minor version or a later one.
    since: u32,
    /// An API server of the version before, too.
    before: bool,
    kubectl: bool,
}

/// What there is.
#[derive(Debug)]
struct There {
    newest: ApiServerProgram,
    before: Option<ApiServerProgram>,
    /// Somebody chose the version.
    chosen: bool,
    kubectl: Result<(), BinariesMissing>,
}

/// What becomes of a test.
#[derive(Debug, Eq, PartialEq)]
enum Verdict {
    Runs,
    LeftOut(String),
    Fails(String),
}

impl Binaries {
    /// Whether a test that needs them can run. Where they are missing it says so on standard error,
    /// else, once, which version there is.
    ///
    /// # Panics
    /// Where they are missing although they are required: `CI=true`, or `AKS_KMS_REQUIRE` names
    /// `cluster`.
    #[must_use]
    pub fn available() -> bool {
        can_run(Needs::default())
    }

    /// Whether a test that needs an API server of this minor version or a later one can run. An older
    /// one that somebody chose is a reason to leave it out.
    ///
    /// # Panics
    /// As [`available`](Self::available) does, and where the older one was built here.
    #[must_use]
    pub fn available_since(minor: u32) -> bool {
        can_run(Needs { since: minor, ..Needs::default() })
    }

    /// Whether a test that needs API servers of two versions can run. Where somebody chose the version
    /// and not that before it, it is left out.
    ///
    /// # Panics
    /// As [`available`](Self::available) does.
    #[must_use]
    pub fn available_with_before() -> bool {
        can_run(Needs { before: true, ..Needs::default() })
    }

    /// Whether a test that needs kubectl, too, can run. It says the same.
    ///
    /// # Panics
    /// As [`available`](Self::available) does.
    #[must_use]
    pub fn available_with_kubectl() -> bool {
        can_run(Needs { kubectl: true, ..Needs::default() })
    }
}

fn can_run(needs: Needs) -> bool {
    let required = env::var("AKS_KMS_REQUIRE").is_ok_and(|list| list.contains("cluster"))
        || env::var("CI").is_ok_and(|value| value == "true");
    let there = There::look();
    match judge(&there, needs, required) {
        Verdict::Runs => {
            static SAID: Once = Once::new();
            if let Ok(there) = there {
                SAID.call_once(|| say(&format!("real API servers: {}", there.versions())));
            }
            true
        }
        Verdict::LeftOut(why) => {
            let test = std::thread::current();
            say(&format!("left out: {}: {why}", test.name().unwrap_or("a test")));
            false
        }
        Verdict::Fails(why) => panic!("{why}"),
    }
}

/// Past the harness, which keeps what a test that did not fail says to itself.
fn say(what: &str) {
    // nobody is there to be told that nobody is there
    let _ = writeln!(std::io::stderr(), "{what}");
}

impl There {
    /// `Err`: why a cluster cannot be started.
    fn look() -> Result<Self, String> {
        let found = Binaries::find().map_err(|missing| missing.to_string())?;
        let before = found.kube_apiserver_before.as_deref();
        Ok(Self {
            newest: ApiServerProgram::of(&found.kube_apiserver)?,
            before: before.map(ApiServerProgram::of).transpose()?,
            chosen: found.chosen,
            kubectl: Binaries::kubectl().map(|_| ()),
        })
    }

    fn versions(&self) -> String {
        let before = self.before.as_ref();
        let before = before.map_or_else(String::new, |it| format!(", before it {}", it.version));
        let origin = if self.chosen { format!(", of {ASSETS}") } else { String::new() };
        format!("Kubernetes {}{before}{origin}", self.newest.version)
    }
}

fn judge(there: &Result<There, String>, needs: Needs, required: bool) -> Verdict {
    let missing = |why: String| {
        if required { Verdict::Fails(why) } else { Verdict::LeftOut(why) }
    };
    let there = match there {
        Ok(there) => there,
        Err(why) => return missing(why.clone()),
    };
    if there.newest.minor < needs.since {
        let why =
            format!("it needs Kubernetes 1.{}, and this is {}", needs.since, there.newest.version);
        // what is built here is what the tests are for
        return if there.chosen { Verdict::LeftOut(why) } else { Verdict::Fails(why) };
    }
    if needs.before && there.before.is_none() {
        return if there.chosen {
            Verdict::LeftOut(format!("it needs a second version: {BEFORE} in {ASSETS}"))
        } else {
            missing(format!("no {BEFORE}: run tests/cluster/build {BEFORE} (it needs Go)"))
        };
    }
    match &there.kubectl {
        Err(why) if needs.kubectl => missing(why.to_string()),
        _ => Verdict::Runs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(minor: u32) -> ApiServerProgram {
        let version = format!("v1.{minor}.2");
        ApiServerProgram { path: "kube-apiserver".into(), version, minor }
    }

    fn there(newest: u32, before: Option<u32>, chosen: bool) -> There {
        let before = before.map(program);
        There { newest: program(newest), before, chosen, kubectl: Ok(()) }
    }

    fn left_out(why: &str) -> Verdict {
        Verdict::LeftOut(why.to_owned())
    }

    fn fails(why: &str) -> Verdict {
        Verdict::Fails(why.to_owned())
    }

    const ANY: Needs = Needs { since: 0, before: false, kubectl: false };

    #[test]
    fn what_is_missing_is_left_out_unless_it_is_required() {
        let nothing = Err("no etcd".to_owned());
        assert_eq!(judge(&nothing, ANY, false), left_out("no etcd"));
        assert_eq!(judge(&nothing, ANY, true), fails("no etcd"));

        let mut without_kubectl = there(37, Some(36), false);
        without_kubectl.kubectl =
            Err(BinariesMissing { programs: "kubectl", build: "build", folder: None });
        let needs = Needs { kubectl: true, ..ANY };
        let why = "no kubectl in KUBEBUILDER_ASSETS: run build (it needs Go)";
        let without_kubectl = Ok(without_kubectl);
        assert_eq!(judge(&without_kubectl, needs, false), left_out(why));
        assert_eq!(judge(&without_kubectl, needs, true), fails(why));
        assert_eq!(judge(&without_kubectl, ANY, true), Verdict::Runs);
    }

    #[test]
    fn a_version_that_is_too_old_is_a_reason_only_where_somebody_chose_it() {
        let needs = Needs { since: 34, ..ANY };
        let why = "it needs Kubernetes 1.34, and this is v1.33.2";
        for required in [false, true] {
            assert_eq!(judge(&Ok(there(33, None, true)), needs, required), left_out(why));
            assert_eq!(judge(&Ok(there(33, None, false)), needs, required), fails(why));
            for chosen in [false, true] {
                assert_eq!(judge(&Ok(there(34, None, chosen)), needs, required), Verdict::Runs);
            }
        }
    }

    #[test]
    fn without_the_version_before_the_test_of_both_is_left_out_only_where_somebody_chose_one() {
        let needs = Needs { before: true, ..ANY };
        let chosen = "it needs a second version: kube-apiserver-before in KUBEBUILDER_ASSETS";
        let built =
            "no kube-apiserver-before: run tests/cluster/build kube-apiserver-before (it needs Go)";
        assert_eq!(judge(&Ok(there(30, None, true)), needs, true), left_out(chosen));
        assert_eq!(judge(&Ok(there(37, None, false)), needs, false), left_out(built));
        assert_eq!(judge(&Ok(there(37, None, false)), needs, true), fails(built));
        assert_eq!(judge(&Ok(there(37, Some(36), false)), needs, true), Verdict::Runs);
        assert_eq!(judge(&Ok(there(30, Some(29), true)), needs, true), Verdict::Runs);
    }

    #[test]
    fn the_versions_are_named() {
        assert_eq!(there(37, Some(36), false).versions(), "Kubernetes v1.37.2, before it v1.36.2");
        assert_eq!(there(30, None, true).versions(), "Kubernetes v1.30.2, of KUBEBUILDER_ASSETS");
    }
}
