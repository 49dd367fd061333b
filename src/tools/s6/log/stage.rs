//! How far a rotation has come: what is to be done next.

use super::archive::Suffix;
use nix::unistd::Pid;

/// The next step of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// There is no rotation.
    Idle,
    /// Let `current` reach the disk.
    Sync,
    /// Rename it to `previous`.
    Rename,
    /// Begin a new `current`.
    Renew,
    /// Mark `previous` as complete.
    Seal,
    /// Archive `previous` as it is.
    Archive(Suffix),
    /// Start the processor.
    Process,
    /// Wait for the processor.
    Processing(Pid),
    /// Let what the processor has written reach the disk.
    SealProcessed,
    /// And its state.
    SyncState,
    /// Remove `previous`: it is processed.
    DropPrevious,
    /// Make the new state the state.
    KeepState,
    /// Archive what the processor has written.
    ArchiveProcessed,
}

impl Stage {
    /// Whether `current` is a new file already.
    pub(super) fn has_new_file(self) -> bool {
        !matches!(self, Self::Idle | Self::Sync | Self::Rename | Self::Renew)
    }
}
