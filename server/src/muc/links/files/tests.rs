//! Files of a network in memory, from there to a client here and to another network.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use rialto_bridges::loopback::{ABLE, Loopback};
use rialto_bridges::{Act, Attachment, Capabilities, Fetched, Incoming, Message, NetworkError, RemoteId};
use rialto_store::{Batch, Store, vcard};

use super::{File, Files, Shelf, Shelved};
use crate::config::{self, Bridge, Bridges};
use crate::features::Fut;
use crate::muc::links::Networks;
use crate::muc::tests::far::{World, hears, hears_all, lounge, network, until};

const LOUNGE: &str = "lounge@rooms.lit";

/// A shelf in memory.
#[derive(Default)]
struct Pile {
    files: Mutex<BTreeMap<String, (File, SystemTime)>>,
    next: AtomicUsize,
}

impl Pile {
    fn names(&self) -> Vec<String> {
        self.files.lock().values().map(|(file, _)| file.name.clone()).collect()
    }

    fn shelved(id: &str, (file, created): &(File, SystemTime)) -> Shelved {
        let (url, size) = (format!("https://up.lit/upload/{id}/{}", file.name), file.bytes.len() as u64);
        Shelved { id: id.to_owned(), url, name: file.name.clone(), size, created: *created }
    }
}

impl Shelf for Pile {
    fn is_open(&self) -> bool {
        true
    }

    fn largest(&self) -> u64 {
        1 << 20
    }

    fn keep(&self, file: File) -> Fut<'_, Result<Shelved, String>> {
        Box::pin(async move {
            let id = format!("{:04}", self.next.fetch_add(1, Ordering::Relaxed));
            let entry = (file, SystemTime::now());
            let shelved = Pile::shelved(&id, &entry);
            self.files.lock().insert(id, entry);
            Ok(shelved)
        })
    }

    fn url(&self, id: &str) -> Option<String> {
        self.files.lock().get(id).map(|entry| Pile::shelved(id, entry).url)
    }

    fn remove<'a>(&'a self, id: &'a str) -> Fut<'a, Result<(), String>> {
        self.files.lock().remove(id);
        Box::pin(async { Ok(()) })
    }

    fn owned(&self, owner: &str) -> Result<Vec<Shelved>, String> {
        let files = self.files.lock();
        let owned = files.iter().filter(|(_, (file, _))| file.owner == owner);
        Ok(owned.map(|(id, entry)| Pile::shelved(id, entry)).collect())
    }
}

/// A lounge that is one with `guild:general`, whose files do not last, and with `libera:#lounge`.
struct Stage {
    world: World,
    guild: Loopback,
    libera: Loopback,
    pile: Arc<Pile>,
    files: Arc<Files>,
}

const GUILD: Capabilities = Capabilities { rehost: true, ..ABLE };

async fn open(store: &Store, pile: &Arc<Pile>, settings: config::Files, again: bool) -> Stage {
    let mut networks = Networks::default();
    let guild = network(&mut networks, "guild", GUILD);
    let libera = network(&mut networks, "libera", ABLE);
    let bridge = Bridge {
        kind: "loopback".into(),
        domain: "far.lit".into(),
        owners: Vec::new(),
        files: settings,
        settings: toml::Table::new(),
    };
    let bridges: Bridges = [("guild".to_owned(), bridge.clone()), ("libera".to_owned(), bridge)].into();
    let world = World::new(networks, store.clone()).await;
    let files = Files::open(&bridges, store, pile.clone(), None);
    world.links.keep_files(files.clone());
    if again {
        world.links.restore(&[]).await.unwrap();
        until("both are linked", || {
            world.links.list().iter().filter(|link| link.words().starts_with("connected")).count() == 2
        })
        .await;
    } else {
        for far in ["guild:general", "libera:#lounge"] {
            world.links.add(&lounge(), &far.parse().unwrap()).await.unwrap();
        }
    }
    Stage { world, guild, libera, pile: pile.clone(), files }
}

async fn stage(settings: config::Files) -> Stage {
    open(&Store::memory(), &Arc::default(), settings, false).await
}

fn url(name: &str) -> String {
    format!("https://cdn.test/{name}?ex=1&hm=2")
}

fn file(name: &str) -> Attachment {
    Attachment {
        name: name.into(),
        media_type: "image/png".into(),
        size: None,
        url: url(name),
        description: Some("what it shows".into()),
    }
}

fn hosts(net: &Loopback, name: &str, bytes: &[u8]) {
    net.hosts(&url(name), Ok(Fetched { media_type: "image/png".into(), bytes: bytes.to_vec() }));
}

fn shows(words: &str, names: &[&str]) -> Act<RemoteId> {
    Act::Say(Message { attachments: names.iter().map(|name| file(name)).collect(), ..Message::text(words) })
}

fn bodies(heard: &[String]) -> Vec<String> {
    let body = |stanza: &String| Some(stanza.split_once("<body>")?.1.split_once("</body>")?.0.to_owned());
    heard.iter().filter_map(body).collect()
}

#[tokio::test]
async fn pitfall_16_a_file_is_fetched_once_and_everybody_gets_our_address() {
    let stage = stage(config::Files::default()).await;
    let romeo = stage.world.enters("romeo", LOUNGE).await;
    hosts(&stage.guild, "cat.png", b"meow");
    hosts(&stage.guild, "dog.png", b"woof");
    stage.guild.does("general", "ann", shows("look", &["cat.png", "dog.png"])).await;
    let heard = hears(&romeo, "dog.png").await;
    let (cat, dog) = ("https://up.lit/upload/0000/cat.png", "https://up.lit/upload/0001/dog.png");
    let all = bodies(&heard);
    assert!(all[0] == "look" && all[1].ends_with("cat.png") && all[2].ends_with("dog.png"), "{all:?}");
    let shown = heard.iter().find(|stanza| stanza.contains("cat.png")).unwrap();
    for part in [
        "<x xmlns='jabber:x:oob'><url>https://up.lit/",
        "<file-sharing xmlns='urn:xmpp:sfs:0' disposition='inline'>",
        "<media-type>image/png</media-type><name>cat.png</name><size>4</size><desc>what it shows</desc>",
        "algo='sha-256'",
        "from='lounge@rooms.lit/ann'",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    until("libera hears it", || stage.libera.heard("#lounge").len() == 3).await;
    let told: Vec<String> = stage.libera.heard("#lounge").into_iter().filter_map(shown_url).collect();
    assert!(told == [cat, dog] || told.iter().all(|url| url.starts_with("https://up.lit/")), "{told:?}");
    assert_eq!(stage.guild.fetched().len(), 2, "for two networks and everybody here");
    assert!(heard.iter().all(|stanza| !stanza.contains("cdn.test")), "{heard:?}");
}

fn shown_url((_, event): (RemoteId, rialto_bridges::Event<RemoteId>)) -> Option<String> {
    let Act::Say(said) = event.act else { return None };
    said.attachments.into_iter().next().map(|file| file.url)
}

#[tokio::test]
async fn what_cannot_be_had_is_said_in_words_in_its_place_and_nothing_overtakes_it() {
    let settings =
        config::Files { max_size: 10, deadline: Duration::from_millis(300), ..config::Files::default() };
    let stage = stage(settings).await;
    let romeo = stage.world.enters("romeo", LOUNGE).await;
    hosts(&stage.guild, "large.png", b"more than ten bytes");
    stage.guild.hosts(&url("silent.png"), Err(NetworkError::Unsure("says nothing".into())));
    stage.guild.does("general", "ann", shows("", &["large.png", "silent.png", "http://10.0.0.1/"])).await;
    stage.guild.says("general", "ann", "afterwards").await;
    let all = bodies(&hears(&romeo, "afterwards").await);
    assert!(all[0].contains("large.png: it is larger than the 10 bytes"), "{all:?}");
    assert!(all[1].contains("silent.png: it did not come within"), "{all:?}");
    assert!(all[2].contains("files are fetched from its own hosts only"), "{all:?}");
    assert_eq!(all[3], "afterwards");
    assert!(all.iter().all(|body| !body.contains("cdn.test")) && stage.pile.names().is_empty());
}

#[tokio::test]
async fn pitfall_38_a_deletion_there_reaches_every_part_here_and_the_files() {
    for by_its_author in [true, false] {
        let stage = stage(config::Files::default()).await;
        let romeo = stage.world.enters("romeo", LOUNGE).await;
        hosts(&stage.guild, "cat.png", b"meow");
        hosts(&stage.guild, "dog.png", b"woof");
        stage.guild.enters("general", "ann").await;
        let said = stage.guild.does("general", "ann", shows("look", &["cat.png", "dog.png"])).await;
        hears(&romeo, "dog.png").await;
        assert_eq!(stage.pile.names().len(), 2);
        match by_its_author {
            true => drop(stage.guild.does("general", "ann", Act::Retract { of: said }).await),
            false => {
                let erased = Incoming::Erased { of: vec![said], by: Some("mod".into()), reason: None };
                stage.guild.tell("general", erased).await;
            }
        }
        let told = async || {
            let mut count = 0;
            while count < 3 {
                count +=
                    hears(&romeo, "<retract").await.iter().filter(|told| told.contains("<retract")).count();
            }
        };
        tokio::time::timeout(Duration::from_secs(5), told()).await.unwrap();
        until("the files are gone", || stage.pile.names().is_empty()).await;
        let paris = stage.world.enters("paris", LOUNGE).await;
        let later = hears(&paris, "<subject").await;
        assert!(later.iter().all(|told| !told.contains("cat.png")), "{later:?}");
    }
}

#[tokio::test]
async fn an_edit_that_drops_a_file_takes_it_back_and_the_others_stay() {
    let stage = stage(config::Files::default()).await;
    let romeo = stage.world.enters("romeo", LOUNGE).await;
    hosts(&stage.guild, "cat.png", b"meow");
    hosts(&stage.guild, "dog.png", b"woof");
    let said = stage.guild.does("general", "ann", shows("look", &["cat.png", "dog.png"])).await;
    hears(&romeo, "dog.png").await;
    let again = Attachment { url: "https://cdn.test/dog.png?ex=9&hm=8".into(), ..file("dog.png") };
    let now = Message { attachments: vec![again], ..Message::text("look!") };
    stage.guild.does("general", "ann", Act::Edit { of: said.clone(), now }).await;
    let heard = hears(&romeo, "<retract").await;
    assert!(heard.iter().any(|told| told.contains("look!") && told.contains("<replace")), "{heard:?}");
    until("one is gone", || stage.pile.names() == ["dog.png"]).await;
    assert_eq!(stage.guild.fetched().len(), 2, "what is there already is not fetched again");
    let now = Message::text("");
    stage.guild.does("general", "ann", Act::Edit { of: said, now }).await;
    until("all are gone", || stage.pile.names().is_empty()).await;
}

#[tokio::test]
async fn a_moderator_here_takes_a_file_back_and_it_is_gone() {
    let stage = stage(config::Files::default()).await;
    let romeo = stage.world.enters("romeo", LOUNGE).await;
    hosts(&stage.guild, "cat.png", b"meow");
    stage.guild.does("general", "ann", shows("", &["cat.png"])).await;
    let heard = hears(&romeo, "cat.png").await;
    let (_, id) = heard.last().unwrap().rsplit_once("<stanza-id").unwrap();
    let id = id.split_once(" id='").unwrap().1.split_once('\'').unwrap().0;
    let moderate = format!(
        "<iq type='set' id='1' to='{LOUNGE}'><moderate xmlns='urn:xmpp:message-moderate:1' id='{id}'>\
         <retract xmlns='urn:xmpp:message-retract:1'/></moderate></iq>"
    );
    stage.world.says(&romeo, &moderate).await;
    until("the file is gone", || stage.pile.names().is_empty()).await;
}

#[tokio::test]
async fn what_nobody_hears_leaves_no_file_and_what_was_said_already_is_not_fetched() {
    let stage = stage(config::Files::default()).await;
    let romeo = stage.world.enters("romeo", LOUNGE).await;
    stage.guild.enters("general", "ann").await;
    hosts(&stage.guild, "cat.png", b"meow");
    let said = stage.guild.does("general", "ann", shows("", &["cat.png"])).await;
    hears(&romeo, "cat.png").await;
    let (author, at) = (rialto_bridges::loopback::person("ann"), SystemTime::now());
    let event = rialto_bridges::Event { author, at, act: shows("", &["cat.png"]) };
    until("the message is kept", || {
        stage.world.links.ids().ours("guild:general", said.as_str()).is_ok_and(|ours| ours.is_some())
    })
    .await;
    stage.guild.tell("general", Incoming::Did { id: Some(said), event }).await;
    let kick = "<query xmlns='http://jabber.org/protocol/muc#admin'><item nick='ann' role='none'/></query>";
    stage.world.says(&romeo, &format!("<iq type='set' id='k' to='{LOUNGE}'>{kick}</iq>")).await;
    hears(&romeo, "code='307'").await;
    assert_eq!(stage.guild.fetched().len(), 1);
    hosts(&stage.guild, "dog.png", b"woof");
    stage.guild.does("general", "ann", shows("", &["dog.png"])).await;
    until("it is fetched", || stage.guild.fetched().len() == 2).await;
    until("and gone", || stage.pile.names() == ["cat.png"]).await;
    assert!(hears_all(&romeo).await.iter().all(|told| !told.contains("dog.png")));
}

#[tokio::test]
async fn a_bridge_has_so_much_and_its_oldest_files_make_room() {
    let stage = stage(config::Files { total: 100, ..config::Files::default() }).await;
    let romeo = stage.world.enters("romeo", LOUNGE).await;
    for name in ["a.png", "b.png", "c.png", "d.png"] {
        hosts(&stage.guild, name, &[7; 40]);
        stage.guild.does("general", "ann", shows("", &[name])).await;
        hears(&romeo, name).await;
    }
    assert_eq!(stage.pile.names(), ["c.png", "d.png"]);
    hosts(&stage.guild, "e.png", &[7; 101]);
    stage.guild.does("general", "ann", shows("", &["e.png"])).await;
    hears(&romeo, "together are too large").await;
    assert_eq!(stage.pile.names().len(), 2);
}

#[tokio::test]
async fn after_a_restart_a_deletion_still_finds_all_parts_and_nothing_is_left_over() {
    let (store, pile) = (Store::memory(), Arc::<Pile>::default());
    let first = open(&store, &pile, config::Files::default(), false).await;
    let romeo = first.world.enters("romeo", LOUNGE).await;
    hosts(&first.guild, "cat.png", b"meow");
    hosts(&first.guild, "dog.png", b"woof");
    let said = first.guild.does("general", "ann", shows("look", &["cat.png", "dog.png"])).await;
    hears(&romeo, "dog.png").await;
    let orphan = File {
        owner: "guild@far.lit".into(),
        name: "orphan.png".into(),
        kind: "image/png".into(),
        bytes: vec![1],
        is_face: false,
        before: None,
    };
    pile.keep(orphan).await.unwrap();
    store.caught_up().await;
    drop(first);
    let second = open(&store, &pile, config::Files::default(), true).await;
    second.files.sweep(&["guild@far.lit".to_owned()], Duration::ZERO).await.unwrap();
    assert_eq!(pile.names().len(), 2, "{:?}", pile.names());
    second.world.enters("romeo", LOUNGE).await;
    second.guild.enters("general", "ann").await;
    let now = Message { attachments: vec![file("dog.png")], ..Message::text("look") };
    second.guild.does("general", "ann", Act::Edit { of: said.clone(), now }).await;
    until("one is gone", || pile.names() == ["dog.png"]).await;
    second.guild.does("general", "ann", Act::Retract { of: said }).await;
    until("the other one, too", || pile.names().is_empty()).await;
}

/// Romeo has this photo from now on.
async fn has_photo(store: &Store, bytes: &[u8]) -> String {
    use base64::Engine;
    use sha1::Digest;
    let hash: String = sha1::Sha1::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    let card = format!("<vCard xmlns='vcard-temp'><PHOTO><BINVAL>{text}</BINVAL></PHOTO></vCard>");
    let mut batch = Batch::new();
    vcard::put(&mut batch, "romeo@montague.lit", card.as_bytes());
    vcard::put_photo(&mut batch, "romeo@montague.lit", &hash);
    store.commit(batch).await.unwrap();
    hash
}

impl Stage {
    async fn romeo_shows(&self, romeo: &Arc<crate::sessions::Session>, hash: &str) {
        let x = format!("<x xmlns='vcard-temp:x:update'><photo>{hash}</photo></x>");
        self.world.says(romeo, &format!("<presence to='{LOUNGE}/romeo'>{x}</presence>")).await;
    }

    fn faces(&self) -> Vec<Option<String>> {
        let avatar =
            |(_, event): (_, rialto_bridges::Event<_>)| event.author.avatar.map(|url| url.to_string());
        self.guild.heard("general").into_iter().map(avatar).collect()
    }
}

#[tokio::test]
async fn a_picture_that_everybody_may_see_is_shown_elsewhere_at_an_address_that_changes_with_it() {
    let store = Store::memory();
    let stage = open(&store, &Arc::default(), config::Files::default(), false).await;
    let romeo = stage.world.enters("romeo", LOUNGE).await;
    stage.world.speaks(&romeo, "m0", "without").await;
    let hash = has_photo(&store, b"\x89PNG one").await;
    stage.romeo_shows(&romeo, &hash).await;
    for id in ["m1", "m2"] {
        stage.world.speaks(&romeo, id, id).await;
    }
    until("three arrive", || stage.guild.heard("general").len() == 3).await;
    let other = has_photo(&store, b"\x89PNG two").await;
    stage.romeo_shows(&romeo, &other).await;
    stage.world.speaks(&romeo, "m3", "with another one").await;
    until("four arrive", || stage.guild.heard("general").len() == 4).await;
    stage.romeo_shows(&romeo, &"0".repeat(40)).await;
    stage.world.speaks(&romeo, "m4", "with one that is not his").await;
    until("all arrive", || stage.guild.heard("general").len() == 5).await;
    let faces = stage.faces();
    assert_eq!(faces[0], None);
    let one = faces[1].clone().unwrap();
    assert!(one.starts_with("https://up.lit/") && one.ends_with("/avatar.png"), "{one}");
    assert!(!one.contains("romeo") && !one.contains(&hash), "{one}");
    assert_eq!(faces[2].as_deref(), Some(&*one));
    assert!(faces[3].is_some() && faces[3] != faces[1], "{faces:?}");
    assert_eq!(faces[4], None);
    assert_eq!(stage.pile.owned("romeo@montague.lit").unwrap().len(), 2);
}

#[tokio::test]
async fn pitfall_37_in_a_private_room_and_where_the_operator_says_so_nobodys_picture_leaves() {
    for private in [true, false] {
        let store = Store::memory();
        let settings = config::Files { avatars: private, ..config::Files::default() };
        let stage = open(&store, &Arc::default(), settings, false).await;
        let romeo = stage.world.enters("romeo", LOUNGE).await;
        if private {
            let field = "<field var='muc#roomconfig_membersonly'><value>1</value></field>";
            let form = format!("<x xmlns='jabber:x:data' type='submit'>{field}</x>");
            let query = format!("<query xmlns='http://jabber.org/protocol/muc#owner'>{form}</query>");
            stage.world.says(&romeo, &format!("<iq type='set' id='c' to='{LOUNGE}'>{query}</iq>")).await;
            hears(&romeo, "id='c'").await;
        }
        let hash = has_photo(&store, b"\x89PNG one").await;
        stage.romeo_shows(&romeo, &hash).await;
        stage.world.speaks(&romeo, "m1", "hello").await;
        until("it arrives", || stage.guild.heard("general").len() == 1).await;
        assert_eq!((stage.faces(), stage.pile.names().len()), (vec![None], 0));
    }
}
