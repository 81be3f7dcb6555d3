//! A Discord to test against: REST and gateway in this process, held to Discord's published description.
//!
//! [`Discord::start`] opens a port on loopback. A client is pointed at [`Discord::url`] instead of `https://discord.com`;
//! people act through methods that call them by name; what a person would see is read with [`Discord::messages`]. Every
//! request and every answer is checked against the description: [`Discord::violations`] must be empty at the end.

#![allow(clippy::missing_panics_doc, reason = "a test that asks for what is not there shall fail")]

mod acts;
mod cdn;
mod clock;
mod control;
mod faults;
mod gateway;
mod limits;
mod log;
mod rest;
mod schema;
mod setup;
mod state;
mod tls;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use acts::seen::Seen;
pub use acts::{File, Refused};
pub use control::act_on as act;
pub use faults::{Fault, What};
pub use gateway::Refuse;
pub use limits::Limits;
pub use log::Request;
pub use setup::{Setup, TOKEN};
pub use state::message::Reference;
pub use state::permissions;
pub use state::speech::Words;
pub use state::{Id, State, hash};

/// A Discord that runs until it is dropped.
pub struct Discord {
    state: Arc<Mutex<State>>,
    address: SocketAddr,
    serving: JoinHandle<()>,
    tls: bool,
}

impl Drop for Discord {
    fn drop(&mut self) {
        self.serving.abort();
        self.state.lock().cut_all();
    }
}

impl Discord {
    /// Opens the port.
    ///
    /// # Errors
    /// Where the port is taken or the certificate cannot be read.
    pub async fn start(setup: Setup) -> std::io::Result<Discord> {
        let acceptor = setup.tls.as_ref().map(|(chain, key)| tls::acceptor(chain, key)).transpose()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, setup.port)).await?;
        let address = listener.local_addr()?;
        let tls = acceptor.is_some();
        let mut state = setup.state();
        state.origin = format!("{}://{address}", if tls { "https" } else { "http" });
        let state = Arc::new(Mutex::new(state));
        let serving = tokio::spawn(tls::accept(listener, acceptor, state.clone()));
        Ok(Discord { state, address, serving, tls })
    }

    /// Stands for `https://discord.com`: `/api/v10/…` comes behind it.
    pub fn url(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.address)
    }

    /// The base of REST: `…/api/v10`.
    pub fn api_url(&self) -> String {
        format!("{}/api/v10", self.url())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The application's token, without `Bot `.
    pub fn token(&self) -> String {
        self.state.lock().bot.token.clone()
    }

    /// The bot's user, which is its application, too.
    pub fn bot(&self) -> Id {
        self.state.lock().bot.user
    }

    /// Everything, to look at or to change under the lock. Never held across an `.await`.
    pub fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock())
    }

    fn must<T>(&self, act: impl FnOnce(&mut State) -> Result<T, Refused>) -> T {
        let done = act(&mut self.state.lock());
        done.unwrap_or_else(|refused| panic!("{refused}"))
    }

    /// A channel's or thread's id, by name.
    pub fn channel(&self, name: &str) -> Id {
        self.must(|state| state.channel_named(name))
    }

    /// A user's id, by name.
    pub fn user(&self, name: &str) -> Id {
        self.must(|state| state.user_named(name))
    }

    /// A guild's id, by name; the first one's where it is empty.
    pub fn guild(&self, name: &str) -> Id {
        self.must(|state| state.guild_called(name).ok_or_else(|| format!("no guild {name}")))
    }

    /// Somebody says something.
    pub fn say(&self, who: &str, channel: &str, text: &str) -> Id {
        self.must(|state| state.say(who, channel, Words { content: text.to_owned(), ..Words::default() }))
    }

    /// Somebody says something special: stickers, embeds, a poll.
    pub fn say_words(&self, who: &str, channel: &str, words: Words) -> Id {
        self.must(|state| state.say(who, channel, words))
    }

    /// Somebody answers a message.
    pub fn reply(&self, who: &str, to: Id, text: &str) -> Id {
        self.must(|state| {
            let channel = state.place_of(to)?.to_string();
            state.refer(who, &channel, text, to, 0)
        })
    }

    /// Somebody forwards a message into a channel.
    pub fn forward(&self, who: &str, channel: &str, message: Id) -> Id {
        self.must(|state| state.refer(who, channel, "", message, 1))
    }

    /// Somebody sends files, with or without words.
    pub fn upload(&self, who: &str, channel: &str, text: &str, files: &[File]) -> Id {
        self.must(|state| state.upload(who, channel, text, files))
    }

    /// Somebody sends a sticker of the guild.
    pub fn sticker(&self, who: &str, channel: &str, name: &str) -> Id {
        self.must(|state| state.send_sticker(who, channel, name))
    }

    /// Somebody changes what he said.
    pub fn edit(&self, who: &str, message: Id, text: &str) {
        self.must(|state| state.edit(who, message, text));
    }

    /// A preview appears under a message.
    pub fn unfurl(&self, message: Id, embed: Value) {
        self.must(|state| state.unfurl(message, embed));
    }

    /// Somebody deletes a message, his own or as a moderator.
    pub fn delete(&self, who: &str, message: Id) {
        self.must(|state| state.delete(who, message));
    }

    /// Many messages of a channel go at once.
    pub fn bulk_delete(&self, channel: &str, messages: &[Id]) {
        self.must(|state| state.bulk_delete(channel, messages));
    }

    /// Somebody reacts: `🙂`, or a custom emoji by name.
    pub fn react(&self, who: &str, message: Id, emoji: &str) {
        self.must(|state| state.react_as(who, message, emoji));
    }

    /// Somebody takes a reaction back.
    pub fn unreact(&self, who: &str, message: Id, emoji: &str) {
        self.must(|state| state.unreact_as(who, message, emoji));
    }

    /// A moderator takes all reactions, or all of one emoji.
    pub fn clear_reactions(&self, message: Id, emoji: Option<&str>) {
        self.must(|state| state.clear_reactions_of(message, emoji));
    }

    /// Somebody pins a message.
    pub fn pin(&self, who: &str, message: Id) {
        self.must(|state| state.pin_as(who, message, true));
    }

    /// Somebody unpins a message.
    pub fn unpin(&self, who: &str, message: Id) {
        self.must(|state| state.pin_as(who, message, false));
    }

    /// Somebody writes.
    pub fn type_in(&self, who: &str, channel: &str) {
        self.must(|state| state.starts_typing(who, channel));
    }

    /// Somebody joins the first guild.
    pub fn join(&self, who: &str) -> Id {
        self.must(|state| state.join("", &Value::from(who)))
    }

    /// Somebody leaves.
    pub fn leave(&self, who: &str) {
        self.must(|state| state.leave(who));
    }

    /// Somebody gets another nick; `None` takes it away.
    pub fn rename(&self, who: &str, nick: Option<&str>) {
        self.must(|state| state.rename(who, nick));
    }

    /// Somebody gets or loses a role.
    pub fn set_role(&self, who: &str, role: &str, has: bool) {
        self.must(|state| state.set_role(who, role, has));
    }

    /// A moderator bans somebody; what he said in the last seconds goes.
    pub fn ban(&self, who: &str, seconds: u64) {
        self.must(|state| state.ban_as(who, seconds));
    }

    /// A moderator lets somebody in again.
    pub fn unban(&self, who: &str) {
        self.must(|state| state.unban_as(who));
    }

    /// Somebody opens a thread, from a message or without.
    pub fn thread(&self, who: &str, channel: &str, name: &str, from: Option<Id>) -> Id {
        self.must(|state| state.open_thread_as(who, channel, name, from))
    }

    /// Somebody posts in a forum; the thread's id is the first message's.
    pub fn post(&self, who: &str, forum: &str, name: &str, text: &str) -> Id {
        self.must(|state| state.post(who, forum, name, text))
    }

    /// Changes a channel: `name`, `topic`, `slow`, `hidden`, `archived`, `locked`.
    pub fn set_channel(&self, channel: &str, change: &Value) {
        self.must(|state| state.set_channel(channel, change));
    }

    /// An administrator deletes all webhooks of a channel.
    pub fn drop_webhooks(&self, channel: &str) -> usize {
        self.must(|state| state.drop_webhooks(channel))
    }

    /// A guild goes into an outage, or comes back.
    pub fn set_unavailable(&self, away: bool) {
        self.must(|state| state.set_unavailable("", away));
    }

    /// Something will go wrong.
    pub fn fault(&self, fault: Fault) {
        self.state.lock().faults.add(fault);
    }

    /// What a person sees in a channel, the oldest first.
    pub fn messages(&self, channel: &str) -> Vec<Seen> {
        self.must(|state| state.channel_named(channel).map(|id| state.seen(id)))
    }

    /// One message, wherever it is.
    pub fn message(&self, id: Id) -> Option<Seen> {
        let state = self.state.lock();
        state.message_anywhere(id).map(|message| state.see(message))
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Request> {
        self.state.lock().log.requests()
    }

    /// Requests and answers that were not as the description has them. Empty, or the test fails.
    pub fn violations(&self) -> Vec<String> {
        self.state.lock().log.violations()
    }

    /// Answers of 401, 403 and 429, as Discord counts them before it bans an address.
    pub fn invalid_requests(&self) -> u64 {
        self.state.lock().log.invalid
    }

    /// Sessions of the gateway that are connected now.
    pub fn connected(&self) -> usize {
        self.state.lock().gateway.sessions.values().filter(|session| session.out.is_some()).count()
    }

    /// Waits until something is so; `false` where it is not within the time.
    pub async fn wait_until(&self, within: Duration, mut is: impl FnMut(&mut State) -> bool) -> bool {
        let all = async {
            while !is(&mut self.state.lock()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(within, all).await.is_ok()
    }

    /// Waits until a message is in a channel, and gives it.
    pub async fn wait_for(
        &self,
        channel: &str,
        within: Duration,
        is: impl Fn(&Seen) -> bool,
    ) -> Option<Seen> {
        let channel = self.channel(channel);
        let mut found = None;
        self.wait_until(within, |state| {
            found = state.seen(channel).into_iter().find(|seen| is(seen));
            found.is_some()
        })
        .await;
        found
    }
}
