//! Memory of our own: what is not needed for a while is given back.

use nix::libc::{self, c_int, c_void, dl_phdr_info, size_t};
use nix::sys::mman::{MmapAdvise, madvise};
use nix::unistd::{SysconfVar, sysconf};
use std::ptr::NonNull;

/// Forgets which pages of the program's code and constants are in memory. They stay in the page
/// cache, from where the next use brings back what it touches, and no more.
pub fn give_back_program() {
    // SAFETY: `first_object` upholds what is asked of a callback: it only reads what it is given.
    let _ = unsafe { libc::dl_iterate_phdr(Some(give_back_first), std::ptr::null_mut()) };
}

/// The first object is the program itself; the others, in a build that has any, are let be.
extern "C" fn give_back_first(info: *mut dl_phdr_info, _: size_t, _: *mut c_void) -> c_int {
    // SAFETY: dl_iterate_phdr passes a valid description.
    let info = unsafe { &*info };
    // SAFETY: and in it so many program headers.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    let loaded =
        headers.iter().filter(|h| h.p_type == libc::PT_LOAD && h.p_flags & libc::PF_W == 0);
    for header in loaded {
        give_back(info.dlpi_addr + header.p_vaddr, header.p_memsz);
    }
    1
}

/// Gives back the whole pages between an address and another, so many bytes on.
fn give_back(address: u64, length: u64) {
    let Ok(Some(page)) = sysconf(SysconfVar::PAGE_SIZE) else { return };
    let page = page.unsigned_abs();
    let begin = address.next_multiple_of(page);
    let length = (address + length).saturating_sub(begin) / page * page;
    let Some(begin) = NonNull::new(begin as *mut c_void) else { return };
    // SAFETY: whole pages of a read-only mapping of a file: what is forgotten can be read again.
    let _ = unsafe { madvise(begin, length as usize, MmapAdvise::MADV_DONTNEED) };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The resident pages of files, as the kernel counts them.
    fn resident_file_pages() -> u64 {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        statm.split(' ').nth(2).unwrap().parse().unwrap()
    }

    #[test]
    fn a_program_that_gives_back_its_pages_goes_on_with_fewer() {
        let before = resident_file_pages();
        give_back_program();
        assert!(resident_file_pages() < before, "{before}");
    }
}
