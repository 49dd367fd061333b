//! The tree that comes of a file, and the files that it is written as: a layer of an image.

use super::script::GeneratedScript;
use crate::cli::CommandFailure;
use crate::cli::check::MANUAL;
use crate::cli::edit::change::FileChanges;
use std::path::Path;

/// Where an image defines its services, and what it starts of them.
const DEFINITIONS: &str = "etc/s6-overlay/s6-rc.d";
const USER: &str = "etc/s6-overlay/user-bundles.d/user/contents.d";

/// The services and bundles of an image.
#[derive(Debug, Default)]
pub(super) struct ImportedTree {
    pub services: Vec<ImportedService>,
    /// Names, and the services in each.
    pub bundles: Vec<(String, Vec<String>)>,
}

/// A longrun.
#[derive(Debug, Default)]
pub(super) struct ImportedService {
    pub name: String,
    pub run: GeneratedScript,
    pub finish: Option<GeneratedScript>,
    /// Small files: their names, and what they say.
    pub files: Vec<(&'static str, String)>,
    /// What it depends on besides base.
    pub needs: Vec<String>,
    pub start: Start,
}

/// What starts a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Start {
    /// The boot.
    #[default]
    Boot,
    /// Somebody.
    Hand,
    /// The services that depend on it.
    Others,
}

impl ImportedService {
    /// Adds a small file of one line.
    pub(super) fn file(&mut self, name: &'static str, line: impl ToString) {
        let text = format!("{}\n", line.to_string());
        match self.files.iter_mut().find(|(known, _)| *known == name) {
            Some((_, lines)) => lines.push_str(&text),
            None => self.files.push((name, text)),
        }
    }

    /// Adds a file that only has to be there.
    pub(super) fn flag(&mut self, name: &'static str) {
        self.files.push((name, String::new()));
    }
}

impl ImportedTree {
    /// The service of this name.
    pub(super) fn find(&mut self, name: &str) -> Option<&mut ImportedService> {
        self.services.iter_mut().find(|service| service.name == name)
    }

    /// Writes it below a directory.
    pub(super) fn write(
        &self,
        root: &Path,
        change: &mut FileChanges,
    ) -> Result<(), CommandFailure> {
        let all = root.join(DEFINITIONS);
        for service in &self.services {
            service.write(&all.join(&service.name), change)?;
            if service.start == Start::Boot {
                change.create(&root.join(USER).join(&service.name), b"", 0o644)?;
            }
        }
        for (name, members) in self.bundles.iter().chain(&self.manual()) {
            let directory = all.join(name);
            change.create(&directory.join("type"), b"bundle\n", 0o644)?;
            for member in members {
                change.create(&directory.join("contents.d").join(member), b"", 0o644)?;
            }
        }
        Ok(())
    }

    /// What was written, a line for each service and bundle.
    pub(super) fn written(&self, root: &Path) -> String {
        let services = self.services.iter().map(|service| &service.name);
        let bundles = self.bundles.iter().map(|(name, _)| name);
        let manual = self.manual();
        let names = services.chain(bundles).chain(manual.iter().map(|(name, _)| name));
        let all = root.join(DEFINITIONS);
        names.map(|name| format!("wrote {}\n", all.join(name).display())).collect()
    }

    /// The bundle of what is started by hand.
    fn manual(&self) -> Option<(String, Vec<String>)> {
        let by_hand = self.services.iter().filter(|service| service.start == Start::Hand);
        let by_hand: Vec<String> = by_hand.map(|service| service.name.clone()).collect();
        (!by_hand.is_empty()).then(|| (MANUAL.to_owned(), by_hand))
    }
}

impl ImportedService {
    fn write(&self, directory: &Path, change: &mut FileChanges) -> Result<(), CommandFailure> {
        change.create(&directory.join("type"), b"longrun\n", 0o644)?;
        change.create(&directory.join("run"), self.run.text().as_bytes(), 0o755)?;
        if let Some(finish) = &self.finish {
            change.create(&directory.join("finish"), finish.text().as_bytes(), 0o755)?;
        }
        for (name, text) in &self.files {
            change.create(&directory.join(name), text.as_bytes(), 0o644)?;
        }
        for need in ["base"].into_iter().chain(self.needs.iter().map(String::as_str)) {
            change.create(&directory.join("dependencies.d").join(need), b"", 0o644)?;
        }
        Ok(())
    }
}
