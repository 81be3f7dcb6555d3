//! `muc#roomconfig_roomadmins`, `muc#roomconfig_roomowners`: the whole lists, not changes to them (§10.8).

use rialto_xmpp::{BareJid, Jid};

use super::{Field, Value, of_affiliation};
use crate::muc::affiliation::Affiliation;
use crate::muc::rules::Limits;

/// All admins.
pub const ADMINS: Field = Field {
    var: "muc#roomconfig_roomadmins",
    aliases: &[],
    label: "Admins",
    value: Value::Jids(
        |record| of_affiliation(record, Affiliation::Admin),
        |draft, jids, limits| {
            draft.admins = Some(people(jids, limits)?);
            Ok(())
        },
    ),
};

/// All owners.
pub const OWNERS: Field = Field {
    var: "muc#roomconfig_roomowners",
    aliases: &[],
    label: "Owners",
    value: Value::Jids(
        |record| of_affiliation(record, Affiliation::Owner),
        |draft, jids, limits| {
            draft.owners = Some(people(jids, limits)?);
            Ok(())
        },
    ),
};

fn people(jids: &[String], limits: &Limits) -> Result<Vec<BareJid>, String> {
    if jids.len() > limits.standings {
        return Err("are too many".into());
    }
    let given = jids.iter().filter(|jid| !jid.trim().is_empty());
    let read = |jid: &String| match Jid::parse(jid.trim()) {
        Ok(jid) => Ok(jid.bare()),
        Err(_) => Err(format!("{jid} is no address")),
    };
    given.map(read).collect()
}
