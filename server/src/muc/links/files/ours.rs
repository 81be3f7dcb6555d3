//! Which addresses are ours, as networks are told that rather take a file along than show where it lies.

use toml::Value;

use crate::config::Bridges;

/// The key of a network's section in which it is told so.
const KEY: &str = "upload_from";

/// The same bridges; those that take files along, and of which the operator says nothing else, take ours along.
pub fn told(bridges: &Bridges, ours: Option<&str>) -> Bridges {
    let mut told = bridges.clone();
    let Some(ours) = ours else { return told };
    for bridge in told.values_mut() {
        let knows = rialto_bridges::kind(&bridge.kind).is_some_and(|kind| kind.keys.contains(&KEY));
        if knows {
            bridge.settings.entry(KEY).or_insert_with(|| Value::Array(vec![ours.into()]));
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_takes_files_along_knows_which_are_ours() {
        let kind = |knows: bool| {
            let kinds = rialto_bridges::KINDS.iter();
            kinds.filter(|kind| kind.keys.contains(&KEY) == knows).map(|kind| kind.name).next().unwrap()
        };
        let (takes, takes_none) = (kind(true), kind(false));
        let bridges = format!(
            "[a]\nkind = '{takes}'\n[b]\nkind = '{takes}'\nupload_from = []\n[c]\nkind = '{takes_none}'\n"
        );
        let told = told(&toml::from_str(&bridges).unwrap(), Some("https://chat.test/upload/"));
        let from = |name: &str| told[name].settings.get(KEY).map(ToString::to_string);
        assert_eq!(from("a").as_deref(), Some("[\"https://chat.test/upload/\"]"));
        assert_eq!((from("b").as_deref(), from("c")), (Some("[]"), None));
    }
}
