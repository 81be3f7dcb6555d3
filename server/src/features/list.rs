//! The list of features. A new one is a file, and one line here.

use std::sync::Arc;

use rialto_store::prefs::Archived;
use rialto_store::{Store, StoreError};
use rialto_xmpp::Jid;

use super::bookmarks::Bookmarks;
use super::contacts::{Keeper, Limits};
use super::pubsub::{self, PubSub};
use super::record::{Recorder, Settings};
use super::{
    Feature, Spec, adhoc, archive, blocking, blocklists, caps, carbons, contact, disco, displayed, extdisco,
    invitations, last, moved, notices, offline, outage, pars, pep, ping, presence, private, push, register,
    retraction, retrieval, roster, server_node, strangers, subscriptions, time, vcard, version,
};
use crate::config::{ArchiveDefault, Config};
use crate::guards::{Guards, NodeList};
use crate::invites::Invites;
use crate::people::People;
use crate::sessions::Accounts;

/// What features have in common with those above them.
pub struct Shared {
    /// Invitations.
    pub invites: Arc<Invites>,
    /// The message of the day.
    pub day: Arc<notices::OfTheDay>,
    /// Nodes.
    pub pubsub: Arc<PubSub>,
    /// What the server can do for calls by itself; known once it listens.
    pub built_in: extdisco::BuiltIn,
    /// Against those who are a nuisance.
    pub guards: Arc<Guards>,
}

impl Shared {
    /// As the store has it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(config: &Config, store: &Store, accounts: &Arc<Accounts>) -> Result<Shared, StoreError> {
        let limits = pubsub::Limits::of(&config.pubsub);
        let nodes = config.blocklists.iter().map(|list| NodeList::open(list, store));
        let nodes = nodes.collect::<Result<_, _>>()?;
        Ok(Shared {
            invites: Invites::new(store, &config.invites),
            day: notices::OfTheDay::open(store)?,
            guards: Guards::open(&config.guard, nodes),
            built_in: extdisco::BuiltIn::default(),
            pubsub: PubSub::new(store, accounts, &config.domains, limits),
        })
    }
}

/// All features. The order is the order of every phase: what may refuse stands before what records.
pub fn all(
    config: &Config,
    store: &Store,
    accounts: &Arc<Accounts>,
    people: &People,
    shared: &Shared,
) -> Vec<Box<dyn Feature>> {
    let admins: Vec<Jid> = config.admins.iter().map(|admin| admin.as_jid().clone()).collect();
    let strangers = strangers::new(&shared.guards, admins);
    let (keeper, limits) = (Arc::new(Keeper::new(store)), Limits::default());
    let bookmarks = Bookmarks::follow(&shared.pubsub);
    let recorder = Recorder::new(store, kept(config));
    let mut list: Vec<Box<dyn Feature>> = vec![
        Box::new(blocking::new(store, &config.admins)), // first: who is blocked leaves no trace
        Box::new(blocklists::new(&shared.guards, config.first_domain())),
        Box::new(strangers), // what is too much is not kept either
        Box::new(roster::new(&keeper, limits)),
        Box::new(pep::new(&shared.pubsub)), // before subscriptions: whom they let see nodes must be welcomed
        Box::new(pars::new(&keeper, limits, &shared.invites)), // before subscriptions: what was invited needs no asking
        Box::new(moved::new(&keeper, limits, &shared.pubsub)), // before subscriptions: so need the contacts of who moved
        Box::new(subscriptions::new(&keeper, limits)), // before presence: the rest of presence is not its own
        Box::new(caps::new(&shared.pubsub)), // before presence: it must see which is a session's first
        Box::new(vcard::new(store, accounts, &shared.pubsub)), // before presence: it says which photo is shown
        Box::new(last::Last::new(store)), // before presence: it must see who was there until now
        Box::new(presence::new(accounts)),
        Box::new(displayed::new(&shared.pubsub)), // before archive: it takes out what is nobody else's business
        Box::new(archive::new(&recorder)),        // before carbons: copies carry the archive's id
        Box::new(retraction::new(&recorder)),
        Box::new(carbons::new()),
        Box::new(push::new(store, accounts, &config.push)), // behind what refuses, before what keeps
        Box::new(offline::new(&recorder)),
        // These only answer; their order is nothing to them.
        Box::new(disco::new(&shared.pubsub, &recorder)),
        Box::new(retrieval::new(&recorder)),
        Box::new(ping::Ping),
        Box::new(version::Version::new(&config.version)),
        Box::new(time::Time),
        Box::new(private::Private::new(store, bookmarks)),
        Box::new(extdisco::new(config, store, &shared.built_in)),
        Box::new(contact::Contact::new(&config.contact, server_node::field(&config.pubsub))),
        Box::new(register::Register::new(Arc::new(people.clone()))),
        Box::new(server_node::ServerNode),
        Box::new(outage::Outage::new(&config.contact.status)),
        Box::new(notices::Notices::new(&shared.day)),
        Box::new(invitations::Invitations::new(&shared.invites, &config.domains, &config.admins)),
        Box::new(adhoc::AdHoc::default()),
    ];
    // What the operator does not want is not told of either.
    list.retain(|feature| match feature.about().spec {
        Spec::Xep(357, _) => config.push.enabled,
        Spec::Xep(485, _) => server_node::is_wanted(&config.pubsub),
        _ => true,
    });
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
