//! XEP-0313 §4, XEP-0059: a query, and its page of results.

use std::time::{SystemTime, UNIX_EPOCH};

use rialto_store::archive::{Archive, Id, Page, Paging, Query, QueryError};
use rialto_xmpp::parts::form::{Field, Form};
use rialto_xmpp::parts::{datetime, rsm};
use rialto_xmpp::{Condition, Element, Iq, IqKind, Jid, StanzaError, ns};

use super::fulltext::{self, Found, Words};
use crate::features::record::{Results, moment};
use crate::sessions::Frame;

/// §4.1.4: ids that one query may name.
const MOST_IDS: usize = 250;

/// An archive that somebody may read: an account's, or a room's.
pub struct Reader<'a> {
    /// All archives.
    pub archive: &'a Archive,
    /// Bare JID of the account or the room.
    pub owner: &'a str,
    /// Results when the asker names no number, and the most that he may name.
    pub page: (usize, usize),
}

impl Reader<'_> {
    /// Answers `query` and `metadata`: the results, which go out first (§4.2), and the payload of the answer. Whether
    /// the asker may read is for the caller to know.
    ///
    /// # Errors
    /// What the asker must be told.
    pub async fn answer(&self, iq: &Iq) -> Result<(Vec<Frame>, Element), StanzaError> {
        let payload = iq.payload().ok_or(Condition::BadRequest)?;
        match (payload.name(), iq.kind) {
            ("query", IqKind::Get) => Ok((Vec::new(), form())),
            ("query", _) => self.query(iq, payload).await,
            ("metadata", IqKind::Get) => Ok((Vec::new(), self.metadata().await?)),
            _ => Err(Condition::FeatureNotImplemented.into()),
        }
    }

    async fn query(&self, iq: &Iq, payload: &Element) -> Result<(Vec<Frame>, Element), StanzaError> {
        let asker = iq.head.from.as_ref().ok_or(Condition::BadRequest)?;
        let (query, words) = read(payload, self.page)?;
        let whole = |page| Found { page, looked: None };
        let found = match (query.max, words) {
            (_, Some(words)) => words.search(self.archive, self.owner, &query).await,
            // XEP-0059 §2.7: the count alone.
            (0, None) if is_of_all(&query) => {
                self.archive.count(self.owner).await.map(counted).map(whole).map_err(Into::into)
            }
            _ => self.archive.query(self.owner, &query).await.map(whole),
        };
        let Found { page, looked } = found.map_err(|error| match error {
            QueryError::ItemNotFound => Condition::ItemNotFound,
            QueryError::Store(_) => Condition::InternalServerError,
        })?;
        let results = Results::new(self.owner, asker.as_str(), payload.get("queryid"));
        Ok((page.entries.iter().map(|entry| results.frame(entry)).collect(), fin(&page, looked)))
    }

    /// §5: where the archive begins and ends.
    async fn metadata(&self) -> Result<Element, StanzaError> {
        let ends = self.archive.ends(self.owner).await.map_err(|_| Condition::InternalServerError)?;
        Ok(metadata(ends))
    }
}

/// §5: `<metadata/>` of an archive that shows these first and last.
pub fn metadata(ends: Option<(Id, Id)>) -> Element {
    let end = |name: &'static str, id: Id| {
        let stamp = datetime::format(moment(id));
        Element::new(name, ns::MAM).attr("id", id.to_string()).attr("timestamp", stamp)
    };
    let ends = ends.into_iter().flat_map(|(first, last)| [end("start", first), end("end", last)]);
    Element::new("metadata", ns::MAM).with_all(ends)
}

fn counted(count: u64) -> Page {
    Page { complete: count == 0, count: Some(count), ..Page::default() }
}

/// §4.3: how far the page got, or looked (XEP-0431).
fn fin(page: &Page, looked: Option<(Id, Id)>) -> Element {
    let (first, last) = looked.map_or((page.first(), page.last()), |(first, last)| (Some(first), Some(last)));
    let (first, last) = (first.map(|id| id.to_string()), last.map(|id| id.to_string()));
    let set = rsm::answer(first.as_deref().map(|id| (id, None)), last.as_deref(), page.count);
    let complete = page.complete.then_some("true");
    Element::new("fin", ns::MAM).attr_opt("complete", complete).with(set)
}

/// Whether a query has no filter at all.
fn is_of_all(query: &Query) -> bool {
    let Query { with, start, end, after_id, before_id, ids, page, .. } = query;
    let filtered = with.is_some() || start.is_some() || end.is_some();
    let cut = after_id.is_some() || before_id.is_some() || !ids.is_empty();
    !filtered && !cut && matches!(page, Paging::First | Paging::Last)
}

/// §4.1.6: what a query may hold.
fn form() -> Element {
    let field = |kind, var: &str| Field { var: var.into(), kind, ..Field::default() };
    let form = Form::new("form", ns::MAM)
        .field(field("jid-single", "with"))
        .field(field("text-single", "start"))
        .field(field("text-single", "end"))
        .field(field("text-single", "before-id"))
        .field(field("text-single", "after-id"))
        .field(field("list-multi", "ids"))
        .field(field("boolean", "include-groupchat"))
        .field(field("text-single", fulltext::FIELD));
    let mut form = form.to_element();
    for ids in form.children_mut().filter(|field| field.get("var") == Some("ids")) {
        // XEP-0122 §3: any value will do, not one of a list.
        let validate = Element::new("validate", ns::VALIDATE).attr("datatype", "xs:string");
        ids.push(validate.with(Element::new("open", ns::VALIDATE)));
    }
    Element::new("query", ns::MAM).with(form)
}

fn read(payload: &Element, (page, most): (usize, usize)) -> Result<(Query, Option<Words>), StanzaError> {
    let mut query = Query { max: page, ..Query::default() };
    let words = match Form::inside(payload) {
        Some(form) => read_form(&form, &mut query)?,
        None => None,
    };
    if let Some(set) = rsm::Query::read(payload)? {
        if set.index.is_some() {
            let text = "Pages are found by ids, not by numbers.";
            return Err(StanzaError::new(Condition::FeatureNotImplemented, text));
        }
        query.max = set.max.unwrap_or(page).min(most);
        query.page = match (set.after, set.before) {
            (Some(after), None) => Paging::After(id(&after)?),
            (None, Some(before)) if before.is_empty() => Paging::Last,
            (None, Some(before)) => Paging::Before(id(&before)?),
            (None, None) => Paging::First,
            // §4.3.1: not defined; both are taken at their word.
            (Some(after), Some(before)) => {
                query.after_id = query.after_id.max(Some(id(&after)?));
                if before.is_empty() { Paging::Last } else { Paging::Before(id(&before)?) }
            }
        };
    }
    query.flipped = payload.has("flip-page", ns::MAM);
    Ok((query, words))
}

fn read_form(form: &Form, query: &mut Query) -> Result<Option<Words>, StanzaError> {
    let mut words = None;
    for field in &form.fields {
        let Some(value) = field.values.first().map(|value| value.trim()).filter(|value| !value.is_empty())
        else {
            continue;
        };
        match field.var.as_str() {
            "FORM_TYPE" if value == ns::MAM => {}
            "FORM_TYPE" => return Err(bad("This is no form for an archive.")),
            "with" => {
                let jid = Jid::parse(value).map_err(|_| StanzaError::from(Condition::JidMalformed))?;
                query.with = Some(jid.as_str().to_owned());
            }
            "start" => query.start = Some(micros(value)?),
            "end" => query.end = Some(micros(value)?),
            "after-id" => query.after_id = Some(id(value)?),
            "before-id" => query.before_id = Some(id(value)?),
            "ids" if field.values.len() > MOST_IDS => {
                return Err(bad("Too many ids: ask for fewer at once."));
            }
            "ids" => query.ids = field.values.iter().map(|value| id(value)).collect::<Result<_, _>>()?,
            // §4.1.5: messages of rooms are in the archives of rooms.
            "include-groupchat" => {}
            fulltext::FIELD => words = Words::of(value)?,
            _ => {
                let text = format!("There is no field {}.", field.var);
                return Err(StanzaError::new(Condition::FeatureNotImplemented, text));
            }
        }
    }
    Ok(words)
}

/// §4.1.4: what is no id of ours is not in the archive.
fn id(text: &str) -> Result<Id, StanzaError> {
    text.trim().parse().map_err(|_| Condition::ItemNotFound.into())
}

fn micros(text: &str) -> Result<u64, StanzaError> {
    let at: SystemTime =
        datetime::parse(text).ok_or_else(|| bad("A time is written as 2026-01-31T12:00:00Z."))?;
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

fn bad(text: &str) -> StanzaError {
    StanzaError::new(Condition::BadRequest, text)
}
