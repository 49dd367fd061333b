//! examples/kubernetes against the published schemas of several releases of Kubernetes, by
//! kubernetes-validate of PyPI, and against what the restricted profile asks of pods.
#![expect(clippy::disallowed_methods, reason = "a test starts programs as anyone would")]

mod skip;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const MANIFEST: &str = "examples/kubernetes/app.yaml";

/// The release of the tool, which has the schemas within itself.
const TOOL: &str = "kubernetes-validate==1.37.0";

/// Releases that are in use.
const RELEASES: [&str; 3] = ["1.30", "1.33", "1.35"];

/// What the restricted profile asks of a pod, by a line of Python each.
const RESTRICTED: &str = r#"
import sys, yaml
found = 0
for document in yaml.safe_load_all(open(sys.argv[1])):
    if "template" not in document["spec"]:
        continue
    pod = document["spec"]["template"]["spec"]
    name = document["metadata"]["name"]
    assert pod["securityContext"]["runAsNonRoot"] is True, name
    assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", name
    volumes = {volume["name"] for volume in pod["volumes"]}
    for container in pod["containers"]:
        found += 1
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False, name
        assert context["readOnlyRootFilesystem"] is True, name
        assert context["capabilities"] == {"drop": ["ALL"]}, name
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert mounts["run"] == "/run" and set(mounts) <= volumes, name
        if document["kind"] == "Deployment":
            assert "startupProbe" in container and "livenessProbe" in container, name
print(found, "containers")
"#;

/// The Python of an environment with the tool, which is made once. `None`: it cannot be, which is
/// no fault of the manifests.
fn python() -> Option<PathBuf> {
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kubernetes-validate");
    let python = environment.join("bin/python3");
    let has_tool = || {
        let check = Command::new(&python).args(["-c", "import kubernetes_validate"]).output();
        check.is_ok_and(|output| output.status.success())
    };
    if has_tool() {
        return Some(python);
    }
    let made = Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment).output();
    let installed = made.is_ok_and(|made| made.status.success()).then(|| {
        let words = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", TOOL];
        Command::new(&python).args(words).output()
    });
    if !has_tool() {
        skip::skip(&format!("no {TOOL}: {installed:?}"));
        return None;
    }
    Some(python)
}

#[track_caller]
fn succeeds(output: &Output) -> String {
    let text = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{}", text.concat());
    text.concat()
}

#[test]
fn the_manifests_are_valid_in_several_releases() {
    let Some(python) = python() else { return };
    let validate = |release: &str, file: &Path| {
        let tool = python.with_file_name("kubernetes-validate");
        let words = ["--kubernetes-version", release, "--strict"];
        Command::new(tool).args(words).arg(file).output().expect("it was installed")
    };
    for release in RELEASES {
        succeeds(&validate(release, Path::new(MANIFEST)));
    }
    // The tool would tell of a slip.
    let folder = tempfile::tempdir().expect("a folder");
    let slip = folder.path().join("slip.yaml");
    let text = std::fs::read_to_string(MANIFEST).expect("it is there");
    std::fs::write(&slip, text.replace("readinessProbe:", "readynessProbe:")).expect("a file");
    let output = validate(RELEASES[0], &slip);
    assert!(!output.status.success(), "{output:?}");
}

#[test]
fn the_pods_are_as_the_restricted_profile_wants_them() {
    let Some(python) = python() else { return };
    let output = Command::new(python).args(["-c", RESTRICTED, MANIFEST]).output();
    assert_eq!(succeeds(&output.expect("python starts")), "3 containers\n");
}
