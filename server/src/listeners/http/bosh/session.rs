//! XEP-0124 §7–§13: one session: what the client asks becomes a stream, what the stream says becomes answers.

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::BytesMut;
use parking_lot::Mutex;
use rialto_xmpp::stream::Header;
use tokio::time::Instant;

use super::held::{Arrived, Reply, Requests};
use super::wrapper::{Asked, body, terminate};
use crate::listeners::http::cut::{Cutter, Said, closing, opening};

/// What was agreed when the session began.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    wait: Duration,
    hold: usize,
    ver: (u32, u32),
    /// Nobody on the way can read along.
    is_private: bool,
    /// Bytes of the client that may wait to be heard before it must wait itself.
    ahead: usize,
}

/// One session.
pub struct Session {
    /// Its name, which nobody can guess.
    pub sid: String,
    terms: Terms,
    state: Mutex<State>,
}

struct State {
    requests: Requests,
    /// What the client said, as a stream, as far as nobody has read it.
    input: BytesMut,
    /// Who reads that.
    reader: Option<Waker>,
    cutter: Cutter,
    /// What we said since the last answer.
    output: Vec<u8>,
    /// Who waits for room in it.
    writer: Option<Waker>,
    /// What was fixed at first, until the first answer has said so.
    beginning: Option<Beginning>,
    /// The domain of the stream: a client need not repeat it.
    to: Option<String>,
    /// Since when no request waits for an answer.
    idle: Option<Instant>,
    /// How long that may last.
    inactivity: Duration,
    end: Option<End>,
    /// The client has been told so, or cannot be.
    is_over: bool,
}

#[derive(Default)]
struct Beginning {
    from: Option<String>,
    authid: Option<String>,
}

/// How a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The stream is closed, or has broken with an error that is in `output`.
    Closed(Option<&'static str>),
    /// The client broke the rules of requests, or does not come back: the stream is cut off.
    Lost(&'static str),
}

/// §7.1: the longest that anybody may want to wait.
const WAIT: u64 = 60;
/// §8: requests that are held: one is enough to hear at once.
const HOLD: usize = 1;
/// §10: seconds without a request.
const INACTIVITY: u64 = 60;
/// §10: seconds that a client may ask to be away.
const MAXPAUSE: u64 = 120;
/// The version that is described here.
const VERSION: (u32, u32) = (1, 11);
/// Bytes that may wait for the client's next request.
const OUTPUT: usize = 256 * 1024;

impl Terms {
    /// What the client wants, as far as it may. `ahead` bytes of it may wait to be heard.
    pub fn agreed(asked: &Asked, is_private: bool, ahead: usize) -> Terms {
        let wait = Duration::from_secs(asked.wait.unwrap_or(WAIT).min(WAIT));
        let hold = if wait.is_zero() { 0 } else { asked.hold.unwrap_or(HOLD).min(HOLD) };
        Terms { wait, hold, ver: asked.ver.map_or(VERSION, |ver| ver.min(VERSION)), is_private, ahead }
    }

    /// §7.1: more than are held, so that there is always one to speak with.
    fn requests(&self) -> usize {
        self.hold + 1
    }
}

impl Session {
    /// One that begins with this request, which must be asked next.
    pub fn new(sid: String, terms: Terms, first: &Asked) -> Session {
        let state = State {
            requests: Requests::new(first.rid, terms.requests()),
            input: BytesMut::new(),
            reader: None,
            cutter: Cutter::default(),
            output: Vec::new(),
            writer: None,
            beginning: Some(Beginning::default()),
            to: first.to.clone(),
            idle: None,
            inactivity: Duration::from_secs(INACTIVITY),
            end: None,
            is_over: false,
        };
        Session { sid, terms, state: Mutex::new(state) }
    }

    /// The client's next request; the answer comes when there is one.
    pub fn ask(&self, asked: Asked, reply: Reply) {
        let mut state = self.state.lock();
        match state.requests.arrive(asked, reply) {
            Arrived::Repeated => return,
            Arrived::Refused(condition, reply) => {
                let _ = reply.send(terminate(condition, ""));
                state.lose(condition);
            }
            // The last words were said; a lost answer could still be had.
            Arrived::New if state.is_over => {
                return state.requests.answer_all(&terminate("item-not-found", ""));
            }
            Arrived::New => state.hear(),
        }
        self.settle(&mut state);
        state.wake_reader();
    }

    /// Answers what can be answered now.
    fn settle(&self, state: &mut State) {
        if let Some(end) = state.end {
            self.say_goodbye(state, end);
            return;
        }
        let late =
            |state: &State| state.requests.oldest().is_some_and(|since| since.elapsed() >= self.terms.wait);
        let is_crowded = state.input.len() > self.terms.ahead;
        while state.requests.waiting() > 0 {
            let too_many = state.requests.waiting() > self.terms.hold && !is_crowded;
            if state.output.is_empty() && !too_many && !late(state) {
                break;
            }
            // The stream has not begun: a client expects its features with the session's name.
            if state.beginning.as_ref().is_some_and(|beginning| beginning.from.is_none()) && !late(state) {
                break;
            }
            let text = self.answer(state);
            state.requests.answer(text);
        }
        state.look_idle();
    }

    /// All that waits, and what must be known once.
    fn answer(&self, state: &mut State) -> String {
        let inside = std::mem::take(&mut state.output);
        if let Some(writer) = state.writer.take() {
            writer.wake();
        }
        let Some(Beginning { from, authid }) = state.beginning.take() else { return body(&[], &inside) };
        let (major, minor) = self.terms.ver;
        let numbers = [
            ("wait", self.terms.wait.as_secs().to_string()),
            ("requests", self.terms.requests().to_string()),
            ("hold", self.terms.hold.to_string()),
            ("inactivity", INACTIVITY.to_string()),
            ("maxpause", MAXPAUSE.to_string()),
            ("ver", format!("{major}.{minor}")),
        ];
        let mut attributes = vec![("sid", self.sid.as_str())];
        attributes.extend(numbers.iter().map(|(name, value)| (*name, value.as_str())));
        attributes.extend(from.as_deref().map(|from| ("from", from)));
        attributes.extend(authid.as_deref().map(|authid| ("authid", authid)));
        attributes.extend([("xmpp:version", "1.0"), ("xmpp:restartlogic", "true")]);
        attributes.extend(self.terms.is_private.then_some(("secure", "true")));
        body(&attributes, &inside)
    }

    /// §12, §17.2: the last answer, for all that wait.
    fn say_goodbye(&self, state: &mut State, end: End) {
        if state.requests.waiting() == 0 && !matches!(end, End::Lost(_)) {
            return state.look_idle();
        }
        let inside = std::mem::take(&mut state.output);
        let condition = match end {
            End::Closed(condition) => condition,
            End::Lost(condition) => Some(condition),
        };
        let mut attributes = vec![("type", "terminate")];
        attributes.extend(condition.map(|condition| ("condition", condition)));
        state.requests.answer(body(&attributes, &inside));
        state.requests.answer_all(&body(&attributes, b""));
        state.is_over = true;
        state.wake_reader();
    }

    /// What the client said: some of it, or nothing more (`Ok(0)`).
    pub fn poll_read(&self, task: &Context<'_>, into: &mut tokio::io::ReadBuf<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if !state.input.is_empty() {
            let taken = state.input.len().min(into.remaining());
            into.put_slice(&state.input.split_to(taken));
            if state.input.is_empty() {
                state.input = BytesMut::new();
                self.settle(&mut state);
            }
            return Poll::Ready(());
        }
        if state.is_over {
            return Poll::Ready(());
        }
        state.reader = Some(task.waker().clone());
        Poll::Pending
    }

    /// Our side says something; not ready while the client has not fetched what was said before.
    pub fn poll_write(&self, task: &Context<'_>, bytes: &[u8]) -> Poll<Option<usize>> {
        let mut state = self.state.lock();
        if matches!(state.end, Some(End::Lost(_))) {
            return Poll::Ready(None);
        }
        if state.output.len() > OUTPUT {
            state.writer = Some(task.waker().clone());
            return Poll::Pending;
        }
        state.cutter.feed(bytes);
        while let Some(said) = state.cutter.next() {
            state.say(said);
        }
        Poll::Ready(Some(bytes.len()))
    }

    /// What was said goes out.
    pub fn flush(&self) {
        self.settle(&mut self.state.lock());
    }

    /// Our side is done: the session is over.
    pub fn end(&self) {
        let mut state = self.state.lock();
        state.end.get_or_insert(End::Closed(None));
        self.settle(&mut state);
        state.requests.answer_all(&terminate("item-not-found", ""));
    }

    /// When to look again, though nothing happens.
    pub fn due(&self) -> Option<Instant> {
        let state = self.state.lock();
        if state.end.is_some() {
            // Whoever serves the stream does not wait long for its end to be heard.
            return None;
        }
        let wait = state.requests.oldest().map(|since| since + self.terms.wait);
        let idle = state.idle.map(|since| since + state.inactivity);
        wait.into_iter().chain(idle).min()
    }

    /// It is time: whoever waits long enough is answered, whoever is away too long is gone (§10).
    pub fn look(&self) {
        let mut state = self.state.lock();
        if state.idle.is_some_and(|since| since.elapsed() >= state.inactivity) {
            state.lose("remote-connection-failed");
        }
        self.settle(&mut state);
    }
}

impl State {
    /// Requests whose turn it is.
    fn hear(&mut self) {
        self.inactivity = Duration::from_secs(INACTIVITY);
        while let Some(asked) = self.requests.in_order() {
            self.idle = None;
            if self.requests.are_too_many() && asked.pause.is_none() && !asked.terminates {
                return self.lose("policy-violation");
            }
            self.hear_one(asked);
        }
    }

    fn hear_one(&mut self, asked: Asked) {
        let begins = asked.sid.is_none();
        if begins || asked.restarts {
            // XEP-0206: a stanza beside a restart is ignored.
            let to = asked.to.or_else(|| self.to.clone());
            let version = Some("1.0".to_owned());
            let header = Header { from: asked.from, to, id: None, lang: asked.lang, version };
            opening(&header, &mut self.input);
        }
        if !asked.restarts {
            self.input.extend_from_slice(&asked.payload);
        }
        if asked.terminates {
            closing(&mut self.input);
        }
        if let Some(pause) = asked.pause.filter(|pause| *pause <= MAXPAUSE) {
            // §10: the answers to a pause carry nothing.
            self.inactivity = Duration::from_secs(pause);
            while self.requests.waiting() > 0 {
                self.requests.answer(body(&[], b""));
            }
            self.look_idle();
        }
    }

    fn say(&mut self, said: Said) {
        match said {
            Said::Open(header) => {
                if let Some(beginning) = &mut self.beginning {
                    (beginning.from, beginning.authid) = (header.from, header.id);
                }
            }
            Said::Element(element) => {
                if element.starts_with(b"<stream:error") {
                    self.end = Some(End::Closed(Some(condition(&element))));
                }
                self.output.extend_from_slice(&element);
            }
            Said::Close => {
                self.end.get_or_insert(End::Closed(None));
            }
        }
    }

    fn lose(&mut self, condition: &'static str) {
        self.end.get_or_insert(End::Lost(condition));
        self.wake_reader();
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
    }

    fn look_idle(&mut self) {
        if self.requests.waiting() == 0 {
            self.idle.get_or_insert_with(Instant::now);
        } else {
            self.idle = None;
        }
    }

    fn wake_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

/// §17.2: what a client must know of a stream's error without reading it.
fn condition(error: &[u8]) -> &'static str {
    let says = |name: &[u8]| error.windows(name.len()).any(|part| part == name);
    if says(b"<host-unknown ") {
        "host-unknown"
    } else if says(b"<improper-addressing ") {
        "improper-addressing"
    } else {
        "remote-stream-error"
    }
}
