//! What every network must pass, against its own fake far side. The rest of Rialto relies on these rules and on no others.

use crate::degrade;
use crate::model::{Act, Author, Event, Message};
use crate::network::{Fed, Feed, Incoming, Member, Network, NetworkError, RemoteId};
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

/// How long something that must come may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long silence lasts until it is believed.
const SILENCE: Duration = Duration::from_millis(150);

/// The far side of a network, in a test's hands: one room, in which people do what they are told.
pub trait FarSide: Sync {
    /// Opens the network towards this far side.
    fn open(&self, feed: Feed) -> Arc<dyn Network>;
    /// The room, as an operator would write it.
    fn room(&self) -> &str;
    /// Somebody enters the room.
    fn enters(&self, nick: &str) -> impl Future<Output = ()> + Send;
    /// Somebody leaves the room.
    fn leaves(&self, nick: &str) -> impl Future<Output = ()> + Send;
    /// Somebody is called otherwise.
    fn renames(&self, nick: &str, now: &str) -> impl Future<Output = ()> + Send;
    /// Somebody says this, byte for byte if the network lets him.
    fn says(&self, nick: &str, words: &str) -> impl Future<Output = ()> + Send;
    /// The next words that `ann` reads in the room; `None` where none come.
    fn reads(&self) -> impl Future<Output = Option<String>> + Send;
    /// The link breaks, and stays broken.
    fn cut(&self) -> impl Future<Output = ()> + Send;
    /// The link can be made again.
    fn heal(&self) -> impl Future<Output = ()> + Send;
}

/// A rule that a network breaks.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{rule}: {saw}")]
pub struct Broken {
    /// The rule, as a sentence.
    pub rule: &'static str,
    /// What was seen instead.
    pub saw: String,
}

/// Holds a network to all the rules, one after another.
pub async fn check(far: &impl FarSide) -> Result<(), Broken> {
    far.enters("ann").await;
    far.enters("bea").await;
    let (feed, fed) = mpsc::channel(64);
    let network = far.open(feed);
    let name = network.resolve(far.room()).await;
    let room =
        name.map_err(|error| Broken { rule: "a room's name is understood", saw: error.to_string() })?;
    let mut trial = Trial { far, network, fed, room, rule: "" };
    trial.joining_tells_first_who_is_there().await?;
    trial.words_from_there_come_in_order_with_names_that_differ().await?;
    trial.words_to_there_arrive_in_order_and_are_never_fed_back().await?;
    trial.cut_messages_give_one_id_for_each_part().await?;
    trial.hostile_words_do_no_harm_on_either_side().await?;
    trial.who_comes_goes_or_is_called_otherwise_is_told().await?;
    trial.a_broken_link_empties_no_room_and_its_end_tells_who_is_there().await?;
    trial.a_room_that_was_left_is_silent().await?;
    trial.a_closed_network_is_silent().await
}

struct Trial<'a, F> {
    far: &'a F,
    network: Arc<dyn Network>,
    fed: mpsc::Receiver<Fed>,
    room: RemoteId,
    rule: &'static str,
}

impl<F: FarSide> Trial<'_, F> {
    async fn joining_tells_first_who_is_there(&mut self) -> Result<(), Broken> {
        self.rule = "joining tells first who is there, but not us";
        let joined = timeout(PATIENCE, self.network.join(&self.room)).await;
        self.must(matches!(joined, Ok(Ok(()))), &joined)?;
        let members = self.members().await?;
        self.must(nicks(&members) == ["ann", "bea"], &members)
    }

    async fn words_from_there_come_in_order_with_names_that_differ(&mut self) -> Result<(), Broken> {
        self.rule = "words from there come in order, with authors, and with names that differ";
        let mut names = BTreeSet::new();
        for number in 0..20 {
            self.far.says(["ann", "bea"][number % 2], &format!("word {number}")).await;
        }
        for number in 0..20 {
            let (id, author, message) = self.said().await?;
            let right = *author.nick == *["ann", "bea"][number % 2]
                && message.text.plain() == format!("word {number}");
            self.must(right, (&author, &message))?;
            self.must(id.is_some_and(|id| names.insert(id)), "a message without a name of its own")?;
        }
        Ok(())
    }

    async fn words_to_there_arrive_in_order_and_are_never_fed_back(&mut self) -> Result<(), Broken> {
        self.rule = "words to there arrive in order, and are never fed back";
        let mut ids = BTreeSet::new();
        for number in 0..10 {
            let sent = self.say("Romeo", &format!("line {number}")).await?;
            self.must(sent.len() == 1 && sent.iter().all(|id| ids.insert(id.clone())), &sent)?;
        }
        for number in 0..10 {
            let read = self.far.reads().await;
            let right = read.as_ref().is_some_and(|words| words.ends_with(&format!("line {number}")));
            self.must(right, read)?;
        }
        self.silence().await
    }

    async fn cut_messages_give_one_id_for_each_part(&mut self) -> Result<(), Broken> {
        self.rule = "a message that is cut gives one id for each part, and none of its words are lost";
        let words: Vec<String> = (0..150).map(|n| format!("wörd{n}")).collect();
        let sent =
            self.say("Romeo", &format!("{}\n{}", words[..75].join(" "), words[75..].join(" "))).await?;
        let different: BTreeSet<_> = sent.iter().collect();
        self.must(different.len() == sent.len() && !sent.is_empty(), &sent)?;
        let mut read = Vec::new();
        for _ in &sent {
            read.push(self.far.reads().await.unwrap_or_default());
        }
        let seen: Vec<&str> =
            read.iter().flat_map(|part| part.split_whitespace()).filter(|w| w.starts_with("wörd")).collect();
        self.must(seen == words, &read)?;
        self.silence().await
    }

    async fn hostile_words_do_no_harm_on_either_side(&mut self) -> Result<(), Broken> {
        self.rule = "hostile words and nicks do no harm on either side";
        for nick in ["evil\r\nQUIT :bye", "\u{202E}live", "a> b <ann", "\0\u{1}\u{3}", "👩‍👩‍👧 of the night"]
        {
            let sent = self.say(nick, "one\r\nQUIT :two\0\u{1}ACTION three\u{1}").await?;
            let mut read = String::new();
            for _ in &sent {
                read.push_str(&self.far.reads().await.unwrap_or_default());
                read.push('\n');
            }
            let harmless = !read.contains(['\0', '\u{1}', '\r', '\u{202E}']);
            self.must(harmless && read.contains("one") && read.contains("ACTION three"), &read)?;
        }
        for words in ["\u{2}\u{3}4,5\u{1f}x\u{f}", "\u{1}NONSENSE\u{1}", "x\u{FFFE}\u{7f}\u{9b}", "\u{202E}x"]
        {
            self.far.says("ann", words).await;
        }
        self.far.says("ann", "the end").await;
        loop {
            let (_, _, message) = self.said().await?;
            let plain = message.text.plain();
            self.must(!plain.chars().any(|c| c.is_control() || c == '\u{FFFE}'), plain)?;
            if plain == "the end" {
                return self.silence().await;
            }
        }
    }

    async fn who_comes_goes_or_is_called_otherwise_is_told(&mut self) -> Result<(), Broken> {
        self.rule = "who comes, goes or is called otherwise is told";
        self.far.enters("cid").await;
        let news = self.people().await?;
        self.must(matches!(&news, Incoming::Entered(member) if *member.author.nick == *"cid"), &news)?;
        let Incoming::Entered(Member { author: cid, .. }) = news else { return Ok(()) };
        self.far.renames("cid", "dan").await;
        let news = self.people().await?;
        let right =
            matches!(&news, Incoming::Renamed { author, now } if *author == cid.id && *now.nick == *"dan");
        self.must(right, &news)?;
        let Incoming::Renamed { now: dan, .. } = news else { return Ok(()) };
        self.far.leaves("dan").await;
        let news = self.people().await?;
        self.must(matches!(&news, Incoming::Left { author, .. } if *author == dan.id), &news)
    }

    async fn a_broken_link_empties_no_room_and_its_end_tells_who_is_there(&mut self) -> Result<(), Broken> {
        self.rule = "a broken link empties no room, gives back what is sent, and its end tells who is there";
        self.far.cut().await;
        let news = self.any().await?;
        self.must(matches!(news.what, Incoming::Lost(_)), &news)?;
        let sent = self.network.send(&self.room, &spoken("Romeo", Act::Say(Message::text("lost")))).await;
        self.must(sent.is_err(), &sent)?;
        self.far.leaves("bea").await;
        self.far.enters("cid").await;
        self.far.heal().await;
        let members = self.members().await?;
        self.must(nicks(&members) == ["ann", "cid"], &members)?;
        self.far.says("cid", "again").await;
        let (_, author, message) = self.said().await?;
        self.must(*author.nick == *"cid" && message.text.plain() == "again", (author, message))?;
        self.say("Romeo", "and again").await?;
        let read = self.far.reads().await;
        self.must(read.as_ref().is_some_and(|words| words.ends_with("and again")), read)
    }

    async fn a_room_that_was_left_is_silent(&mut self) -> Result<(), Broken> {
        self.rule = "a room that was left is silent, and takes no words";
        let left = self.network.leave(&self.room).await;
        self.must(left.is_ok(), &left)?;
        let sent = self.network.send(&self.room, &spoken("Romeo", Act::Say(Message::text("gone")))).await;
        self.must(matches!(sent, Err(NetworkError::NotFound(_))), &sent)?;
        self.far.says("ann", "is anybody there?").await;
        self.silence().await
    }

    async fn a_closed_network_is_silent(&mut self) -> Result<(), Broken> {
        self.rule = "a closed network is silent, and takes no words";
        let closed = timeout(PATIENCE, self.network.close()).await;
        self.must(matches!(closed, Ok(Ok(()))), &closed)?;
        let sent = self.network.send(&self.room, &spoken("Romeo", Act::Say(Message::text("gone")))).await;
        self.must(sent.is_err(), &sent)?;
        self.silence().await
    }

    /// Says something as the house does: fitted to what the network can.
    async fn say(&mut self, nick: &str, words: &str) -> Result<Vec<RemoteId>, Broken> {
        let event: Event<RemoteId> = spoken(nick, Act::Say(Message::text(words)));
        let able = self.network.capabilities(&self.room);
        let mut ids = Vec::new();
        for part in degrade::fit(&event, &able, |id| Some(id.clone())) {
            let until = Instant::now() + PATIENCE;
            loop {
                match self.network.send(&self.room, &part).await {
                    Ok(more) => ids.extend(more),
                    Err(NetworkError::Slow(wait)) if Instant::now() + wait < until => {
                        tokio::time::sleep(wait).await;
                        continue;
                    }
                    Err(error) => return self.broken(error),
                }
                break;
            }
        }
        Ok(ids)
    }

    async fn any(&mut self) -> Result<Fed, Broken> {
        match timeout(PATIENCE, self.fed.recv()).await {
            Ok(Some(fed)) => Ok(fed),
            _ => self.broken("nothing came"),
        }
    }

    /// The next list of members, past whatever comes before it but departures.
    async fn members(&mut self) -> Result<Vec<Member>, Broken> {
        loop {
            match self.any().await?.what {
                Incoming::Members(members) => return Ok(members),
                left @ (Incoming::Left { .. } | Incoming::Entered(_)) => return self.broken(left),
                _ => {}
            }
        }
    }

    async fn said(&mut self) -> Result<(Option<RemoteId>, Author, Message<RemoteId>), Broken> {
        loop {
            if let Incoming::Did { id, event: Event { author, act: Act::Say(message), .. } } =
                self.any().await?.what
            {
                return Ok((id, author, message));
            }
        }
    }

    async fn people(&mut self) -> Result<Incoming, Broken> {
        loop {
            let news = self.any().await?.what;
            if matches!(news, Incoming::Entered(_) | Incoming::Left { .. } | Incoming::Renamed { .. }) {
                return Ok(news);
            }
        }
    }

    /// Nobody says anything, comes or goes.
    async fn silence(&mut self) -> Result<(), Broken> {
        while let Ok(Some(fed)) = timeout(SILENCE, self.fed.recv()).await {
            use Incoming::{Did, Entered, Left, Renamed};
            let loud = matches!(fed.what, Did { .. } | Entered(_) | Left { .. } | Renamed { .. });
            self.must(!loud, &fed)?;
        }
        Ok(())
    }

    fn must(&self, holds: bool, saw: impl std::fmt::Debug) -> Result<(), Broken> {
        if holds { Ok(()) } else { self.broken(saw) }
    }

    fn broken<T>(&self, saw: impl std::fmt::Debug) -> Result<T, Broken> {
        Err(Broken { rule: self.rule, saw: format!("{saw:?}") })
    }
}

fn spoken(nick: &str, act: Act<RemoteId>) -> Event<RemoteId> {
    Event { author: Author::new(nick, nick, "house"), at: SystemTime::now(), act }
}

fn nicks(members: &[Member]) -> Vec<&str> {
    let mut nicks: Vec<&str> = members.iter().map(|member| &*member.author.nick).collect();
    nicks.sort_unstable();
    nicks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loopback::{ABLE, Loopback, POOR};
    use crate::network::Capabilities;
    use std::sync::Mutex;

    /// The network in memory as a far side, with a fault if one is wanted.
    struct InMemory {
        able: Capabilities,
        net: Mutex<Option<Loopback>>,
        before: Mutex<Vec<String>>,
        read: Mutex<usize>,
        echoes: bool,
    }

    impl InMemory {
        fn new(able: Capabilities) -> Self {
            let (net, before, read) = (Mutex::default(), Mutex::default(), Mutex::default());
            InMemory { able, net, before, read, echoes: false }
        }

        fn net(&self) -> Option<Loopback> {
            self.net.lock().unwrap().clone()
        }
    }

    impl FarSide for InMemory {
        fn open(&self, feed: Feed) -> Arc<dyn Network> {
            let net = Loopback::new(self.able, feed);
            *self.net.lock().unwrap() = Some(net.clone());
            for nick in self.before.lock().unwrap().iter() {
                net.seats("lounge", nick);
            }
            Arc::new(net)
        }
        fn room(&self) -> &str {
            "Lounge"
        }
        async fn enters(&self, nick: &str) {
            match self.net() {
                Some(net) => net.enters("lounge", nick).await,
                None => self.before.lock().unwrap().push(nick.into()),
            }
        }
        async fn leaves(&self, nick: &str) {
            self.net().unwrap().leaves("lounge", nick).await;
        }
        async fn renames(&self, nick: &str, now: &str) {
            self.net().unwrap().renames("lounge", nick, now).await;
        }
        async fn says(&self, nick: &str, words: &str) {
            self.net().unwrap().says("lounge", nick, words).await;
        }
        async fn reads(&self) -> Option<String> {
            let at = std::mem::replace(&mut *self.read.lock().unwrap(), 0);
            *self.read.lock().unwrap() = at + 1;
            let words = self.net().unwrap().words("lounge").into_iter().nth(at)?;
            if self.echoes {
                self.says("rialto", &words).await;
            }
            Some(words)
        }
        async fn cut(&self) {
            self.net().unwrap().cut(NetworkError::Down("cable".into())).await;
        }
        async fn heal(&self) {
            self.net().unwrap().heal().await;
        }
    }

    #[tokio::test]
    async fn the_network_in_memory_keeps_the_contract_able_or_poor() {
        check(&InMemory::new(ABLE)).await.unwrap();
        check(&InMemory::new(POOR)).await.unwrap();
    }

    #[tokio::test]
    async fn a_network_that_feeds_back_what_we_sent_is_caught() {
        let broken = check(&InMemory { echoes: true, ..InMemory::new(POOR) }).await.unwrap_err();
        assert_eq!(broken.rule, "words to there arrive in order, and are never fed back");
    }
}
