//! Another number of instances of a service in the tree that runs: what `sixtree scale` leaves to
//! PID 1.

use super::Runtime;
use super::live::LiveTree;
use super::update::{NotUpdated, graph_of};
use crate::definition::{Instances, MOST_INSTANCES, database};
use crate::engine::NotReplaced;
use crate::format::request::Scale;
use std::fs;

impl Runtime {
    pub(super) fn ask_scale(&mut self, id: u32, scale: &Scale) {
        let scaled = self.scale(scale);
        self.reply_to_update(id, scaled);
    }

    /// Those that are too many go if they are down. Else they stay in the tree for now, and nothing
    /// needs them: whoever asked has them stopped then, without what needs the others, and asks
    /// again.
    fn scale(&mut self, Scale { name, count }: &Scale) -> Result<(), NotUpdated> {
        if *count > MOST_INSTANCES {
            return Err(NotUpdated::TooMany(*count));
        }
        let root = self.settings.run_directory.join("s6-rc");
        let database = root.join("compiled");
        let database = fs::canonicalize(&database).unwrap_or(database);
        let file = database.join(database::FILE);
        let mut definitions = database::read(&file)
            .map_err(|e| NotUpdated::Invalid { database: database.clone(), why: e.to_string() })?;
        let longrun = definitions.iter_mut().find(|definition| definition.name == *name);
        let Some(instances) = longrun.and_then(|definition| definition.instances_mut()) else {
            return Err(NotUpdated::NoInstances(name.clone()));
        };
        let before = instances.highest();
        *instances = Instances::Count(*count);
        let mut graph = graph_of(&database, definitions.clone(), self.engine.graph(), &[])?;
        if let Err(NotReplaced::Up(_)) = self.engine.can_replace(&graph) {
            let shrinking = Instances::Shrinking { count: *count, before };
            let mut all = definitions.iter_mut();
            let one = all.find(|definition| definition.name == *name);
            one.and_then(|one| one.instances_mut())
                .into_iter()
                .for_each(|i| *i = shrinking.clone());
            graph = graph_of(&database, definitions.clone(), self.engine.graph(), &[])?;
        }
        self.engine.can_replace(&graph).map_err(|e| self.not_updated(e))?;
        let scan_directory = self.settings.scan_directory.clone();
        self.switch(&LiveTree { root, scan_directory, database }, graph, false)?;
        database::write(&file, definitions.iter())
            .map_err(|e| NotUpdated::Unwritten { file: file.clone(), why: e.to_string() })
    }
}
