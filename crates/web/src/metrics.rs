//! `/metrics`: OpenMetrics, as Prometheus reads it.
//! Reference: <https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md>.

use serde_json::Value;
use std::fmt::Write;

/// The type of what is made here.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A gauge or a counter that each service may have.
struct Family {
    name: &'static str,
    kind: &'static str,
    unit: &'static str,
    help: &'static str,
    value: fn(&Value) -> Option<f64>,
}

const FAMILIES: &[Family] = &[
    Family {
        name: "sixtree_service_up",
        kind: "gauge",
        unit: "",
        help: "Whether the service is up.",
        value: |service| Some(truth(service["state"] == "up")),
    },
    Family {
        name: "sixtree_service_ready",
        kind: "gauge",
        unit: "",
        help: "Whether the service is up and ready.",
        value: |service| service["ready"].as_bool().map(truth),
    },
    Family {
        name: "sixtree_service_wanted",
        kind: "gauge",
        unit: "",
        help: "Whether the service is to be up.",
        value: |service| service["wanted"].as_bool().map(truth),
    },
    Family {
        name: "sixtree_service_healthy",
        kind: "gauge",
        unit: "",
        help: "Whether the checks of the service's health pass.",
        value: |service| service["healthy"].as_bool().map(truth),
    },
    Family {
        name: "sixtree_service_restarts",
        kind: "counter",
        unit: "",
        help: "How often the service was started again.",
        value: |service| service["restarts"].as_f64(),
    },
    Family {
        name: "sixtree_service_last_exit_code",
        kind: "gauge",
        unit: "",
        help: "The exit code of the service's last end; 128 and the signal where it died of one.",
        value: |service| {
            let exit = &service["last_exit"];
            exit["code"].as_f64().or_else(|| exit["signal"].as_f64().map(|signal| 128.0 + signal))
        },
    },
    Family {
        name: "sixtree_service_memory_bytes",
        kind: "gauge",
        unit: "bytes",
        help: "What the service's processes use together.",
        value: |service| service["memory_bytes"].as_f64(),
    },
    Family {
        name: "sixtree_service_since_seconds",
        kind: "gauge",
        unit: "seconds",
        help: "When the service came into its state, in seconds since 1970.",
        value: |service| service["since_ms"].as_f64().map(|ms| ms / 1000.0),
    },
];

/// The text, of what `status --json` and `timing --json` say.
pub(crate) fn text(status: &Value, timing: &Value) -> String {
    let mut text = MetricsText::default();
    text.head("sixtree_build", "info", "", "Which release answers.");
    text.sample("sixtree_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    if let Some(healthy) = status["healthy"].as_bool() {
        text.head("sixtree_healthy", "gauge", "", "Whether all that should be up is up and ready.");
        text.sample("sixtree_healthy", &[], truth(healthy));
    }
    let none = Vec::new();
    let services = status["services"].as_array().unwrap_or(&none);
    for family in FAMILIES {
        let values = services.iter().filter_map(|service| {
            Some((service["name"].as_str()?, service["type"].as_str()?, (family.value)(service)?))
        });
        let values: Vec<_> = values.collect();
        if values.is_empty() {
            continue;
        }
        text.head(family.name, family.kind, family.unit, family.help);
        let total = if family.kind == "counter" { "_total" } else { "" };
        for (service, kind, value) in values {
            let labels = [("service", service), ("type", kind)];
            text.sample(&format!("{}{total}", family.name), &labels, value);
        }
    }
    text.boot(timing);
    text.0.push_str("# EOF\n");
    text.0
}

fn truth(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

#[derive(Default)]
struct MetricsText(String);

impl MetricsText {
    fn head(&mut self, name: &str, kind: &str, unit: &str, help: &str) {
        let _ = writeln!(self.0, "# TYPE {name} {kind}");
        if !unit.is_empty() {
            let _ = writeln!(self.0, "# UNIT {name} {unit}");
        }
        let _ = writeln!(self.0, "# HELP {name} {help}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.0.push_str(name);
        for (at, (label, value)) in labels.iter().enumerate() {
            let before = if at == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{before}{label}=\"{}\"", escaped(value));
        }
        let after = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{after} {value}");
    }

    /// How long the boot took, and each of its steps and services.
    fn boot(&mut self, timing: &Value) {
        let Some(end) = timing["end_us"].as_f64() else { return };
        let us = 1e6;
        self.head("sixtree_boot_seconds", "gauge", "seconds", "How long the boot took, or takes.");
        self.sample("sixtree_boot_seconds", &[], end / us);
        let lists = [
            ("sixtree_boot_step_seconds", "step", "steps", "How long a step of the boot took."),
            (
                "sixtree_boot_service_seconds",
                "service",
                "services",
                "How long a service took to start at boot.",
            ),
        ];
        for (name, label, list, help) in lists {
            let none = Vec::new();
            let took =
                |entry: &Value| Some(entry["end_us"].as_f64()? - entry["start_us"].as_f64()?);
            let all = timing[list].as_array().unwrap_or(&none);
            let all = all.iter().filter_map(|entry| Some((entry["name"].as_str()?, took(entry)?)));
            let all: Vec<_> = all.collect();
            if !all.is_empty() {
                self.head(name, "gauge", "seconds", help);
                all.iter()
                    .for_each(|(entry, took)| self.sample(name, &[(label, entry)], took / us));
            }
        }
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_known_is_told_and_nothing_else() {
        let status = json!({ "healthy": false, "services": [
            { "name": "a\"b", "type": "longrun", "state": "up", "ready": true, "restarts": 3,
              "last_exit": { "signal": 9 }, "wanted": true, "since_ms": 1500 },
            { "name": "once", "type": "oneshot", "state": "down", "ready": false, "wanted": true,
              "restarts": null, "last_exit": null },
        ] });
        let timing = json!({ "end_us": 2_500_000, "steps": [
            { "name": "hook", "start_us": 0, "end_us": 500_000 } ], "services": [
            { "name": "once", "start_us": 1, "end_us": null } ] });
        let text = text(&status, &timing);
        for line in [
            "sixtree_healthy 0",
            "sixtree_service_up{service=\"a\\\"b\",type=\"longrun\"} 1",
            "sixtree_service_up{service=\"once\",type=\"oneshot\"} 0",
            "sixtree_service_restarts_total{service=\"a\\\"b\",type=\"longrun\"} 3",
            "sixtree_service_last_exit_code{service=\"a\\\"b\",type=\"longrun\"} 137",
            "sixtree_service_since_seconds{service=\"a\\\"b\",type=\"longrun\"} 1.5",
            "sixtree_boot_seconds 2.5",
            "sixtree_boot_step_seconds{step=\"hook\"} 0.5",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        assert!(!text.contains("memory") && !text.contains("boot_service"), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }
}
