//! Block lists that others keep: how they are where the server runs; else there is nothing to look at but their names.

use super::Finding;
use crate::admin::Answer;
use crate::config::Config;

/// What there is to do about a list that is not well.
const TODO: &str = "ask whoever keeps the list which address and node it has, and whether this server may subscribe; \
                    whom it has listed so far stays away meanwhile";

/// One finding for each; `told`: what the running server says.
pub(super) fn look(config: &Config, told: Option<&Answer>) -> Vec<Finding> {
    let Some(Answer::Status(status)) = told else {
        let finding = |list: &crate::config::Blocklist| {
            let name = format!("{} of {}", list.node, list.service);
            Finding::ok("block list", format!("{name} is asked for when the server runs"))
        };
        return config.blocklists.iter().map(finding).collect();
    };
    let finding = |list: &crate::admin::Blocklist| {
        let says = format!("{}: {}", list.name, list.state);
        if list.well { Finding::ok("block list", says) } else { Finding::warn("block list", says, TODO) }
    };
    status.blocklists.iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;
    use crate::admin::{Blocklist, Status};

    #[test]
    fn a_list_that_cannot_be_read_is_a_warning_that_says_why() {
        let config = Config::parse("[[blocklist]]\nservice = 'rtbl.lit'\n").unwrap();
        let offline = look(&config, None).remove(0);
        assert_eq!(offline.says, "muc_bans_sha256 of rtbl.lit is asked for when the server runs");
        let list =
            |well, state: &str| Blocklist { name: "bans of rtbl.lit".into(), well, state: state.into() };
        let blocklists = vec![list(true, "3 entries"), list(false, "it does not answer")];
        let told = Answer::Status(Status { blocklists, ..Status::default() });
        let levels: Vec<_> = look(&config, Some(&told)).iter().map(|finding| finding.level).collect();
        assert_eq!(levels, [Level::Ok, Level::Warn]);
        assert!(look(&config, Some(&told))[1].says.contains("it does not answer"));
    }
}
