//! Where an image keeps its definitions: the directories that s6-overlay compiles at boot.

use super::read::{is_directory, list, read_with};
use super::{Definition, Fault, FaultPlace, Kind, Mistake};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What decides where an image's definitions are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Where the image is; `/` when it runs.
    pub root: PathBuf,
    /// `S6_RUNTIME_PROFILE`, if it is not empty.
    pub profile: Option<String>,
    /// `S6_RUNTIME_BUNDLEDIR`, if it is not empty: where the bundles `user` and `user2` are.
    pub bundles: Option<PathBuf>,
}

/// The bundles that an image fills.
pub const USER_BUNDLES: [&str; 2] = ["user", "user2"];

/// Reads directories among whose services are the bundles `user` and `user2`.
///
/// These need no `type`, nor anything else. Where it may, /init writes what they lack into /etc;
/// else it is as if it were there.
pub fn read_with_bundles(sources: &[PathBuf]) -> (Vec<Definition>, Vec<Fault>) {
    let (mut definitions, faults) = read_with(sources, &USER_BUNDLES);
    for name in USER_BUNDLES {
        if definitions.iter().all(|definition| definition.name != name) {
            let directory = sources.first().map(|source| source.join(name)).unwrap_or_default();
            let bundle = Definition::new(name, Kind::Bundle(Vec::new()));
            definitions.push(Definition { directory, ..bundle });
        }
    }
    (definitions, faults)
}

impl Image {
    /// The source directories, in order: the image's own, those of others in /etc, that of the
    /// bundles `user` and `user2`, the package's.
    pub fn sources(&self) -> Vec<PathBuf> {
        let mut sources = vec![self.services()];
        sources.extend(self.others());
        if !self.has_bundles_among_services() {
            sources.push(self.user_bundles());
        }
        sources.push(self.at(Path::new("/package/admin/s6-overlay/etc/s6-rc/sources")));
        sources
    }

    /// The image's own services.
    pub fn services(&self) -> PathBuf {
        self.own().join("s6-rc.d")
    }

    /// Where the bundles `user` and `user2` are.
    pub fn user_bundles(&self) -> PathBuf {
        match self.has_bundles_among_services() {
            true => self.services(),
            false => self.usual_bundles(),
        }
    }

    /// Where they are unless they are among the services.
    fn usual_bundles(&self) -> PathBuf {
        let named = self.bundles.as_ref().map(|bundles| self.at(bundles));
        named.unwrap_or_else(|| self.own().join("user-bundles.d"))
    }

    /// Whether `user` is among the service definitions, where s6-overlay once looked for it. Then
    /// that is where both bundles are.
    pub fn has_bundles_among_services(&self) -> bool {
        is_directory(&self.services().join("user"))
    }

    /// Reads every definition.
    pub fn read(&self) -> (Vec<Definition>, Vec<Fault>) {
        self.read_sources(&self.sources(), self.has_bundles_among_services())
    }

    /// The same, where sixtree may not have been installed yet: without the directories and the
    /// files that come with it.
    pub fn read_what_is_there(&self) -> (Vec<Definition>, Vec<Fault>) {
        let mut sources = self.sources();
        sources.retain(|source| *source == self.services() || is_directory(source));
        self.read_sources(&sources, !self.is_installed() || self.has_bundles_among_services())
    }

    /// The names in the `contents.d` of all bundles.
    pub(crate) fn members(&self) -> BTreeSet<String> {
        let names = |folder: &Path| {
            let entries = list(folder).unwrap_or_default().into_iter();
            entries.filter_map(|entry| entry.name.into_string().ok())
        };
        let sources = self.sources().into_iter();
        let bundles = sources.flat_map(|source| names(&source).map(move |name| source.join(name)));
        bundles.flat_map(|bundle| names(&bundle.join("contents.d"))).collect()
    }

    /// Whether sixtree is installed there, or s6-overlay.
    pub fn is_installed(&self) -> bool {
        self.sources().last().is_some_and(|package| is_directory(package))
    }

    /// `lacks_bundles`: of `user` and `user2` there may be less than a definition needs.
    fn read_sources(
        &self,
        sources: &[PathBuf],
        lacks_bundles: bool,
    ) -> (Vec<Definition>, Vec<Fault>) {
        let (definitions, mut faults) = match lacks_bundles {
            true => read_with_bundles(sources),
            false => read_with(sources, &[]),
        };
        if self.has_bundles_among_services() {
            faults.extend(USER_BUNDLES.iter().flat_map(|bundle| self.members_not_read(bundle)));
        }
        (definitions, faults)
    }

    /// A warning for each member of a bundle that is where the bundles are not.
    fn members_not_read(&self, bundle: &str) -> Vec<Fault> {
        let [there, read] = [self.usual_bundles(), self.services()].map(|place| place.join(bundle));
        let contents = there.join("contents.d");
        let names = list(&contents).unwrap_or_default().into_iter().map(|entry| entry.name);
        let lost = names.filter(|name| !read.join("contents.d").join(name).exists());
        let place = |name| FaultPlace { service: None, file: contents.join(name), line: 0 };
        lost.map(|name| Fault::new(place(name), &Mistake::MemberNotRead(read.clone()))).collect()
    }

    /// The directory of the image's own configuration.
    fn own(&self) -> PathBuf {
        match &self.profile {
            Some(profile) => {
                self.at(Path::new("/etc/cont-profile.d")).join(profile).join("s6-overlay")
            }
            None => self.at(Path::new("/etc/s6-overlay")),
        }
    }

    /// The directories of other software in /etc that has definitions.
    fn others(&self) -> Vec<PathBuf> {
        let etc = std::fs::read_dir(self.at(Path::new("/etc")));
        let directories = etc.into_iter().flatten().flatten().map(|entry| entry.path());
        let others = directories.filter(|path| !path.ends_with("s6-overlay"));
        let mut sources: Vec<PathBuf> = others.map(|path| path.join("s6-rc.d")).collect();
        sources.retain(|source| is_directory(source));
        sources.sort_unstable();
        sources
    }

    /// A path of the image, as it is seen from here.
    fn at(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn image(scratch: &TempDir, directories: &[&str]) -> Image {
        let root = scratch.path().to_owned();
        let package = ["package/admin/s6-overlay/etc/s6-rc/sources", "etc/s6-overlay/s6-rc.d"];
        for directory in package.iter().chain(directories) {
            std::fs::create_dir_all(root.join(directory)).unwrap();
        }
        Image { root, ..Image::default() }
    }

    fn sources(image: &Image) -> Vec<String> {
        let all = image.sources().into_iter();
        all.map(|path| path.strip_prefix(&image.root).unwrap().display().to_string()).collect()
    }

    #[test]
    fn sources_are_the_images_then_others_then_the_package() {
        let scratch = tempfile::tempdir().unwrap();
        let image = image(&scratch, &["etc/b/s6-rc.d", "etc/a/s6-rc.d", "etc/c"]);
        let package = "package/admin/s6-overlay/etc/s6-rc/sources";
        let others = ["etc/a/s6-rc.d", "etc/b/s6-rc.d"];
        let expected = |own: &'static str, bundles| [own, others[0], others[1], bundles, package];
        let usual = expected("etc/s6-overlay/s6-rc.d", "etc/s6-overlay/user-bundles.d");
        assert_eq!(sources(&image), usual);
        let profile = "etc/cont-profile.d/p/s6-overlay/s6-rc.d";
        let bundles = Some("/opt/bundles".into());
        let other = Image { profile: Some("p".into()), bundles, ..image };
        assert_eq!(sources(&other), expected(profile, "opt/bundles"));
    }

    #[test]
    fn bundles_among_the_services_need_no_type() {
        let scratch = tempfile::tempdir().unwrap();
        let image = image(&scratch, &["etc/s6-overlay/s6-rc.d/user/contents.d/web"]);
        assert_eq!(sources(&image).len(), 2);
        let (definitions, faults) = image.read();
        let faults: Vec<_> = faults.iter().map(|fault| fault.code).collect();
        assert_eq!(faults, ["W001"], "nothing but the empty package");
        let names: Vec<_> = definitions.iter().map(|d| (d.name.as_str(), d.kind.name())).collect();
        assert_eq!(names, [("user", "bundle"), ("user2", "bundle")]);
        assert!(matches!(&definitions[0].kind, Kind::Bundle(b) if b[0].name == "web"));
    }
}
