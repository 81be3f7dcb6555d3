//! XEP-0297, XEP-0313 §4.2, XEP-0160, XEP-0203: kept messages on their way out. Their bytes are copied, never parsed.

use rialto_store::archive::{Entry, Flags};
use rialto_xmpp::ns;
use rialto_xmpp::parts::datetime;
use rialto_xmpp::write::escape_attr;

use super::moment;
use crate::sessions::{Account, Frame};

/// Makes the results of one query.
pub struct Results {
    head: String,
    middle: String,
}

impl Results {
    /// For an asker, by his address; `query` is the id he gave to the query.
    pub fn new(account: &str, to: &str, query: Option<&str>) -> Results {
        let query = query.map(|id| format!(" queryid='{}'", escape_attr(id))).unwrap_or_default();
        Results {
            head: format!(
                "<message from='{}' to='{}'><result xmlns='{}'{query} id='",
                escape_attr(account),
                escape_attr(to),
                ns::MAM
            ),
            middle: format!("'><forwarded xmlns='{}'><delay xmlns='{}' stamp='", ns::FORWARD, ns::DELAY),
        }
    }

    /// One result.
    pub fn frame(&self, entry: &Entry) -> Frame {
        const TAIL: &str = "</forwarded></result></message>";
        let (id, stamp, stanza) = (entry.id.to_string(), datetime::format(moment(entry.id)), entry.stanza());
        let parts = [&self.head, &id, &self.middle, &stamp, "'/>"];
        let length = parts.iter().map(|part| part.len()).sum::<usize>() + stanza.len() + TAIL.len();
        let mut out = Vec::with_capacity(length);
        parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
        out.extend_from_slice(&stanza);
        out.extend_from_slice(TAIL.as_bytes());
        Frame::ready(out, true)
    }
}

/// XEP-0160 §2: a message as it is delivered later, with the time it came, and its id if the archive shows it.
pub fn later(account: &Account, entry: &Entry) -> Frame {
    kept(account, entry, "")
}

/// XEP-0013 §2.4: the same, with the node by which its owner manages it.
pub fn retrieved(account: &Account, entry: &Entry) -> Frame {
    let node = format!("<offline xmlns='{}'><item node='{}'/></offline>", ns::OFFLINE_RETRIEVAL, entry.id);
    kept(account, entry, &node)
}

fn kept(account: &Account, entry: &Entry, more: &str) -> Frame {
    const END: &[u8] = b"</message>";
    let stanza = entry.stanza();
    let body = stanza.strip_suffix(END).unwrap_or(&stanza);
    let mut out = Vec::with_capacity(stanza.len() + more.len() + 200);
    out.extend_from_slice(body);
    if !entry.flags().contains(Flags::HIDDEN) {
        let by = escape_attr(account.jid.as_str());
        out.extend_from_slice(
            format!("<stanza-id xmlns='{}' id='{}' by='{by}'/>", ns::SID, entry.id).as_bytes(),
        );
    }
    let (from, stamp) = (escape_attr(account.jid.domainpart()), datetime::format(moment(entry.id)));
    out.extend_from_slice(format!("<delay xmlns='{}' from='{from}' stamp='{stamp}'/>", ns::DELAY).as_bytes());
    out.extend_from_slice(more.as_bytes());
    out.extend_from_slice(END);
    Frame::ready(out, true)
}
