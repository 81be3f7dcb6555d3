//! The catalogue: every table there is. Nothing is stored outside it; export and migration walk it.

/// The number of a table. Only the catalogue makes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(u8);

impl TableId {
    /// The number as it stands in keys and in the journal.
    pub(crate) fn number(self) -> u8 {
        self.0
    }

    /// The table with that number, if the catalogue has one.
    pub(crate) fn numbered(number: u8) -> Option<TableId> {
        CATALOGUE.iter().find(|entry| entry.id.0 == number).map(|entry| entry.id)
    }

    /// Its name in the catalogue.
    pub fn name(self) -> &'static str {
        CATALOGUE.iter().find(|entry| entry.id == self).map_or("unknown", |entry| entry.name)
    }
}

/// What the catalogue says of a table.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its number; never reused.
    pub id: TableId,
    /// Its name in messages and exports.
    pub name: &'static str,
    /// The parts of its key, in order.
    pub key: &'static str,
    /// What a value is.
    pub record: &'static str,
    /// The file that owns the table.
    pub owner: &'static str,
}

/// What the store knows about itself: format, sequence.
pub const STORE: TableId = TableId(0);
/// Accounts and their credentials.
pub const ACCOUNTS: TableId = TableId(1);
/// Roster items, and removed ones that are remembered for versioning.
pub const ROSTER: TableId = TableId(2);
/// The version counter of each roster.
pub const ROSTER_VERSION: TableId = TableId(3);
/// Archived stanzas of accounts and rooms, in chunks.
pub const ARCHIVE: TableId = TableId(4);
/// Which chunks hold something exchanged with whom.
pub const ARCHIVE_WITH: TableId = TableId(5);
/// How far each account's offline messages were delivered.
pub const OFFLINE: TableId = TableId(6);
/// Archiving preferences.
pub const ARCHIVE_PREFS: TableId = TableId(7);
/// Rooms: configuration, affiliations, subject.
pub const ROOMS: TableId = TableId(8);
/// Nicks registered in rooms.
pub const NICKS: TableId = TableId(9);
/// Private XML.
pub const PRIVATE: TableId = TableId(10);
/// vCards.
pub const VCARDS: TableId = TableId(11);
/// Bridged messages: ours → theirs.
pub const IDS: TableId = TableId(12);
/// Bridged messages: theirs → ours.
pub const IDS_REMOTE: TableId = TableId(13);
/// Last activity.
pub const LAST: TableId = TableId(14);
/// Secrets of the server.
pub const SERVER: TableId = TableId(15);
/// Links between rooms and far rooms that were made at run time.
pub const LINKS: TableId = TableId(16);
/// What must still go to far rooms.
pub const OUTBOX: TableId = TableId(17);
/// How far the one has got that is under way.
pub const FLIGHTS: TableId = TableId(18);
/// What networks keep from one run to the next.
pub const MARKS: TableId = TableId(19);
/// What people are on other networks.
pub const IDENTITIES: TableId = TableId(44);
/// Whom accounts block.
pub const BLOCKED: TableId = TableId(30);
/// What people report of others.
pub const REPORTS: TableId = TableId(31);
/// Uploaded files.
pub const UPLOADS: TableId = TableId(34);
/// Whose they are.
pub const UPLOADS_OWNED: TableId = TableId(35);
/// Tokens that stand in for a password.
pub const TOKENS: TableId = TableId(38);
/// Block lists that others keep.
pub const BLOCKLISTS: TableId = TableId(39);
/// Nodes of accounts and services.
pub const PUBSUB_NODES: TableId = TableId(20);
/// Who stands how to a node.
pub const PUBSUB_PEOPLE: TableId = TableId(21);
/// Items of nodes.
pub const PUBSUB_ITEMS: TableId = TableId(22);
/// Invitations.
pub const INVITES: TableId = TableId(60);
/// Names that invitations reserve.
pub const RESERVED: TableId = TableId(61);
/// Circles.
pub const CIRCLES: TableId = TableId(62);
/// What is said to everybody.
pub const NOTICES: TableId = TableId(63);
/// Who has heard it.
pub const HEARD: TableId = TableId(64);

/// Push services that accounts have enabled.
pub const PUSHES: TableId = TableId(24);

/// Files of other networks, by the message that shows them.
pub const REHOSTED: TableId = TableId(25);
/// Pictures of our own people, kept for other networks.
pub const FACES: TableId = TableId(26);

macro_rules! entry {
    ($id:ident, $name:literal, $key:literal, $record:literal, $owner:literal) => {
        Entry { id: $id, name: $name, key: $key, record: $record, owner: $owner }
    };
}

/// Every table.
pub const CATALOGUE: &[Entry] = &[
    entry!(STORE, "store", "name", "text", "store.rs"),
    entry!(ACCOUNTS, "accounts", "account", "JSON accounts::Account", "accounts.rs"),
    entry!(ROSTER, "roster", "account, contact", "JSON rosters::Kept", "rosters.rs"),
    entry!(ROSTER_VERSION, "roster-version", "account", "JSON rosters::Versions", "rosters.rs"),
    entry!(ARCHIVE, "archive", "owner, id of the first entry", "chunk of entries", "log/chunk.rs"),
    entry!(ARCHIVE_WITH, "archive-with", "owner, bare JID, id of the chunk", "empty", "log/spill.rs"),
    entry!(OFFLINE, "offline", "account", "JSON offline::Mark", "archive/offline.rs"),
    entry!(ARCHIVE_PREFS, "archive-prefs", "account", "JSON prefs::Prefs", "prefs.rs"),
    entry!(ROOMS, "rooms", "room", "JSON, the room's own", "rooms.rs"),
    entry!(NICKS, "nicks", "room, account", "JSON nicks::Nick", "nicks.rs"),
    entry!(PRIVATE, "private", "account, namespace", "XML", "private.rs"),
    entry!(VCARDS, "vcards", "account; account, photo", "XML; hash of its photo", "vcard.rs"),
    entry!(IDS, "ids", "link, our id", "JSON list of theirs", "ids.rs"),
    entry!(IDS_REMOTE, "ids-remote", "link, their id", "our id", "ids.rs"),
    entry!(LAST, "last", "account", "JSON last::Last", "last.rs"),
    entry!(SERVER, "server", "name", "bytes", "server.rs"),
    entry!(LINKS, "links", "room, link", "JSON, the link's own", "rooms.rs"),
    entry!(OUTBOX, "outbox", "link, our id", "JSON, the link's own", "outbox.rs"),
    entry!(FLIGHTS, "flights", "link", "JSON outbox::Flight", "outbox.rs"),
    entry!(MARKS, "marks", "bridge, name", "text", "marks.rs"),
    entry!(IDENTITIES, "identities", "account, bridge", "JSON identities::Identity", "identities.rs"),
    entry!(BLOCKED, "blocked", "account, address", "JSON blocked::Since", "blocked.rs"),
    entry!(REPORTS, "reports", "number", "JSON reports::Report", "reports.rs"),
    entry!(UPLOADS, "uploads", "id", "JSON uploads::Upload", "uploads.rs"),
    entry!(UPLOADS_OWNED, "uploads-owned", "owner, id", "JSON null", "uploads.rs"),
    entry!(TOKENS, "tokens", "account, client", "JSON tokens::Tokens", "tokens.rs"),
    entry!(PUBSUB_NODES, "pubsub-nodes", "owner, node", "JSON pubsub::Node", "pubsub/mod.rs"),
    entry!(PUBSUB_PEOPLE, "pubsub-people", "owner, node, account", "JSON pubsub::Person", "pubsub/mod.rs"),
    entry!(PUBSUB_ITEMS, "pubsub-items", "owner, node, item", "JSON pubsub::Item", "pubsub/mod.rs"),
    entry!(BLOCKLISTS, "blocklists", "service, node, SHA-256", "JSON null", "blocklists.rs"),
    entry!(PUSHES, "pushes", "account, service, node", "JSON pushes::Push", "pushes.rs"),
    entry!(REHOSTED, "rehosted", "room, our id", "JSON rehosted::Rehosted", "rehosted.rs"),
    entry!(FACES, "faces", "account", "JSON rehosted::Face", "rehosted.rs"),
    entry!(INVITES, "invites", "digest of the token", "JSON invites::Invite", "invites.rs"),
    entry!(RESERVED, "reserved", "account", "JSON, key of the invitation", "invites.rs"),
    entry!(CIRCLES, "circles", "name", "JSON circles::Circle", "circles.rs"),
    entry!(NOTICES, "notices", "name", "JSON notices::Notice", "notices.rs"),
    entry!(HEARD, "heard", "account", "JSON, number of the notice", "notices.rs"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_its_own_number_and_name() {
        for (at, entry) in CATALOGUE.iter().enumerate() {
            assert_eq!(TableId::numbered(entry.id.number()), Some(entry.id));
            assert!(
                CATALOGUE.iter().skip(at + 1).all(|other| other.id != entry.id && other.name != entry.name)
            );
        }
    }
}
