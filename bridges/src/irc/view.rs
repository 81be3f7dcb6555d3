//! What the door must know without asking the task: how long a line may be, what a channel's name looks like.

use super::formatting;
use super::names::{Casemapping, is_channel};
use super::outgoing::Manner;
use super::session::Session;
use super::settings::Settings;
use crate::network::{Capabilities, Limits, NetworkError, RemoteId};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// A view of the session that the door and the task share.
#[derive(Clone)]
pub struct SharedView(Arc<Mutex<View>>);

#[derive(Debug, Clone, PartialEq)]
struct View {
    /// How a channel whose name has no bytes can be spoken to.
    manner: Manner,
    nick: String,
    nicklen: usize,
    topiclen: usize,
    chantypes: String,
    channellen: usize,
    casemapping: Casemapping,
    /// Where we may not set the topic.
    locked: BTreeSet<RemoteId>,
    /// Where we may kick and ban.
    commanded: BTreeSet<RemoteId>,
    /// What LIST can be asked: is it safe, how can it be narrowed, how many channels are there.
    list: (bool, String, Option<usize>),
}

impl SharedView {
    /// What can be known before there is a connection.
    pub fn new(session: &Session) -> Self {
        SharedView(Arc::new(Mutex::new(view(session))))
    }

    /// Looks again.
    pub fn look(&self, session: &Session) {
        let fresh = view(session);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
    }

    /// What this room can do.
    pub fn capabilities(&self, room: &RemoteId, settings: &Settings) -> Capabilities {
        let view = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let budget = view.manner.budget.saturating_sub(room.as_str().len());
        let (bytes, lines) =
            view.manner.multiline.map_or((budget, 1), |(bytes, lines)| (bytes.max(budget), lines));
        Capabilities {
            text: Limits { bytes, lines, span: formatting::SPAN, parts: settings.lines },
            subject: (!view.locked.contains(room)).then_some(view.topiclen),
            reply: view.manner.reply,
            edit: false,
            retract: view.manner.redact,
            react: view.manner.react,
            attach: false,
            link: false,
            typing: view.manner.typing,
            displayed: false,
            names: false,
            quiet_names: settings.ping_protection,
            puppets: settings.puppets.is_some(),
            sanction: settings.moderate && view.commanded.contains(room),
            threads: false,
            rehost: false,
            addressed: true,
            finds: view.manner.history,
        }
    }

    /// How this room is spoken to, and who we are there.
    pub fn speaking(&self, room: &RemoteId) -> (Manner, impl Fn(&str) -> bool + use<>) {
        let view = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let budget = view.manner.budget.saturating_sub(room.as_str().len());
        let (nick, letters) = (view.nick.clone(), view.casemapping);
        (Manner { budget, ..view.manner }, move |other: &str| letters.same(&nick, other))
    }

    /// Our nick, once the server has given us one, and how long nicks may be there.
    pub fn nick(&self) -> (String, usize) {
        let view = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (view.nick.clone(), view.nicklen)
    }

    /// The one spelling of this name.
    pub fn fold(&self, name: &str) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).casemapping.fold(name)
    }

    /// The line that asks for a list of channels.
    pub fn list(&self, words: Option<&str>, few: usize) -> Result<(String, bool), NetworkError> {
        let view = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (safe, elist, channels) = &view.list;
        super::questions::list_line(words, (*safe, elist, *channels), few)
    }

    /// A channel's one spelling, and its key where one follows after a space.
    pub fn resolve<'a>(&self, name: &'a str) -> Result<(RemoteId, Option<&'a str>), NetworkError> {
        let (name, key) =
            name.trim().split_once(' ').map_or((name.trim(), None), |(name, key)| (name, Some(key.trim())));
        let view = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if is_channel(name, &view.chantypes, view.channellen) {
            return Ok((name.to_ascii_lowercase().into(), key));
        }
        let hint = if name.starts_with(|c| view.chantypes.contains(c)) {
            format!("it may hold no spaces, commas and colons, and at most {} bytes", view.channellen)
        } else {
            format!("channels begin with one of {}", view.chantypes)
        };
        Err(NetworkError::NotFound(format!("{name:?} is no channel: {hint}")))
    }
}

fn view(session: &Session) -> View {
    let isupport = &session.isupport;
    View {
        manner: session.manner(""),
        nick: session.nick().into(),
        nicklen: isupport.nicklen,
        topiclen: isupport.topiclen,
        chantypes: isupport.chantypes.clone(),
        channellen: isupport.channellen,
        casemapping: isupport.casemapping,
        locked: session.locked_topics(),
        commanded: session.commanded(),
        list: (isupport.safelist, isupport.elist.clone(), session.channels),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::irc::settings::tests::settings;

    #[test]
    fn a_channel_has_one_spelling_and_perhaps_a_key() {
        let settings = settings("server = 'x'").unwrap();
        let view = SharedView::new(&crate::irc::session::tests::session(&settings));
        assert_eq!(view.resolve(" #Lounge "), Ok(("#lounge".into(), None)));
        assert_eq!(view.resolve("#vault sesame"), Ok(("#vault".into(), Some("sesame"))));
        let error = |name| view.resolve(name).unwrap_err().to_string();
        assert!(error("lounge").ends_with("channels begin with one of #&"));
        assert!(error("#a,b").contains("no spaces, commas"));
        assert!(error("").contains("is no channel"));
        let able = view.capabilities(&"#lounge".into(), &settings);
        assert!(able.text.bytes > 300 && able.text.bytes < 450 && able.text.lines == 1 && !able.names);
    }
}
