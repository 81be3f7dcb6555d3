//! A session, line by line, with a clock in the test's hand.

use super::*;
use crate::irc::settings::tests::settings;
use crate::model::{Act, Event};

use tokio::sync::oneshot;

/// The network's own connection, with these settings.
pub(crate) fn session(settings: &Settings) -> Session {
    let persona = Persona::listener(settings);
    Session::new(Arc::new(settings.clone()), Arc::new(persona), crate::irc::ours::Ours::default().place())
}

pub(crate) struct Net {
    pub session: Session,
    pub out: Out,
    pub now: Instant,
}

impl Net {
    /// Registered as `rialto`, nothing joined.
    pub fn new(toml: &str) -> Self {
        let settings = settings(&format!("server = 'irc.x'\nbackoff_min = 5\n{toml}")).unwrap();
        Net::registered(session(&settings))
    }

    /// The connection of one of ours.
    pub fn person(whose: &str) -> Self {
        let settings = settings("server = 'irc.x'").unwrap();
        let is = crate::network::Identity::default();
        let persona = Persona::person(whose.into(), "rialto", "r", "R", &is);
        let place = crate::irc::ours::Ours::default().place();
        Net::registered(Session::new(Arc::new(settings), Arc::new(persona), place))
    }

    fn registered(session: Session) -> Self {
        let mut net = Net { session, out: Out::default(), now: Instant::now() };
        net.session.begin(true, &mut net.out);
        net.says(":s CAP * LS :multi-prefix away-notify");
        net.says(":s CAP * ACK :multi-prefix away-notify");
        net.says(":s 001 rialto :Welcome");
        net.says(
            ":s 005 rialto PREFIX=(qaohv)~&@%+ CHANMODES=beI,k,l,imnst CASEMAPPING=rfc1459 :are supported",
        );
        net.says(":s 422 rialto :no MOTD");
        net.out = Out::default();
        net
    }

    /// And in `#lounge` with these people.
    pub fn lounge(names: &str) -> Self {
        let mut net = Net::new("");
        net.want("#lounge");
        net.enter(names);
        net.out = Out::default();
        net
    }

    pub fn want(&mut self, room: &str) -> oneshot::Receiver<Result<(), NetworkError>> {
        let (waiter, waits) = oneshot::channel();
        self.session.want(&room.into(), None, waiter, self.now, &mut self.out);
        waits
    }

    pub fn enter(&mut self, names: &str) {
        self.says(":rialto!~rialto@our.host JOIN #lounge");
        self.says(&format!(":s 353 rialto = #lounge :rialto {names}"));
        self.says(":s 366 rialto #lounge :End of NAMES");
    }

    pub fn says(&mut self, line: &str) {
        self.session.hear(&Line::read(line).unwrap(), self.now, &mut self.out);
    }

    pub fn hears(&mut self, line: &str) -> Vec<Incoming> {
        self.says(line);
        self.news()
    }

    pub fn news(&mut self) -> Vec<Incoming> {
        self.out.fed.drain(..).map(|fed| fed.what).collect()
    }

    pub fn later(&mut self, seconds: u64) -> Vec<Incoming> {
        self.now += Duration::from_secs(seconds);
        self.session.tick(self.now, &mut self.out);
        self.news()
    }

    pub fn sent(&mut self) -> Vec<String> {
        let Out { urgent, paced, idle, .. } = std::mem::take(&mut self.out);
        urgent.into_iter().chain(paced).chain(idle).map(|line| line.trim_end().to_owned()).collect()
    }
}

fn nicks(news: &[Incoming]) -> Vec<String> {
    let members = news.iter().find_map(|news| if let Incoming::Members(m) = news { Some(m) } else { None });
    let members = members.unwrap_or_else(|| panic!("{news:?}"));
    members.iter().map(|m| format!("{} {:?}", m.author.nick, m.role)).collect()
}

pub(crate) fn words(news: &[Incoming]) -> (&str, &str) {
    let [Incoming::Did { event: Event { author, act: Act::Say(message), .. }, .. }] = news else {
        panic!("{news:?}")
    };
    (&author.nick, message.text.plain())
}

fn left(nick: &str, reason: Option<&str>) -> Vec<Incoming> {
    vec![Incoming::Left { author: nick.into(), reason: reason.map(Into::into) }]
}

#[test]
fn who_is_there_is_told_when_we_enter_but_not_we() {
    let mut net = Net::new("");
    let mut waits = net.want("#lounge");
    assert_eq!(net.sent(), ["JOIN #lounge"]);
    net.enter("@+Ann +bea cid ~Dan");
    let news = net.news();
    assert_eq!(nicks(&news), ["Ann Moderator", "bea Voiced", "cid Participant", "Dan Owner"]);
    assert!(waits.try_recv().unwrap().is_ok());
    assert_eq!(net.sent(), ["MODE #lounge", "WHO #lounge"]);
}

#[test]
fn people_come_and_go() {
    let mut net = Net::lounge("ann");
    let news = net.hears(":bea!b@h JOIN #lounge");
    assert!(
        matches!(&news[..], [Incoming::Entered(m)] if *m.author.id == *"bea" && m.author.address.as_deref() == Some("b@h"))
    );
    assert_eq!(net.hears(":Bea!b@h PART #lounge :good \u{2}night\u{2}"), left("bea", Some("good night")));
    assert_eq!(net.hears(":ann!a@h QUIT :Quit: bye"), left("ann", Some("Quit: bye")));
    assert!(net.hears(":nobody!a@h QUIT :x").is_empty());
}

#[test]
fn a_kick_names_who_did_it_and_why() {
    let mut net = Net::lounge("@ann bea");
    let news = net.hears(":ann!a@h KICK #lounge bea :spam");
    let kicked = Incoming::Kicked { author: "bea".into(), by: "ann".into(), reason: Some("spam".into()) };
    assert_eq!(news, [kicked]);
}

#[test]
fn who_is_called_otherwise_is_the_same_person() {
    let mut net = Net::lounge("@ann bea");
    let news = net.hears(":ann!a@h NICK :Anna[]");
    assert!(
        matches!(&news[..], [Incoming::Renamed { author, now }] if **author == *"ann" && *now.id == *"anna{}" && *now.nick == *"Anna[]")
    );
    assert_eq!(
        net.hears(":s MODE #lounge -o anna{}"),
        [Incoming::Role { author: "anna{}".into(), role: Role::Participant }]
    );
}

#[test]
fn ranks_are_roles_and_arguments_of_other_modes_do_not_confuse_them() {
    let mut net = Net::lounge("ann bea");
    let role = |who: &str, role| Incoming::Role { author: who.into(), role };
    assert_eq!(
        net.hears(":ann!a@h MODE #lounge +bov *!*@bad ann bea"),
        [role("ann", Role::Moderator), role("bea", Role::Voiced)]
    );
    assert_eq!(net.hears(":ann!a@h MODE #lounge +m-v bea"), [role("bea", Role::Visitor)]);
    assert_eq!(net.hears(":s 324 rialto #lounge +mnt"), []);
    assert_eq!(
        net.hears(":s 324 rialto #lounge +nt"),
        [role("bea", Role::Participant)],
        "a list of all that is set"
    );
    net.says(":ann!a@h MODE #lounge +m");
    assert_eq!(net.news(), [role("bea", Role::Visitor)]);
    assert_eq!(net.hears(":ann!a@h MODE #lounge -m"), [role("bea", Role::Participant)]);
}

#[test]
fn away_is_told_when_it_changes() {
    let mut net = Net::lounge("ann");
    let away = |away: Option<&str>| vec![Incoming::Away { author: "ann".into(), away: away.map(Into::into) }];
    assert_eq!(net.hears(":ann!a@h AWAY :at \u{3}4lunch"), away(Some("at lunch")));
    assert_eq!(net.hears(":s 352 rialto #lounge a h s ann G :0 Ann"), [], "known already");
    assert_eq!(net.hears(":s 352 rialto #lounge a h s ann H@ :0 Ann"), away(None));
    assert_eq!(net.hears(":ann!a@h AWAY"), []);
}

#[test]
fn a_netsplit_empties_no_room_and_its_end_is_told_once() {
    let mut net = Net::lounge("@ann bea cid");
    for nick in ["ann", "bea", "cid"] {
        assert_eq!(net.hears(&format!(":{nick}!x@h QUIT :irc1.test irc2.test")), []);
    }
    assert_eq!(net.later(60), []);
    assert_eq!(net.hears(":ann!x@h JOIN #lounge"), []);
    assert_eq!(net.hears(":s MODE #lounge +o ann"), [], "the rank that she had");
    assert_eq!(net.hears(":bea!x@h JOIN #lounge"), []);
    assert_eq!(net.hears(":s MODE #lounge +v bea"), [], "told when all have settled");
    assert_eq!(net.later(10), [Incoming::Role { author: "bea".into(), role: Role::Voiced }]);
    assert_eq!(net.later(600), left("cid", Some("netsplit")), "who does not come back goes in the end");
}

#[test]
fn another_person_under_the_nick_of_one_split_off_is_another_person() {
    let mut net = Net::lounge("ann!a@here");
    net.says(":ann!a@here QUIT :irc1.test irc2.test");
    let news = net.hears(":ann!evil@there JOIN #lounge");
    assert!(
        matches!(&news[..], [Incoming::Left { .. }, Incoming::Entered(m)] if m.author.address.as_deref() == Some("evil@there"))
    );
}

#[test]
fn words_are_fed_with_their_author_styles_and_names() {
    let mut net = Net::lounge("ann");
    let news = net.hears("@msgid=m1;account=anna :ann!a@h PRIVMSG #Lounge :good \u{2}night\u{2}");
    assert_eq!(words(&news), ("ann", "good night"));
    let [Incoming::Did { id: Some(id), event }] = &news[..] else { panic!() };
    assert_eq!((id.as_str(), event.author.account.as_deref()), ("m1", Some("anna")));
    let news = net.hears(":ann!a@h PRIVMSG #lounge :\u{1}ACTION waves\u{1}");
    assert!(
        matches!(&news[..], [Incoming::Did { event: Event { act: Act::Say(m), .. }, .. }] if m.action && m.text.plain() == "waves")
    );
    assert_eq!(words(&net.hears(":ann!a@h NOTICE #lounge :hear ye")), ("ann", "hear ye"));
}

#[test]
fn messages_without_names_get_names_that_differ() {
    let mut net = Net::lounge("ann");
    let mut ids = Vec::new();
    for _ in 0..3 {
        let news = net.hears(":ann!a@h PRIVMSG #lounge :x");
        let [Incoming::Did { id: Some(id), .. }] = &news[..] else { panic!() };
        ids.push(id.clone());
    }
    ids.push(net.session.name_message());
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[test]
fn what_is_not_for_the_room_stays_out_of_it() {
    let mut net = Net::lounge("@ann");
    for line in [
        ":rialto!r@h PRIVMSG #lounge :our own words",
        ":ann!a@h PRIVMSG @#lounge :for operators only",
        ":ann!a@h PRIVMSG rialto :psst",
        ":ann!a@h PRIVMSG #lounge :\u{1}DCC SEND x 1 2 3\u{1}",
        ":ann!a@h PRIVMSG #lounge :\u{1}ACTION\u{1}",
        ":ann!a@h PRIVMSG #lounge :\u{2}\u{2} ",
        ":ann!a@h PRIVMSG #elsewhere :hi",
        ":ann!a@h TAGMSG #lounge",
    ] {
        assert_eq!(net.hears(line), [], "{line}");
    }
}

#[test]
fn questions_to_the_bridge_are_answered_seldom() {
    let mut net = Net::lounge("ann");
    for _ in 0..10 {
        net.says(":ann!a@h PRIVMSG rialto :\u{1}VERSION\u{1}");
    }
    net.says(":ann!a@h NOTICE rialto :\u{1}VERSION x\u{1}");
    let sent = net.sent();
    assert_eq!(sent.len(), 3, "{sent:?}");
    assert!(sent[0].starts_with("NOTICE ann :\u{1}VERSION Rialto "));
    net.later(60);
    net.says(":ann!a@h PRIVMSG rialto :\u{1}PING 123 4\u{1}");
    net.says(":ann!a@h PRIVMSG rialto :hello?");
    let sent = net.sent();
    assert_eq!(sent[0], "NOTICE ann :\u{1}PING 123 4\u{1}");
    assert!(sent[1].starts_with("NOTICE ann :This is a bridge"));
}

#[test]
fn the_topic_is_told_when_it_changes_and_ours_is_not() {
    let subject = |news: Vec<Incoming>| match &news[..] {
        [.., Incoming::Did { event: Event { author, act: Act::Subject(subject), .. }, .. }] => {
            Some((author.nick.to_string(), subject.clone()))
        }
        _ => None,
    };
    let mut net = Net::new("");
    net.want("#lounge");
    net.says(":rialto!~r@h JOIN #lounge");
    net.says(":s 332 rialto #lounge :\u{2}spring\u{2} is here");
    net.says(":s 333 rialto #lounge ann!a@h 1700000000");
    net.says(":s 353 rialto = #lounge :rialto");
    net.says(":s 366 rialto #lounge :End");
    assert_eq!(subject(net.news()), Some(("ann".into(), "spring is here".into())));
    assert_eq!(subject(net.hears(":bea!b@h TOPIC #lounge :summer")), Some(("bea".into(), "summer".into())));
    assert_eq!(net.hears(":bea!b@h TOPIC #lounge :summer"), []);
    assert_eq!(net.hears(":rialto!b@h TOPIC #lounge :autumn"), []);
    net.enter("");
    assert_eq!(subject(net.news()), Some(("#lounge".into(), String::new())), "gone while we were away");
}

#[test]
fn we_come_back_after_a_kick_later_and_later() {
    let mut net = Net::lounge("@ann");
    for wait in [5, 10, 20] {
        let news = net.hears(":ann!a@h KICK #lounge rialto :no bots");
        assert!(
            matches!(&news[..], [Incoming::Lost(NetworkError::Forbidden(text))] if text.contains("ann put us out: no bots")),
            "{news:?}"
        );
        assert!(net.session.channel(&"#lounge".into()).is_err());
        net.later(wait - 1);
        assert!(net.sent().is_empty());
        net.later(1);
        assert_eq!(net.sent(), ["JOIN #lounge"]);
        net.says(":rialto!~rialto@our.host JOIN #lounge");
        net.session.rooms.values_mut().for_each(|room| room.stage = Stage::Joining(net.now));
        net.news();
    }
    net.enter("@ann");
    let news = net.news();
    assert!(matches!(&news[..], [Incoming::Members(_), Incoming::Regained]), "{news:?}");
}

#[test]
fn a_channel_that_will_not_have_us_says_why_and_is_tried_again() {
    let mut net = Net::new("");
    let mut waits = net.want("#lounge");
    net.says(":s 475 rialto #lounge :Cannot join channel (+k)");
    assert!(
        matches!(waits.try_recv().unwrap(), Err(NetworkError::Unauthorized(text)) if text.contains("has a key"))
    );
    net.sent();
    net.later(5);
    assert_eq!(net.sent(), ["JOIN #lounge"]);
    net.says(":s 475 rialto #lounge :Cannot join channel (+k)");
    net.session.leave(&"#lounge".into(), &mut net.out);
    net.later(600);
    assert!(net.sent().is_empty(), "no longer wanted");
}

#[test]
fn a_join_that_nobody_answers_is_given_up() {
    let mut net = Net::new("");
    let mut waits = net.want("#lounge");
    net.later(30);
    assert!(matches!(waits.try_recv().unwrap(), Err(NetworkError::Down(_))));
}

#[test]
fn a_lost_link_keeps_the_people_and_joins_again() {
    let mut net = Net::lounge("ann bea");
    net.session.lost(&NetworkError::Down("cable".into()));
    net.session.begin(true, &mut net.out);
    assert_eq!(
        net.session.channel(&"#lounge".into()),
        Err(NetworkError::Down("we are not in #lounge yet".into()))
    );
    net.says(":s 001 rialto :Welcome");
    net.says(":s 376 rialto :End of MOTD");
    assert!(net.sent().contains(&"JOIN #lounge".to_owned()));
    assert_eq!(net.news(), [], "nobody has left");
    net.enter("ann");
    assert_eq!(nicks(&net.news()), ["ann Participant"]);
}

#[test]
fn many_channels_are_joined_with_few_lines_and_keys_are_given() {
    let mut net = Net::new("keys = { '#vault' = 'sesame' }");
    net.session.phase = Phase::Registering;
    for n in 0..10 {
        net.want(&format!("#c{n}"));
    }
    net.want("#vault");
    net.says(":s 001 rialto :Welcome");
    net.says(":s 422 rialto :no MOTD");
    let sent = net.sent();
    assert_eq!(sent[..3], ["JOIN #vault sesame", "JOIN #c0,#c1,#c2,#c3,#c4,#c5,#c6,#c7", "JOIN #c8,#c9"]);
}

#[test]
fn the_nick_that_the_server_gave_is_ours_and_the_one_we_wanted_is_taken_when_it_is_free() {
    let mut net = Net::new("");
    net.says(":s 001 rialto_ :Welcome");
    net.says(":s 422 rialto_ :no MOTD");
    net.want("#lounge");
    net.says(":rialto_!~r@h JOIN #lounge");
    net.says(":s 353 rialto_ = #lounge :rialto_ rialto");
    net.says(":s 366 rialto_ #lounge :End");
    assert_eq!(nicks(&net.news()), ["rialto Participant"]);
    net.sent();
    net.says(":rialto!x@h QUIT :Ping timeout");
    assert_eq!(net.sent(), ["NICK rialto"]);
    net.says(":rialto_!~r@h NICK :rialto");
    assert_eq!(net.hears(":rialto!~r@h PRIVMSG #lounge :ours"), []);
}

#[test]
fn nick_serv_is_asked_before_rooms_are_joined() {
    let mut net = Net::new("");
    let persona = Persona { nickserv: Some((None, "hunter2".into())), ..(*net.session.persona).clone() };
    net.session.persona = Arc::new(persona);
    net.want("#lounge");
    net.session.lost(&NetworkError::Down(String::new()));
    net.says(":s 001 rialto :Welcome");
    net.out = Out::default();
    net.says(":s 422 rialto :no MOTD");
    assert_eq!(net.sent(), ["PRIVMSG NickServ :IDENTIFY hunter2", "USERHOST rialto"]);
    net.says(":NickServ!s@services NOTICE rialto :This nickname is registered. Please identify.");
    assert!(net.sent().is_empty());
    net.says(":NickServ!s@services NOTICE rialto :You are now identified for \u{2}rialto\u{2}.");
    assert_eq!(net.sent(), ["JOIN #lounge"]);
    net.says(":s 001 rialto_ :Welcome");
    net.says(":s 422 rialto_ :no MOTD");
    assert_eq!(net.sent()[0], "PRIVMSG NickServ :IDENTIFY rialto hunter2", "under another nick");
}

#[test]
fn the_room_of_a_line_is_learnt_from_what_the_server_shows() {
    let mut net = Net::new("");
    let cautious = net.session.budget("#lounge");
    assert_eq!(cautious, 512 - 2 - ":rialto!12345678901@ PRIVMSG #lounge :".len() - 63);
    net.want("#lounge");
    net.enter("");
    assert_eq!(net.session.budget("#lounge"), 512 - 2 - ":rialto!~rialto@our.host PRIVMSG #lounge :".len());
    net.says(":s 396 rialto cloak.example.org :is now your displayed host");
    assert_eq!(net.session.me.host, "cloak.example.org");
    net.says(":rialto!~rialto@our.host CHGHOST user new.host");
    net.says(":s 302 rialto :rialto=+~u@h");
    assert_eq!((net.session.me.user.as_str(), net.session.me.host.as_str()), ("~u", "h"));
}

#[test]
fn refusals_of_what_we_say_are_told_in_the_room() {
    let mut net = Net::lounge("ann");
    let news = net.hears(":s 404 rialto #lounge :Cannot send to channel (+m)");
    assert_eq!(news, [Incoming::Notice("#lounge: Cannot send to channel (+m)".into())]);
}

#[test]
fn a_channel_that_nobody_asked_for_is_left() {
    let mut net = Net::new("");
    net.says(":rialto!~r@h JOIN ##overflow");
    assert_eq!(net.sent(), ["PART ##overflow :nobody asked for this channel"]);
}
