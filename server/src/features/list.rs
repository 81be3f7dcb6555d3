//! The list of features. A new one is a file, and one line here.

use std::sync::Arc;

use rialto_store::Store;
use rialto_store::prefs::Archived;
use rialto_xmpp::Jid;

use super::contacts::{Keeper, Limits};
use super::pubsub::PubSub;
use super::record::{Recorder, Settings};
use super::{
    Feature, Spec, adhoc, archive, blocking, caps, carbons, contact, disco, extdisco, last, offline, pep,
    ping, presence, private, push, register, retraction, roster, strangers, subscriptions, time, vcard,
    version,
};
use crate::config::{ArchiveDefault, Config};
use crate::guards::Guards;
use crate::people::People;
use crate::sessions::Accounts;

/// All features. The order is the order of every phase: what may refuse stands before what records.
pub fn all(
    config: &Config,
    store: &Store,
    accounts: &Arc<Accounts>,
    people: &People,
    (pubsub, guards, built_in): (&Arc<PubSub>, &Arc<Guards>, &extdisco::BuiltIn),
) -> Vec<Box<dyn Feature>> {
    let admins: Vec<Jid> = config.admins.iter().map(|admin| admin.as_jid().clone()).collect();
    let strangers = strangers::new(guards, admins.clone());
    let online = adhoc::OnlineUsers { admins, accounts: accounts.clone() };
    let (keeper, limits) = (Arc::new(Keeper::new(store)), Limits::default());
    let recorder = Recorder::new(store, kept(config));
    let mut list: Vec<Box<dyn Feature>> = vec![
        Box::new(blocking::new(store, &config.admins)), // first: who is blocked leaves no trace
        Box::new(strangers),                            // what is too much is not kept either
        Box::new(roster::new(&keeper, limits)),
        Box::new(pep::new(pubsub)), // before subscriptions: whom they let see nodes must be welcomed
        Box::new(subscriptions::new(&keeper, limits)), // before presence: the rest of presence is not its own
        Box::new(caps::new(pubsub)), // before presence: it must see which is a session's first
        Box::new(presence::new(accounts)),
        Box::new(archive::new(&recorder)), // before carbons: copies carry the archive's id
        Box::new(retraction::new(&recorder)),
        Box::new(carbons::new()),
        Box::new(push::new(store, accounts, &config.push)), // behind what refuses, before what keeps
        Box::new(offline::new(&recorder)),
        Box::new(last::Last::new(store)),
        // These only answer; their order is nothing to them.
        Box::new(disco::new(pubsub)),
        Box::new(ping::Ping),
        Box::new(version::Version::new(&config.version)),
        Box::new(time::Time),
        Box::new(private::Private::new(store)),
        Box::new(vcard::VCard::new(store)),
        Box::new(extdisco::new(config, store, built_in)),
        Box::new(contact::Contact::new(&config.contact)),
        Box::new(register::Register::new(Arc::new(people.clone()))),
        Box::new(adhoc::AdHoc::new(vec![Arc::new(online)])),
    ];
    list.retain(|feature| config.push.enabled || !matches!(feature.about().spec, Spec::Xep(357, _)));
    list
}

/// What the operator wants kept of messages.
fn kept(config: &Config) -> Settings {
    let archive = &config.archive;
    let default = match archive.default {
        ArchiveDefault::Always => Archived::Always,
        ArchiveDefault::Roster => Archived::Roster,
        ArchiveDefault::Never => Archived::Never,
    };
    let page = (archive.page, archive.max_page);
    Settings { enabled: archive.enabled, default, offline: archive.offline, page }
}
