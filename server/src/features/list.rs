//! The list of features. A new one is a file, and one line here.

use std::sync::Arc;

use rialto_store::Store;
use rialto_xmpp::Jid;

use super::{Feature, adhoc, caps, contact, disco, last, ping, private, register, time, vcard, version};
use crate::config::Config;
use crate::people::People;
use crate::sessions::Accounts;

/// All features. The order is the order of every phase: what may refuse stands before what records.
pub fn all(
    config: &Config,
    store: &Store,
    accounts: &Arc<Accounts>,
    people: &People,
) -> Vec<Box<dyn Feature>> {
    let admins: Vec<Jid> = config.admins.iter().map(|admin| admin.as_jid().clone()).collect();
    let online = adhoc::OnlineUsers { admins, accounts: accounts.clone() };
    vec![
        Box::new(last::Last::new(store)),
        // These only answer; their order is nothing to them.
        Box::new(disco::Disco),
        Box::new(caps::Caps),
        Box::new(ping::Ping),
        Box::new(version::Version::new(config.version.answer)),
        Box::new(time::Time),
        Box::new(private::Private::new(store)),
        Box::new(vcard::VCard::new(store)),
        Box::new(contact::Contact::new(&config.contact)),
        Box::new(register::Register::new(Arc::new(people.clone()))),
        Box::new(adhoc::AdHoc::new(vec![Arc::new(online)])),
    ]
}
