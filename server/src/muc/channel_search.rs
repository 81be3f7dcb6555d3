//! XEP-0433: Extended Channel Search, over the public rooms of one domain.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rialto_xmpp::parts::form::{Field, Form};
use rialto_xmpp::parts::rsm;
use rialto_xmpp::{BareJid, Condition, Element, ErrorKind, StanzaError, ns};

use super::host::{Listed, MucHost};

/// Rooms told at once when the asker names no number, and the most that he may name.
const PAGE: (usize, usize) = (50, 100);

/// Characters of a search at most, and of a word of it at least.
const QUERY: (usize, usize) = (256, 2);

/// Searches in a second, all askers together: each looks at every room.
const RATE: u64 = 100;

const BY_USERS: &str = "{urn:xmpp:channel-search:0:order}nusers";
const BY_ADDRESS: &str = "{urn:xmpp:channel-search:0:order}address";

/// Searches of this second: its number above, their number in the low 16 bits.
#[derive(Debug, Default)]
pub struct Rate(AtomicU64);

impl Rate {
    /// §4.2.2: one more search.
    fn take(&self) -> Result<(), StanzaError> {
        let second = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let before = self.0.load(Ordering::Relaxed);
        let count = if before >> 16 == second { before & 0xffff } else { 0 };
        if count >= RATE {
            let limit = Element::new("rate-limit", ns::SEARCH_ERROR).attr("retry-after", "1");
            let error =
                StanzaError::new(Condition::ResourceConstraint, "Too many searches: try again in a second.");
            return Err(error.kind(ErrorKind::Wait).with(limit));
        }
        self.0.store(second << 16 | (count + 1), Ordering::Relaxed);
        Ok(())
    }
}

/// What somebody looks for.
struct Search {
    /// Every word must be found; none: all rooms.
    words: Vec<String>,
    in_name: bool,
    in_description: bool,
    in_address: bool,
    least: usize,
    by_users: bool,
    /// Other kinds of group chat than ours are asked for.
    elsewhere: bool,
}

impl MucHost {
    /// A form is asked for, or comes back.
    pub(super) fn channel_search(&self, payload: &Element) -> Result<Element, StanzaError> {
        let Some(form) = Form::inside(payload) else {
            return Ok(Element::new("search", ns::SEARCH).with(form().to_element()));
        };
        self.search_rate.take()?;
        let search = Search::read(&form)?;
        let set = rsm::Query::read(payload)?.unwrap_or_default();
        let listing = self.works.listing.lock();
        let mut found: Vec<(&BareJid, &Listed)> =
            listing.iter().filter(|(jid, listed)| search.finds(jid, listed)).collect();
        if search.by_users {
            found.sort_by(|one, other| {
                other.1.occupants.cmp(&one.1.occupants).then_with(|| one.0.cmp(other.0))
            });
        }
        page(&found, &set)
    }
}

impl Search {
    fn read(form: &Form) -> Result<Search, StanzaError> {
        if form.form_type() != Some(ns::SEARCH_PARAMS) {
            return Err(Condition::BadRequest.into());
        }
        let by_users = match form.value("key") {
            None | Some(BY_USERS) => true,
            Some(BY_ADDRESS) => false,
            Some(_) => {
                let says = "Results are sorted by the number of users or by address.";
                let error = StanzaError::new(Condition::FeatureNotImplemented, says).kind(ErrorKind::Modify);
                return Err(error.with(Element::new("invalid-sort-key", ns::SEARCH_ERROR)));
            }
        };
        let flag = |var, default| form.boolean(var).unwrap_or(default);
        let (in_name, in_description) = (flag("sinname", true), flag("sindescription", true));
        // The text of §5 and its example spell it differently.
        let in_address = form.boolean("sinaddress").or(form.boolean("sinaddr")).unwrap_or(true);
        let least = form.value("min_users").and_then(|number| number.trim().parse().ok()).unwrap_or(0);
        let types = form.get("types").map(|field| field.values.as_slice()).unwrap_or_default();
        let elsewhere = !types.is_empty() && !types.iter().any(|kind| kind == "xep-0045");
        let words = words(form)?;
        Ok(Search { words, in_name, in_description, in_address, least, by_users, elsewhere })
    }

    fn finds(&self, jid: &BareJid, listed: &Listed) -> bool {
        if !listed.public || listed.occupants < self.least || self.elsewhere {
            return false;
        }
        if self.words.is_empty() {
            return true;
        }
        let name = self.in_name.then(|| listed.name.to_lowercase());
        let description = self.in_description.then(|| listed.description.to_lowercase());
        let address = self.in_address.then(|| jid.as_str().to_owned());
        let texts: Vec<String> = [name, description, address].into_iter().flatten().collect();
        self.words.iter().all(|word| texts.iter().any(|text| text.contains(word)))
    }
}

/// The words that must be found; none where all rooms are wanted.
fn words(form: &Form) -> Result<Vec<String>, StanzaError> {
    let all = form.boolean("all").unwrap_or(false);
    let given = form.value("q").map(str::trim).filter(|given| !given.is_empty());
    let Some(given) = given else {
        return match (all, form.get("q")) {
            (true, _) => Ok(Vec::new()),
            (false, Some(_)) => Err(bad_words()),
            (false, None) => {
                let error =
                    StanzaError::new(Condition::BadRequest, "Say what to look for, or ask for all rooms.");
                Err(error.with(Element::new("no-search-conditions", ns::SEARCH_ERROR)))
            }
        };
    };
    if all {
        let var = |name: &str| Element::new("var", ns::SEARCH_ERROR).with_text(name);
        let fields = Element::new("conflicting-fields", ns::SEARCH_ERROR).with(var("all")).with(var("q"));
        let says = "Either all rooms are wanted, or those with some words.";
        return Err(StanzaError::new(Condition::BadRequest, says).with(fields));
    }
    let words: Vec<String> = given.split_whitespace().map(str::to_lowercase).collect();
    let words: Vec<String> = words.into_iter().filter(|word| word.chars().count() >= QUERY.1).collect();
    match words.is_empty() || given.chars().count() > QUERY.0 {
        true => Err(bad_words()),
        false => Ok(words),
    }
}

fn bad_words() -> StanzaError {
    let says = format!("Look for words of at least {} characters, {} in all at most.", QUERY.1, QUERY.0);
    let error = StanzaError::new(Condition::BadRequest, says);
    error.with(Element::new("invalid-search-terms", ns::SEARCH_ERROR))
}

/// §4.2.2, XEP-0059: ids of the page are addresses; a room that is gone meanwhile ends where it would have stood.
fn page(found: &[(&BareJid, &Listed)], set: &rsm::Query) -> Result<Element, StanzaError> {
    let most = set.max.unwrap_or(PAGE.0).min(PAGE.1);
    let place = |id: &str| {
        let at = found.iter().position(|(jid, _)| jid.as_str() == id);
        at.ok_or_else(|| StanzaError::from(Condition::ItemNotFound))
    };
    let (start, end) = match (&set.after, &set.before, set.index) {
        (Some(after), ..) => (place(after)? + 1, found.len()),
        (None, Some(before), _) => {
            let end = if before.is_empty() { found.len() } else { place(before)? };
            (end.saturating_sub(most), end)
        }
        (None, None, index) => (index.unwrap_or(0).min(found.len()), found.len()),
    };
    let rooms = found.get(start..end.min(start.saturating_add(most))).unwrap_or_default();
    let ends = rooms.first().zip(rooms.last()).map(|(first, last)| (first.0.as_str(), last.0.as_str()));
    let first = ends.map(|(first, _)| (first, Some(start)));
    let answer = rsm::answer(first, ends.map(|(_, last)| last), Some(found.len() as u64))
        .with(Element::new("max", ns::RSM).with_text(most.to_string()));
    Ok(Element::new("result", ns::SEARCH)
        .with_all(rooms.iter().map(|(jid, listed)| item(jid, listed)))
        .with(answer))
}

/// §6.2.
fn item(jid: &BareJid, listed: &Listed) -> Element {
    let text = |name: &'static str, text: &str| {
        (!text.is_empty()).then(|| Element::new(name, ns::SEARCH).with_text(text))
    };
    let name = if listed.name.is_empty() { jid.localpart().unwrap_or_default() } else { &listed.name };
    let anonymity =
        if listed.anonymous { "muc_semianonymous" } else { "{urn:xmpp:channel-search:0:anonymity}none" };
    Element::new("item", ns::SEARCH)
        .attr("address", jid)
        .with_opt(text("name", name))
        .with_opt(text("description", &listed.description))
        .with_opt(text("language", &listed.lang))
        .with_opt(text("nusers", &listed.occupants.to_string()))
        .with_opt(text("service-type", "xep-0045"))
        .with_opt(listed.open.then(|| Element::new("is-open", ns::SEARCH).with_text("true")))
        .with_opt(text("anonymity-mode", anonymity))
}

/// §4.2.1.
fn form() -> Form {
    let options = |list: [(&str, &str); 2]| list.map(|(label, value)| (label.to_owned(), value.to_owned()));
    let types = [("XEP-0045 Multi-User Chats".to_owned(), "xep-0045".to_owned())];
    Form::new("form", ns::SEARCH_PARAMS)
        .title("Search for rooms")
        .field(Field { values: Vec::new(), ..Field::text("q", "Search for", "") })
        .field(Field::boolean("all", "All rooms", false))
        .field(Field::boolean("sinname", "Search in names", true))
        .field(Field::boolean("sindescription", "Search in descriptions", true))
        .field(Field::boolean("sinaddr", "Search in addresses", true))
        .field(Field::text("min_users", "People in the room at least", "0"))
        .field(Field {
            options: types.to_vec(),
            ..Field::many("list-multi", "types", "Kinds of rooms", ["xep-0045".to_owned()])
        })
        .field(Field::list(
            "key",
            "Sorted by",
            BY_USERS,
            options([("Number of people", BY_USERS), ("Address", BY_ADDRESS)]),
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(fields: &[(&str, &str)]) -> Form {
        let form = Form::new("submit", ns::SEARCH_PARAMS);
        fields.iter().fold(form, |form, (var, value)| form.field(Field::text(*var, "", *value)))
    }

    fn listed(name: &str, occupants: usize) -> Listed {
        Listed { name: name.into(), public: true, occupants, ..Listed::default() }
    }

    #[test]
    fn every_word_must_be_found_somewhere() {
        let search = Search::read(&given(&[("q", "Cave dark")])).unwrap();
        let jid = BareJid::parse("dark@rooms.lit").unwrap();
        assert!(search.finds(&jid, &listed("A CAVE", 0)));
        assert!(!search.finds(&jid, &listed("A Hall", 0)));
        assert!(!search.finds(&jid, &Listed { public: false, ..listed("A cave", 0) }));
        let search = Search::read(&given(&[("q", "dark"), ("sinaddr", "0"), ("min_users", "2")])).unwrap();
        assert!(!search.finds(&jid, &listed("A cave", 9)));
        assert!(!search.finds(&jid, &listed("dark", 1)) && search.finds(&jid, &listed("dark", 2)));
    }

    #[test]
    fn every_mistake_has_its_error() {
        for (fields, condition) in [
            (vec![("q", "x"), ("key", "{urn:x}y")], "invalid-sort-key"),
            (vec![("q", "x")], "invalid-search-terms"),
            (vec![("q", "")], "invalid-search-terms"),
            (vec![], "no-search-conditions"),
            (vec![("q", "cave"), ("all", "true")], "conflicting-fields"),
        ] {
            let error = Search::read(&given(&fields)).err().unwrap();
            assert_eq!(error.app.unwrap().name(), condition, "{fields:?}");
        }
    }

    #[test]
    fn pages_follow_one_another() {
        let jids: Vec<BareJid> =
            (0..5).map(|n| BareJid::parse(&format!("r{n}@rooms.lit")).unwrap()).collect();
        let one = listed("x", 1);
        let found: Vec<_> = jids.iter().map(|jid| (jid, &one)).collect();
        let addresses = |set: &rsm::Query| -> Vec<String> {
            let page = page(&found, set).unwrap();
            page.children().filter_map(|item| item.get("address").map(str::to_owned)).collect()
        };
        let two = rsm::Query { max: Some(2), ..rsm::Query::default() };
        assert_eq!(addresses(&two), ["r0@rooms.lit", "r1@rooms.lit"]);
        let next = rsm::Query { after: Some("r1@rooms.lit".into()), ..two.clone() };
        assert_eq!(addresses(&next), ["r2@rooms.lit", "r3@rooms.lit"]);
        let last = rsm::Query { before: Some(String::new()), ..two.clone() };
        assert_eq!(addresses(&last), ["r3@rooms.lit", "r4@rooms.lit"]);
        assert!(page(&found, &rsm::Query { after: Some("x@y".into()), ..two }).is_err());
    }
}
