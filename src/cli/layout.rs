//! What an installation is made of: one program, the links by which it is called, and the files of
//! `rootfs/`. The paths are those of s6-overlay's tarballs, because images name them.

use crate::tools::FAMILIES;

/// Where the program itself is. Everything else that can be executed is a link to it.
pub const PROGRAM: &str = "command/sixtree";

/// The package with the overlay's definitions, scripts and public programs.
const OVERLAY: &str = "s6-overlay";

/// The folder of all packages.
const ADMIN: &str = "package/admin/";

/// The reference's packages: images call `/package/admin/s6/command/s6-svstat`.
const PACKAGES: &[(&str, &str)] = &[
    ("execline", "2.9.9.2"),
    ("s6", "2.15.1.0"),
    ("s6-dns", "2.4.1.3"),
    ("s6-linux-init", "1.2.0.2"),
    ("s6-linux-utils", "2.6.4.1"),
    (OVERLAY, "3.2.3.2"),
    ("s6-overlay-helpers", "0.1.2.2"),
    ("s6-networking", "2.8.0.1"),
    ("s6-portable-utils", "2.3.1.2"),
    ("s6-rc", "0.7.0.0"),
];

macro_rules! rootfs {
    ($($path:literal,)*) => {
        &[$(($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/rootfs/", $path)))),*]
    };
}

/// The files of `rootfs/` with their contents. One that is named `.empty` stands for a folder that
/// has nothing in it.
#[rustfmt::skip]
pub const FILES: &[(&str, &str)] = rootfs![
    "etc/s6-overlay/s6-rc.d/.empty",
    "etc/s6-overlay/user-bundles.d/user/contents.d/.empty",
    "etc/s6-overlay/user-bundles.d/user/type",
    "etc/s6-overlay/user-bundles.d/user2/contents.d/.empty",
    "etc/s6-overlay/user-bundles.d/user2/type",
    "package/admin/s6-overlay-3.2.3.2/etc/s6-rc/sources/base/contents.d/fix-attrs",
    "package/admin/s6-overlay-3.2.3.2/etc/s6-rc/sources/base/contents.d/legacy-cont-init",
    "package/admin/s6-overlay-3.2.3.2/etc/s6-rc/sources/base/type",
    "package/admin/s6-overlay-3.2.3.2/etc/s6-rc/sources/fix-attrs/type",
    "package/admin/s6-overlay-3.2.3.2/etc/s6-rc/sources/fix-attrs/up",
    "package/admin/s6-overlay-3.2.3.2/etc/s6-rc/sources/legacy-cont-init/dependencies.d/fix-attrs",
    "package/admin/s6-overlay-3.2.3.2/etc/s6-rc/sources/legacy-cont-init/down",
    "package/admin/s6-overlay-3.2.3.2/etc/s6-rc/sources/legacy-cont-init/type",
    "package/admin/s6-overlay-3.2.3.2/etc/s6-rc/sources/legacy-cont-init/up",
    "package/admin/s6-overlay-3.2.3.2/etc/s6-rc/sources/legacy-services/dependencies.d/base",
    "package/admin/s6-overlay-3.2.3.2/etc/s6-rc/sources/legacy-services/dependencies.d/user",
    "package/admin/s6-overlay-3.2.3.2/etc/s6-rc/sources/legacy-services/down",
    "package/admin/s6-overlay-3.2.3.2/etc/s6-rc/sources/legacy-services/type",
    "package/admin/s6-overlay-3.2.3.2/etc/s6-rc/sources/legacy-services/up",
    "package/admin/s6-overlay-3.2.3.2/etc/s6-rc/sources/top/contents.d/base",
    "package/admin/s6-overlay-3.2.3.2/etc/s6-rc/sources/top/contents.d/legacy-services",
    "package/admin/s6-overlay-3.2.3.2/etc/s6-rc/sources/top/contents.d/user",
    "package/admin/s6-overlay-3.2.3.2/etc/s6-rc/sources/top/contents.d/user2",
    "package/admin/s6-overlay-3.2.3.2/etc/s6-rc/sources/top/type",
];

/// The folder for run-time files, and its mode: as /tmp, any user's /init can use it. Root's /init
/// makes it root's alone before anything else runs.
pub const RUN: (&str, u32) = ("run", 0o1777);

/// Where a tool's link belongs.
enum ToolPlace {
    /// `/command`, and the folder of the same name of this package.
    Package(&'static str),
    /// A subfolder of the overlay's package: called by its whole path only.
    Overlay(&'static str),
    /// Nowhere: `/init` makes the link under /run at boot.
    Run,
}

fn place(family: &'static str, tool: &str) -> ToolPlace {
    match (family, tool) {
        (
            "overlay",
            "cont-finish" | "cont-init" | "fix-attrs" | "services-down" | "services-up",
        ) => ToolPlace::Overlay("etc/s6-rc/scripts"),
        ("overlay", "preinit" | "stage0") => ToolPlace::Overlay("libexec"),
        ("overlay", "halt" | "init" | "poweroff" | "reboot" | "shutdown") => ToolPlace::Run,
        ("overlay", "s6-overlay-stat" | "s6-overlay-suexec") => {
            ToolPlace::Package("s6-overlay-helpers")
        }
        ("overlay", name) if name.starts_with("s6-linux-init") => {
            ToolPlace::Package("s6-linux-init")
        }
        ("overlay", _) => ToolPlace::Package(OVERLAY),
        ("linux", _) => ToolPlace::Package("s6-linux-utils"),
        ("portable", _) => ToolPlace::Package("s6-portable-utils"),
        _ => ToolPlace::Package(family),
    }
}

/// Every link, sorted: its path, and what it points to. Both are relative.
pub fn links() -> Vec<(String, String)> {
    let mut links = vec![("init".to_string(), PROGRAM.to_string())];
    for (family, tools) in FAMILIES {
        for tool in *tools {
            match place(family, tool.name) {
                ToolPlace::Package(package) => {
                    let folder = folder(package);
                    links.push(to_program(format!("command/{}", tool.name)));
                    links.push(to_program(format!("{ADMIN}{folder}/command/{}", tool.name)));
                    links.push((format!("{ADMIN}{package}"), folder));
                }
                ToolPlace::Overlay(below) => {
                    let folder = folder(OVERLAY);
                    links.push(to_program(format!("{ADMIN}{folder}/{below}/{}", tool.name)));
                }
                ToolPlace::Run => {}
            }
        }
    }
    links.sort_unstable();
    links.dedup();
    links
}

/// A link to the program, as short as it can be.
fn to_program(path: String) -> (String, String) {
    let target = match path.strip_prefix("command/") {
        Some(_) => PROGRAM.trim_start_matches("command/").to_string(),
        None => format!("{}{PROGRAM}", "../".repeat(path.matches('/').count())),
    };
    (path, target)
}

/// The versioned folder of a package.
fn folder(package: &str) -> String {
    let version = PACKAGES.iter().find(|(name, _)| *name == package).map_or("", |p| p.1);
    format!("{package}-{version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_points_to_the_program_from_where_it_is() {
        let pair = |path: &str, target: &str| (path.to_string(), target.to_string());
        assert_eq!(to_program("command/exit".into()), pair("command/exit", "sixtree"));
        assert_eq!(
            to_program("package/admin/s6-1/command/s6-log".into()),
            pair("package/admin/s6-1/command/s6-log", "../../../../command/sixtree")
        );
    }

    #[test]
    fn every_place_is_in_a_known_package_and_no_path_is_taken_twice() {
        let links = links();
        let paths: std::collections::BTreeSet<_> = links.iter().map(|(path, _)| path).collect();
        assert_eq!(paths.len(), links.len());
        assert!(paths.iter().all(|path| !path.contains("-/")), "a package without version");
    }
}
