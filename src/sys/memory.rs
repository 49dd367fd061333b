//! Memory of our own: what is not needed for a while is given back.

use super::machine::page_size;
use nix::libc::{self, c_int, c_void, dl_phdr_info, size_t};

/// Where the program's code and constants are in memory: whole pages of a file, which the page
/// cache has too.
#[derive(Debug, Default)]
pub struct ProgramPages(Vec<Pages>);

#[derive(Debug)]
struct Pages {
    begin: usize,
    length: usize,
}

impl ProgramPages {
    /// The one that this process runs.
    pub fn find() -> Self {
        let mut program = Self::default();
        let data = (&raw mut program).cast();
        // SAFETY: `add_first` upholds what is asked of a callback; `program` outlives the call.
        let _ = unsafe { libc::dl_iterate_phdr(Some(add_first), data) };
        program
    }

    /// Forgets which of its pages are in memory. The next use of one brings it back from the page
    /// cache, and its neighbours with it: what is executed from here on takes memory again, so that
    /// this asks the C library directly, and works out nothing.
    pub fn give_back(&self) {
        for pages in &self.0 {
            let begin = pages.begin as *mut c_void;
            // SAFETY: read-only pages of a file: what is forgotten can be read again.
            let _ = unsafe { libc::madvise(begin, pages.length, libc::MADV_DONTNEED) };
        }
    }

    /// Adds the whole pages between an address and another, so many bytes on.
    fn add(&mut self, address: usize, length: usize) {
        let page = page_size();
        let begin = address.next_multiple_of(page);
        let length = (address + length).saturating_sub(begin) / page * page;
        self.0.push(Pages { begin, length });
    }
}

/// The first object is the program itself; the others, in a build that has any, are let be.
extern "C" fn add_first(info: *mut dl_phdr_info, _: size_t, program: *mut c_void) -> c_int {
    // SAFETY: dl_iterate_phdr passes a valid description.
    let info = unsafe { &*info };
    // SAFETY: and in it so many program headers.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    // SAFETY: and what it was given, which `find` alone knows.
    let program = unsafe { &mut *program.cast::<ProgramPages>() };
    let is_read_only = |flags| flags & libc::PF_W == 0;
    for header in headers.iter().filter(|h| h.p_type == libc::PT_LOAD && is_read_only(h.p_flags)) {
        program.add(info.dlpi_addr as usize + header.p_vaddr as usize, header.p_memsz as usize);
    }
    1
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
        let program = ProgramPages::find();
        let before = resident_file_pages();
        program.give_back();
        assert!(resident_file_pages() < before, "{before}");
    }
}
