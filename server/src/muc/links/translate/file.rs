//! XEP-0447 with XEP-0446, XEP-0066: a file that is shown in a message; several of them as well, where a client does so.

use rialto_bridges::model::Attachment;
use rialto_xmpp::{Element, Message, ns};

/// Files of one message.
const MOST: usize = 10;

/// The payloads that show a file. Clients show one where the body is its address and nothing else; those who know
/// XEP-0447 see its name, size, type and description as well.
pub fn write(file: &Attachment) -> Vec<Element> {
    let oob = |name: &str, text: &str| Element::new(name, ns::OOB).with_text(text);
    let description = file.description.as_ref().map(|text| oob("desc", text));
    let body = Element::new("body", ns::CLIENT).with_text(file.url.as_str());
    let whole = Element::new("body", ns::FALLBACK);
    vec![
        body,
        Element::new("x", ns::OOB).with(oob("url", &file.url)).with_opt(description),
        sharing(file),
        Element::new("fallback", ns::FALLBACK).attr("for", ns::FILE_SHARING).with(whole),
    ]
}

fn sharing(file: &Attachment) -> Element {
    let said = |name: &str, text: String| {
        (!text.is_empty()).then(|| Element::new(name, ns::FILE_METADATA).with_text(text))
    };
    let metadata = Element::new("file", ns::FILE_METADATA)
        .with_opt(said("media-type", file.media_type.clone()))
        .with_opt(said("name", file.name.clone()))
        .with_opt(file.size.and_then(|size| said("size", size.to_string())))
        .with_opt(file.description.clone().and_then(|text| said("desc", text)));
    let source = Element::new("url-data", ns::URL_DATA).attr("target", &file.url);
    // Pictures, sounds and films are shown; whatever else it is waits to be opened.
    let shown = ["image/", "audio/", "video/"].iter().any(|kind| file.media_type.starts_with(kind));
    Element::new("file-sharing", ns::FILE_SHARING)
        .attr("disposition", if shown { "inline" } else { "attachment" })
        .with(metadata)
        .with(Element::new("sources", ns::FILE_SHARING).with(source))
}

/// XEP-0300: what the file that these payloads show must be: its SHA-256, in base64.
pub fn prove(payloads: &mut [Element], sha256: &str) {
    let hash = || Element::new("hash", ns::HASHES).attr("algo", "sha-256").with_text(sha256);
    for sharing in payloads.iter_mut().filter(|payload| payload.is("file-sharing", ns::FILE_SHARING)) {
        for file in sharing.children_mut().filter(|child| child.is("file", ns::FILE_METADATA)) {
            file.push(hash());
        }
    }
}

/// The files that a message shows, and whether its body says nothing else.
pub fn read(message: &Message, body: &str) -> (Vec<Attachment>, bool) {
    let shared = message.payloads.iter().filter(|payload| payload.is("file-sharing", ns::FILE_SHARING));
    let shared: Vec<Attachment> = shared.filter_map(shown).take(MOST).collect();
    let oob = message.payload("x", ns::OOB);
    let url = oob.and_then(|x| x.child_text("url", ns::OOB)).filter(|url| *url == body && is_web(url));
    match (shared.is_empty(), url) {
        (true, None) => (Vec::new(), false),
        // XEP-0066 as clients use it: the body is the address of the file and nothing else.
        (true, Some(url)) => {
            let description = oob.and_then(|x| x.child_text("desc", ns::OOB)).filter(|text| !text.is_empty());
            (vec![Attachment { description, ..nameless(url) }], true)
        }
        (false, url) => {
            let fallback = |payload: &&Element| {
                let part = payload.child("body", ns::FALLBACK);
                payload.is("fallback", ns::FALLBACK)
                    && payload.get("for") == Some(ns::FILE_SHARING)
                    && part.is_none_or(|part| part.get("start").is_none() && part.get("end").is_none())
            };
            let only = url.is_some()
                || shared.iter().any(|file| file.url == body.trim())
                || message.payloads.iter().any(|payload| fallback(&payload));
            (shared, only)
        }
    }
}

/// A file with an address on the web; others cannot be had elsewhere.
fn shown(sharing: &Element) -> Option<Attachment> {
    let mut sources = sharing.child("sources", ns::FILE_SHARING)?.children();
    let url = sources.find_map(|source| {
        let target = source.is("url-data", ns::URL_DATA).then(|| source.get("target"))??;
        is_web(target).then(|| target.to_owned())
    })?;
    let metadata = sharing.child("file", ns::FILE_METADATA);
    let said = |name: &str| {
        let text = metadata?.child_text(name, ns::FILE_METADATA)?;
        let text = rialto_bridges::model::harmless_line(&text);
        (!text.is_empty()).then_some(text)
    };
    let plain = nameless(url);
    Some(Attachment {
        name: said("name").map_or(plain.name, |name| last_part(&name).to_owned()),
        media_type: said("media-type").unwrap_or_default(),
        size: said("size").and_then(|size| size.parse().ok()),
        url: plain.url,
        description: said("desc"),
    })
}

/// A file of which nothing is known but where it lies.
fn nameless(url: String) -> Attachment {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("file").to_owned();
    Attachment { name, media_type: String::new(), size: None, url, description: None }
}

fn last_part(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().filter(|name| !name.is_empty()).unwrap_or("file")
}

fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_xmpp::{Stanza, parse};

    fn cat() -> Attachment {
        Attachment {
            name: "cat.png".into(),
            media_type: "image/png".into(),
            size: Some(7),
            url: "https://example.org/cat.png".into(),
            description: Some("a cat".into()),
        }
    }

    fn message(inside: &str) -> Message {
        let xml = format!("<message xmlns='jabber:client' type='groupchat'>{inside}</message>");
        match Stanza::read(parse::standalone(&xml).unwrap()).unwrap() {
            Stanza::Message(message) => message,
            _ => panic!("no message"),
        }
    }

    #[test]
    fn a_file_that_is_shown_is_read_as_the_same_file() {
        let mut payloads = write(&cat());
        prove(&mut payloads, "abc=");
        let shown: String = payloads.iter().map(Element::to_xml).collect();
        for part in ["disposition='inline'", "<size>7</size>", "<desc>a cat</desc>", "algo='sha-256'"] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        let mut message = message("");
        message.payloads = payloads;
        assert_eq!(read(&message, "https://example.org/cat.png"), (vec![cat()], true));
    }

    #[test]
    fn a_message_may_show_several_files_and_say_something() {
        let one = |n: u8| {
            format!(
                "<file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'><name>../{n}.png</name>\
                 </file><sources><url-data xmlns='http://jabber.org/protocol/url-data' \
                 target='https://example.org/{n}'/></sources></file-sharing>"
            )
        };
        let (files, only) = read(&message(&format!("<body>look</body>{}{}", one(1), one(2))), "look");
        assert_eq!(files.iter().map(|file| &*file.name).collect::<Vec<_>>(), ["1.png", "2.png"]);
        assert!(!only);
        assert_eq!(read(&message(&one(1).replace("https:", "file:")), "").0, []);
    }
}
