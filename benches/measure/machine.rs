//! The machine on which it was measured.

use std::fs;

/// Its processors, memory and kernel.
pub(crate) fn name() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let (cpu, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let count = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let kb = field(&memory, "MemTotal");
    let kb: u64 = kb.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    let virtual_ = if cpu.contains("hypervisor") { ", virtual" } else { "" };
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "{count} × {}{virtual_}, {} GB, Linux {}",
        field(&cpu, "model name"),
        kb.div_ceil(1 << 20),
        kernel.trim()
    )
}
