//! The only loop: it turns the kernel's news into events, and the engine's commands into syscalls.
