//! Every XML namespace of the house, each written once.

mod interned;
mod tail;

pub use interned::Ns;

macro_rules! namespaces {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $value;)*
        /// All of them, for interning.
        pub const KNOWN: &[&str] = &[$($value),*];
    };
}

namespaces! {
    /// RFC 6120: content of a client stream; inside the house every stanza is in it.
    CLIENT = "jabber:client";
    /// RFC 6120: content of a server stream.
    SERVER = "jabber:server";
    /// XEP-0114: content of a component stream.
    COMPONENT = "jabber:component:accept";
    /// RFC 6120 §4.8: the stream itself, always under the prefix `stream`.
    STREAM = "http://etherx.jabber.org/streams";
    /// RFC 6120 §4.9.
    STREAM_ERRORS = "urn:ietf:params:xml:ns:xmpp-streams";
    /// RFC 6120 §8.3.
    STANZA_ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas";
    /// RFC 6120 §5.
    TLS = "urn:ietf:params:xml:ns:xmpp-tls";
    /// RFC 6120 §6.
    SASL = "urn:ietf:params:xml:ns:xmpp-sasl";
    /// XEP-0388.
    SASL2 = "urn:xmpp:sasl:2";
    /// XEP-0484.
    FAST = "urn:xmpp:fast:0";
    /// XEP-0480.
    SASL_UPGRADE = "urn:xmpp:sasl:upgrade:0";
    /// XEP-0480 §3: what is exchanged for SCRAM.
    SCRAM_UPGRADE = "urn:xmpp:scram-upgrade:0";
    /// XEP-0509.
    PIPELINING = "urn:xmpp:iap:0";
    /// XEP-0440.
    SASL_CB = "urn:xmpp:sasl-cb:0";
    /// RFC 6120 §7.
    BIND = "urn:ietf:params:xml:ns:xmpp-bind";
    /// XEP-0386.
    BIND2 = "urn:xmpp:bind:0";
    /// RFC 3921 §3, optional since RFC 6121.
    SESSION = "urn:ietf:params:xml:ns:xmpp-session";
    /// XEP-0198.
    SM = "urn:xmpp:sm:3";
    /// XEP-0352.
    CSI = "urn:xmpp:csi:0";
    /// The `xml` prefix of Namespaces in XML 1.0.
    XML = "http://www.w3.org/XML/1998/namespace";
    /// The `xmlns` prefix of Namespaces in XML 1.0.
    XMLNS = "http://www.w3.org/2000/xmlns/";
    /// RFC 6121 §2.
    ROSTER = "jabber:iq:roster";
    /// RFC 6121 §2.6.
    ROSTER_VERSIONING = "urn:xmpp:features:rosterver";
    /// RFC 6121 §3.4.
    PRE_APPROVAL = "urn:xmpp:features:pre-approval";
    /// XEP-0012.
    LAST = "jabber:iq:last";
    /// XEP-0030 information.
    DISCO_INFO = "http://jabber.org/protocol/disco#info";
    /// XEP-0030 items.
    DISCO_ITEMS = "http://jabber.org/protocol/disco#items";
    /// XEP-0115.
    CAPS = "http://jabber.org/protocol/caps";
    /// XEP-0045.
    MUC = "http://jabber.org/protocol/muc";
    /// XEP-0045.
    MUC_USER = "http://jabber.org/protocol/muc#user";
    /// XEP-0045.
    MUC_ADMIN = "http://jabber.org/protocol/muc#admin";
    /// XEP-0045.
    MUC_OWNER = "http://jabber.org/protocol/muc#owner";
    /// XEP-0045 configuration form.
    MUC_ROOMCONFIG = "http://jabber.org/protocol/muc#roomconfig";
    /// XEP-0045 extended disco information.
    MUC_ROOMINFO = "http://jabber.org/protocol/muc#roominfo";
    /// XEP-0045 voice request form.
    MUC_REQUEST = "http://jabber.org/protocol/muc#request";
    /// XEP-0045 registration form.
    MUC_REGISTER = "http://jabber.org/protocol/muc#register";
    /// XEP-0045 §15.
    MUC_STABLE_ID = "http://jabber.org/protocol/muc#stable_id";
    /// XEP-0410.
    MUC_SELF_PING = "http://jabber.org/protocol/muc#self-ping-optimization";
    /// XEP-0045 status of traffic.
    MUC_TRAFFIC = "http://jabber.org/protocol/muc#traffic";
    /// XEP-0249.
    CONFERENCE = "jabber:x:conference";
    /// XEP-0050.
    COMMANDS = "http://jabber.org/protocol/commands";
    /// XEP-0133.
    ADMIN = "http://jabber.org/protocol/admin";
    /// XEP-0004.
    DATA_FORMS = "jabber:x:data";
    /// XEP-0059.
    RSM = "http://jabber.org/protocol/rsm";
    /// XEP-0054.
    VCARD = "vcard-temp";
    /// XEP-0153.
    VCARD_UPDATE = "vcard-temp:x:update";
    /// XEP-0049.
    PRIVATE = "jabber:iq:private";
    /// XEP-0077.
    REGISTER = "jabber:iq:register";
    /// XEP-0379.
    PARS = "urn:xmpp:pars:0";
    /// XEP-0445 stream feature.
    IBR_TOKEN = "urn:xmpp:ibr-token:0";
    /// XEP-0401: the node of a command.
    INVITE_CONTACT = "urn:xmpp:invite#invite";
    /// XEP-0401: the node of a command.
    INVITE_ACCOUNT = "urn:xmpp:invite#create-account";
    /// XEP-0401: the form that tells of an invitation.
    INVITATION = "urn:xmpp:invite#invitation";
    /// XEP-0455.
    OUTAGE = "urn:xmpp:sos:0";
    /// XEP-0013.
    OFFLINE_RETRIEVAL = "http://jabber.org/protocol/offline";
    /// XEP-0283.
    MOVED = "urn:xmpp:moved:1";
    /// XEP-0227.
    PIE = "urn:xmpp:pie:0";
    /// XEP-0227 §4.3.
    PIE_SCRAM = "urn:xmpp:pie:0#scram";
    /// XEP-0227 §4.11.
    PIE_ARCHIVE = "urn:xmpp:pie:0#mam";
    /// XEP-0077 stream feature.
    REGISTER_FEATURE = "http://jabber.org/features/iq-register";
    /// XEP-0092.
    VERSION = "jabber:iq:version";
    /// XEP-0199.
    PING = "urn:xmpp:ping";
    /// XEP-0202.
    TIME = "urn:xmpp:time";
    /// XEP-0203.
    DELAY = "urn:xmpp:delay";
    /// XEP-0160.
    OFFLINE = "msgoffline";
    /// XEP-0280.
    CARBONS = "urn:xmpp:carbons:2";
    /// XEP-0280 §6.1.
    CARBONS_RULES = "urn:xmpp:carbons:rules:0";
    /// XEP-0297.
    FORWARD = "urn:xmpp:forward:0";
    /// XEP-0313.
    MAM = "urn:xmpp:mam:2";
    /// XEP-0313 §4.2.
    MAM_EXTENDED = "urn:xmpp:mam:2#extended";
    /// XEP-0313 §4.1.5.
    MAM_GROUPCHAT_FIELD = "urn:xmpp:mam:2#groupchat-field";
    /// XEP-0122.
    VALIDATE = "http://jabber.org/protocol/xdata-validate";
    /// XEP-0359.
    SID = "urn:xmpp:sid:0";
    /// XEP-0421.
    OCCUPANT_ID = "urn:xmpp:occupant-id:0";
    /// XEP-0334.
    HINTS = "urn:xmpp:hints";
    /// XEP-0085.
    CHAT_STATES = "http://jabber.org/protocol/chatstates";
    /// XEP-0184.
    RECEIPTS = "urn:xmpp:receipts";
    /// XEP-0333.
    MARKERS = "urn:xmpp:chat-markers:0";
    /// XEP-0308.
    CORRECT = "urn:xmpp:message-correct:0";
    /// XEP-0424.
    RETRACT = "urn:xmpp:message-retract:1";
    /// XEP-0424 §4.
    RETRACT_TOMBSTONE = "urn:xmpp:message-retract:1#tombstone";
    /// XEP-0424, as older clients know it.
    RETRACT_OLD = "urn:xmpp:message-retract:0";
    /// XEP-0422, in which older clients wrap XEP-0425.
    FASTEN = "urn:xmpp:fasten:0";
    /// XEP-0425.
    MODERATE = "urn:xmpp:message-moderate:1";
    /// XEP-0425, as older clients know it.
    MODERATE_OLD = "urn:xmpp:message-moderate:0";
    /// XEP-0444.
    REACTIONS = "urn:xmpp:reactions:0";
    /// XEP-0444 §2.2.
    REACTION_RESTRICTIONS = "urn:xmpp:reactions:0:restrictions";
    /// XEP-0461.
    REPLY = "urn:xmpp:reply:0";
    /// XEP-0428.
    FALLBACK = "urn:xmpp:fallback:0";
    /// XEP-0393 §6.
    STYLING = "urn:xmpp:styling:0";
    /// XEP-0224.
    ATTENTION = "urn:xmpp:attention:0";
    /// XEP-0372.
    REFERENCE = "urn:xmpp:reference:0";
    /// XEP-0490: the node of what was displayed, and its payload.
    DISPLAYED_SYNC = "urn:xmpp:mds:displayed:0";
    /// XEP-0394.
    MARKUP = "urn:xmpp:markup:0";
    /// XEP-0065.
    BYTESTREAMS = "http://jabber.org/protocol/bytestreams";
    /// XEP-0066.
    OOB = "jabber:x:oob";
    /// XEP-0103.
    URL_DATA = "http://jabber.org/protocol/url-data";
    /// XEP-0300.
    HASHES = "urn:xmpp:hashes:2";
    /// XEP-0446.
    FILE_METADATA = "urn:xmpp:file:metadata:0";
    /// XEP-0363.
    UPLOAD = "urn:xmpp:http:upload:0";
    /// XEP-0363 §5: the elements that name a purpose.
    UPLOAD_PURPOSE = "urn:xmpp:http:upload:purpose:0";
    /// XEP-0363 §5.1: a feature.
    UPLOAD_MESSAGE = "urn:xmpp:http:upload:purpose:0#message";
    /// XEP-0363 §5.2: a feature.
    UPLOAD_PROFILE = "urn:xmpp:http:upload:purpose:0#profile";
    /// XEP-0363 §5.3: a feature.
    UPLOAD_EPHEMERAL = "urn:xmpp:http:upload:purpose:0#ephemeral";
    /// XEP-0363 §5.4: a feature.
    UPLOAD_PERMANENT = "urn:xmpp:http:upload:purpose:0#permanent";
    /// XEP-0447.
    FILE_SHARING = "urn:xmpp:sfs:0";
    /// XEP-0380.
    EME = "urn:xmpp:eme:0";
    /// XEP-0384, the version in use.
    OMEMO_LEGACY = "eu.siacs.conversations.axolotl";
    /// XEP-0384.
    OMEMO = "urn:xmpp:omemo:2";
    /// XEP-0373.
    OPENPGP = "urn:xmpp:openpgp:0";
    /// XEP-0027.
    OPENPGP_LEGACY = "jabber:x:encrypted";
    /// XEP-0357.
    PUSH = "urn:xmpp:push:0";
    /// XEP-0357 §7: the form in a notification.
    PUSH_SUMMARY = "urn:xmpp:push:summary";
    /// XEP-0215.
    EXTDISCO = "urn:xmpp:extdisco:2";
    /// XEP-0353.
    JINGLE_MESSAGE = "urn:xmpp:jingle-message:0";
    /// XEP-0157.
    SERVERINFO = "http://jabber.org/network/serverinfo";
    /// XEP-0485.
    SERVER_INFORMATION = "urn:xmpp:serverinfo:0";
    /// XEP-0191.
    BLOCKING = "urn:xmpp:blocking";
    /// XEP-0191, in errors.
    BLOCKING_ERRORS = "urn:xmpp:blocking:errors";
    /// XEP-0377.
    REPORTING = "urn:xmpp:reporting:1";
    /// XEP-0377 up to 0.2, which some clients still write.
    REPORTING_OLD = "urn:xmpp:reporting:0";
    /// XEP-0377 §4: a reason.
    REPORTING_SPAM = "urn:xmpp:reporting:spam";
    /// XEP-0377 §4: a reason.
    REPORTING_ABUSE = "urn:xmpp:reporting:abuse";
    /// XEP-0060.
    PUBSUB = "http://jabber.org/protocol/pubsub";
    /// XEP-0060 events.
    PUBSUB_EVENT = "http://jabber.org/protocol/pubsub#event";
    /// XEP-0060 errors.
    PUBSUB_ERRORS = "http://jabber.org/protocol/pubsub#errors";
    /// XEP-0060 what owners do.
    PUBSUB_OWNER = "http://jabber.org/protocol/pubsub#owner";
    /// XEP-0060 §16.4.2: the form of a node's configuration.
    PUBSUB_NODE_CONFIG = "http://jabber.org/protocol/pubsub#node_config";
    /// XEP-0060 §7.1.5: the form of preconditions, and a feature.
    PUBSUB_PUBLISH_OPTIONS = "http://jabber.org/protocol/pubsub#publish-options";
    /// XEP-0060 §16.4.4: the form of a subscription's options.
    PUBSUB_SUBSCRIBE_OPTIONS = "http://jabber.org/protocol/pubsub#subscribe_options";
    /// XEP-0060 §8.6: the form with which an owner approves a subscription.
    PUBSUB_SUBSCRIBE_AUTHORIZATION = "http://jabber.org/protocol/pubsub#subscribe_authorization";
    /// XEP-0060 §9: an account's own nodes.
    PUBSUB_ON_A_JID = "http://jabber.org/protocol/pubsub#pubsub-on-a-jid";
    /// XEP-0060 §10, a feature.
    PUBSUB_ACCESS_AUTHORIZE = "http://jabber.org/protocol/pubsub#access-authorize";
    /// XEP-0060 §10, a feature.
    PUBSUB_ACCESS_OPEN = "http://jabber.org/protocol/pubsub#access-open";
    /// XEP-0060 §10, a feature.
    PUBSUB_ACCESS_PRESENCE = "http://jabber.org/protocol/pubsub#access-presence";
    /// XEP-0060 §10, a feature.
    PUBSUB_ACCESS_ROSTER = "http://jabber.org/protocol/pubsub#access-roster";
    /// XEP-0060 §10, a feature.
    PUBSUB_ACCESS_WHITELIST = "http://jabber.org/protocol/pubsub#access-whitelist";
    /// XEP-0060 §10, a feature.
    PUBSUB_AUTO_CREATE = "http://jabber.org/protocol/pubsub#auto-create";
    /// XEP-0060 §10, a feature.
    PUBSUB_AUTO_SUBSCRIBE = "http://jabber.org/protocol/pubsub#auto-subscribe";
    /// XEP-0060 §10, a feature.
    PUBSUB_CONFIG_NODE = "http://jabber.org/protocol/pubsub#config-node";
    /// XEP-0060 §10, a feature.
    PUBSUB_CONFIG_NODE_MAX = "http://jabber.org/protocol/pubsub#config-node-max";
    /// XEP-0060 §10, a feature.
    PUBSUB_CREATE_AND_CONFIGURE = "http://jabber.org/protocol/pubsub#create-and-configure";
    /// XEP-0060 §10, a feature.
    PUBSUB_CREATE_NODES = "http://jabber.org/protocol/pubsub#create-nodes";
    /// XEP-0060 §10, a feature.
    PUBSUB_DELETE_ITEMS = "http://jabber.org/protocol/pubsub#delete-items";
    /// XEP-0060 §10, a feature.
    PUBSUB_DELETE_NODES = "http://jabber.org/protocol/pubsub#delete-nodes";
    /// XEP-0060 §10, a feature.
    PUBSUB_FILTERED_NOTIFICATIONS = "http://jabber.org/protocol/pubsub#filtered-notifications";
    /// XEP-0060 §10, a feature.
    PUBSUB_INSTANT_NODES = "http://jabber.org/protocol/pubsub#instant-nodes";
    /// XEP-0060 §10, a feature.
    PUBSUB_ITEM_IDS = "http://jabber.org/protocol/pubsub#item-ids";
    /// XEP-0060 §10, a feature.
    PUBSUB_LAST_PUBLISHED = "http://jabber.org/protocol/pubsub#last-published";
    /// XEP-0060 §10, a feature.
    PUBSUB_MANAGE_SUBSCRIPTIONS = "http://jabber.org/protocol/pubsub#manage-subscriptions";
    /// XEP-0060 §10, a feature.
    PUBSUB_MEMBER_AFFILIATION = "http://jabber.org/protocol/pubsub#member-affiliation";
    /// XEP-0060 §10, a feature.
    PUBSUB_META_DATA = "http://jabber.org/protocol/pubsub#meta-data";
    /// XEP-0060 §10, a feature.
    PUBSUB_MODIFY_AFFILIATIONS = "http://jabber.org/protocol/pubsub#modify-affiliations";
    /// XEP-0060 §10, a feature.
    PUBSUB_MULTI_ITEMS = "http://jabber.org/protocol/pubsub#multi-items";
    /// XEP-0060 §10, a feature.
    PUBSUB_OUTCAST_AFFILIATION = "http://jabber.org/protocol/pubsub#outcast-affiliation";
    /// XEP-0060 §10, a feature.
    PUBSUB_PERSISTENT_ITEMS = "http://jabber.org/protocol/pubsub#persistent-items";
    /// XEP-0060 §10, a feature.
    PUBSUB_PRESENCE_SUBSCRIBE = "http://jabber.org/protocol/pubsub#presence-subscribe";
    /// XEP-0060 §10, a feature.
    PUBSUB_PUBLISH = "http://jabber.org/protocol/pubsub#publish";
    /// XEP-0060 §10, a feature.
    PUBSUB_PUBLISH_NODE_FULL = "http://jabber.org/protocol/pubsub#publish-node-full";
    /// XEP-0060 §10, a feature.
    PUBSUB_PUBLISH_ONLY_AFFILIATION = "http://jabber.org/protocol/pubsub#publish-only-affiliation";
    /// XEP-0060 §10, a feature.
    PUBSUB_PUBLISHER_AFFILIATION = "http://jabber.org/protocol/pubsub#publisher-affiliation";
    /// XEP-0060 §10, a feature.
    PUBSUB_PURGE_NODES = "http://jabber.org/protocol/pubsub#purge-nodes";
    /// XEP-0060 §10, a feature.
    PUBSUB_RETRACT_ITEMS = "http://jabber.org/protocol/pubsub#retract-items";
    /// XEP-0060 §10, a feature.
    PUBSUB_RETRIEVE_AFFILIATIONS = "http://jabber.org/protocol/pubsub#retrieve-affiliations";
    /// XEP-0060 §10, a feature.
    PUBSUB_RETRIEVE_DEFAULT = "http://jabber.org/protocol/pubsub#retrieve-default";
    /// XEP-0060 §10, a feature.
    PUBSUB_RETRIEVE_ITEMS = "http://jabber.org/protocol/pubsub#retrieve-items";
    /// XEP-0060 §10, a feature.
    PUBSUB_RETRIEVE_SUBSCRIPTIONS = "http://jabber.org/protocol/pubsub#retrieve-subscriptions";
    /// XEP-0060 §10, a feature.
    PUBSUB_SUBSCRIBE = "http://jabber.org/protocol/pubsub#subscribe";
    /// XEP-0060 §10, a feature.
    PUBSUB_SUBSCRIPTION_OPTIONS = "http://jabber.org/protocol/pubsub#subscription-options";
    /// XEP-0060 §10, a feature.
    PUBSUB_SUBSCRIPTION_NOTIFICATIONS = "http://jabber.org/protocol/pubsub#subscription-notifications";
    /// XEP-0060 §8.7.
    PUBSUB_GET_PENDING = "http://jabber.org/protocol/pubsub#get-pending";
    /// XEP-0462.
    PUBSUB_FILTER = "urn:xmpp:pubsub-filter:0";
    /// RFC 7395.
    FRAMING = "urn:ietf:params:xml:ns:xmpp-framing";
    /// XEP-0478.
    STREAM_LIMITS = "urn:xmpp:stream-limits:0";
    /// XEP-0433.
    SEARCH = "urn:xmpp:channel-search:0:search";
    /// XEP-0433 §4.2.1: the form.
    SEARCH_PARAMS = "urn:xmpp:channel-search:0:search-params";
    /// XEP-0433 §4.2.2: its errors.
    SEARCH_ERROR = "urn:xmpp:channel-search:0:error";
    /// XEP-0317.
    HATS = "urn:xmpp:hats:0";
    /// XEP-0317 §3.2: the form of its commands, and how their nodes begin.
    HATS_COMMANDS = "urn:xmpp:hats:commands";
    /// XEP-0431.
    FULLTEXT = "urn:xmpp:fulltext:0";
    /// XEP-0463.
    AFFILIATIONS = "urn:xmpp:muc:affiliations:1";
    /// XEP-0503.
    SPACES = "urn:xmpp:spaces:0";
    /// XEP-0504.
    DATA_POLICY = "urn:xmpp:data-policy:0";
    /// XEP-0513.
    MENTIONS = "urn:xmpp:mentions:0";
    /// XEP-0513 §4.2.1.1: everybody in a room.
    MENTIONS_CHANNEL = "urn:xmpp:mentions:0#channel";
    /// XEP-0513 §4.2.2: all of a role or an affiliation.
    MENTIONS_ASSOCIATIONS = "urn:xmpp:mentions:0#associations";
    /// XEP-0513 §4.2.3: all who wear a hat.
    MENTIONS_HATS = "urn:xmpp:mentions:0#hats";
    /// XEP-0084: the node of pictures, and their payload.
    AVATAR_DATA = "urn:xmpp:avatar:data";
    /// XEP-0084: the node that says which picture is shown, and its payload.
    AVATAR_METADATA = "urn:xmpp:avatar:metadata";
    /// XEP-0398.
    AVATAR_CONVERSION = "urn:xmpp:pep-vcard-conversion:0";
    /// XEP-0402: the node of bookmarks, and their payload.
    BOOKMARKS = "urn:xmpp:bookmarks:1";
    /// XEP-0402 §6: bookmarks in private XML are the same.
    BOOKMARKS_COMPAT = "urn:xmpp:bookmarks:1#compat";
    /// XEP-0402 §6: bookmarks in the older node are the same.
    BOOKMARKS_COMPAT_PEP = "urn:xmpp:bookmarks:1#compat-pep";
    /// XEP-0411: what older clients look for.
    BOOKMARKS_CONVERSION = "urn:xmpp:bookmarks-conversion:0";
    /// XEP-0048: the older node, and the payload in both older places.
    BOOKMARKS_OLD = "storage:bookmarks";
    /// XEP-0490 §5.5.
    DISPLAYED_ASSIST = "urn:xmpp:mds:server-assist:0";
    /// XEP-0172.
    NICK = "http://jabber.org/protocol/nick";
    /// XEP-0071.
    XHTML_IM = "http://jabber.org/protocol/xhtml-im";
    /// XEP-0106 and others: how a gateway names its own type.
    GATEWAY = "jabber:iq:gateway";
    /// XEP-0016.
    PRIVACY = "jabber:iq:privacy";
    /// XEP-0118.
    TUNE = "http://jabber.org/protocol/tune";
    /// XEP-0124.
    HTTP_BIND = "http://jabber.org/protocol/httpbind";
    /// XEP-0206.
    XBOSH = "urn:xmpp:xbosh";
    /// XEP-0156: where a WebSocket is (RFC 7395).
    ALT_WEBSOCKET = "urn:xmpp:alt-connections:websocket";
    /// XEP-0156: where BOSH is (XEP-0206).
    ALT_XBOSH = "urn:xmpp:alt-connections:xbosh";
}
