//! How many files and sockets the process may have open: every client costs one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the store, the listeners, the bridges and the logs need beside clients.
const OTHERS: u64 = 256;

/// Takes as many as the system lets us have, and says how many that is; `None` is without limit.
pub fn raise() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    }
}

/// Whether so many clients can be connected with so many files.
pub fn suffice(files: Option<u64>, connections: usize) -> bool {
    files.is_none_or(|files| files >= OTHERS.saturating_add(connections as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_the_system_allows_are_taken() {
        assert_eq!(raise(), getrlimit(Resource::Nofile).current);
    }

    #[test]
    fn clients_need_a_file_each_and_the_house_some_more() {
        assert!(suffice(None, 1_000_000));
        assert!(suffice(Some(1_256), 1_000));
        assert!(!suffice(Some(1_024), 1_000));
    }
}
