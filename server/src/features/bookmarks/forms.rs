//! XEP-0402 §6.1, §6.2: a bookmark in its new form and in its older one (XEP-0048 §2.1).
//!
//! What a client does not know it keeps, and so do we: `<extensions/>` (XEP-0492 has its settings in there) and
//! whatever else stands in a bookmark stays where the older form has no word for it.

use rialto_xmpp::{Element, ns};

/// An empty list of the older form.
pub(super) fn storage() -> Element {
    Element::new("storage", ns::BOOKMARKS_OLD)
}

/// Whether this child of the older form is a room.
pub(super) fn is_room(child: &Element) -> bool {
    child.is("conference", ns::BOOKMARKS_OLD)
}

/// An item in the older form; `None`: it is no bookmark.
pub(super) fn older(id: &str, payload: &Element) -> Option<Element> {
    payload.is("conference", ns::BOOKMARKS).then(|| {
        let mut room = cast(payload, ns::BOOKMARKS, ns::BOOKMARKS_OLD);
        room.set("jid", id);
        room
    })
}

/// A room of the older form as an item, with what `before` has and the older form does not say.
pub(super) fn newer(room: &Element, before: Option<&Element>) -> Element {
    let mut item = cast(room, ns::BOOKMARKS_OLD, ns::BOOKMARKS);
    item.unset("jid");
    let missing = before.into_iter().flat_map(Element::children).filter(|child| {
        let said = matches!(child.name(), "nick" | "password") && *child.ns() == *ns::BOOKMARKS;
        !said && !room.children().any(|other| other.name() == child.name() && names_alike(other, child))
    });
    let missing: Vec<Element> = missing.cloned().collect();
    item.with_all(missing)
}

/// Whether two items say the same of a room.
pub(super) fn alike(one: &Element, other: &Element) -> bool {
    let joins = |item: &Element| matches!(item.get("autojoin"), Some("true" | "1"));
    let children = |item: &Element| {
        let mut children: Vec<String> = item.children().map(Element::to_xml).collect();
        children.sort_unstable();
        children
    };
    joins(one) == joins(other) && one.get("name") == other.get("name") && children(one) == children(other)
}

fn names_alike(older: &Element, newer: &Element) -> bool {
    older.ns() == newer.ns() || (*older.ns() == *ns::BOOKMARKS_OLD && *newer.ns() == *ns::BOOKMARKS)
}

/// An element with its own children moved to another namespace; what stands in foreign ones is not touched.
fn cast(element: &Element, from: &str, to: &'static str) -> Element {
    let mut moved = element.clone();
    moved.set_ns(to);
    moved.children_mut().filter(|child| *child.ns() == *from).for_each(|child| child.set_ns(to));
    moved
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_xmpp::parse;

    const ITEM: &str = "<conference xmlns='urn:xmpp:bookmarks:1' name='Lounge' autojoin='1'><nick>JC</nick>\
                        <extensions><notify xmlns='urn:xmpp:notification-settings:1'><never/></notify></extensions>\
                        </conference>";

    fn xml(text: &str) -> Element {
        parse::standalone(text).unwrap()
    }

    #[test]
    fn there_and_back_is_the_same_bookmark() {
        let item = xml(ITEM);
        let room = older("lounge@rooms.lit", &item).unwrap();
        assert!(is_room(&room) && room.get("jid") == Some("lounge@rooms.lit"));
        assert_eq!(room.child_text("nick", ns::BOOKMARKS_OLD).as_deref(), Some("JC"));
        assert!(alike(&newer(&room, None), &item), "{}", newer(&room, None).to_xml());
        assert_eq!(older("a@b", &xml("<x xmlns='urn:example'/>")), None);
    }

    #[test]
    fn what_an_older_client_does_not_know_stays() {
        let room = xml("<conference xmlns='storage:bookmarks' jid='lounge@rooms.lit' name='Bar'/>");
        let item = newer(&room, Some(&xml(ITEM)));
        assert!(
            item.get("jid").is_none() && item.get("autojoin").is_none() && item.get("name") == Some("Bar")
        );
        assert!(!item.has("nick", ns::BOOKMARKS), "what it knows and does not say is gone");
        let extensions = item.child("extensions", ns::BOOKMARKS).unwrap();
        assert!(extensions.has("notify", "urn:xmpp:notification-settings:1"));
        assert!(!alike(&item, &xml(ITEM)));
        assert!(alike(&xml(&ITEM.replace("'1'>", "'true'>")), &xml(ITEM)));
    }
}
