//! XEP-0227 §4.11: an account's archive (XEP-0313), oldest first, a page at a time.

use rialto_store::Store;
use rialto_store::archive::{Archive, Entry};
use rialto_xmpp::parts::datetime;
use rialto_xmpp::{BareJid, ns};

use super::ExportError;
use super::paper::Paper;
use crate::features::record::moment;

/// Entries read at a time; fewer where they are large.
const PAGE: usize = 200;

/// Writes the archive of an account, if there is anything in it.
pub(super) fn write(store: &Store, jid: &BareJid, paper: &mut Paper<'_>) -> Result<(), ExportError> {
    let archive = Archive::new(store);
    let (mut last, mut begun) = (None, false);
    loop {
        let page = archive.following(jid.as_str(), last, PAGE)?;
        for entry in &page.entries {
            if !begun {
                paper.open("archive", ns::PIE_ARCHIVE, ns::PIE, &[])?;
                begun = true;
            }
            result(entry, paper)?;
        }
        last = page.last();
        if page.complete || last.is_none() {
            break;
        }
    }
    if begun {
        paper.close("archive")?;
    }
    Ok(())
}

/// XEP-0313 §4.2. A stanza is kept with its namespace declared, as results carry it.
fn result(entry: &Entry, paper: &mut Paper<'_>) -> Result<(), ExportError> {
    paper.open("result", ns::MAM, ns::PIE_ARCHIVE, &[("id", &entry.id.to_string())])?;
    paper.open("forwarded", ns::FORWARD, ns::MAM, &[])?;
    let stamp = datetime::format(moment(entry.id));
    paper.text(&format!("<delay xmlns='{}' stamp='{stamp}'/>", ns::DELAY))?;
    paper.bytes(&entry.stanza())?;
    paper.text("</forwarded></result>\n")?;
    Ok(())
}
