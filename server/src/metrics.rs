//! What the process costs, as the system tells.

/// Bytes of memory that the process holds; `None` where the system does not tell.
pub fn memory() -> Option<u64> {
    resident(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_what_the_system_writes() {
        assert_eq!(resident("Name:\trialto\nVmRSS:\t   12345 kB\nThreads:\t3\n"), Some(12_641_280));
        assert_eq!(resident("Name:\trialto\n"), None);
        assert!(memory().is_none_or(|bytes| bytes > 100_000));
    }
}
