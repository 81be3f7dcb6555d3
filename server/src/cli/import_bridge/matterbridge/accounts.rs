//! Accounts: those of IRC and Discord are bridges here, those of XMPP need none.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::filters;
use super::gateways::Gateway;
use super::source::{Keys, Source};
use crate::cli::import_bridge::Ours;
use crate::cli::import_bridge::fragment::Fragment;
use crate::cli::import_bridge::report::Report;

/// What accounts are here.
#[derive(Default)]
pub(super) struct Accounts(BTreeMap<String, Account>);

#[derive(Default)]
struct Account {
    /// Its `[bridge.<name>]`.
    bridge: Option<String>,
    /// What holds for its links.
    options: Table,
    /// Of an XMPP account: its domain, and that of its rooms.
    domain: Option<String>,
    rooms: Option<String>,
}

impl Accounts {
    /// Those that some gateway uses.
    pub(super) fn read(
        source: &Source,
        gateways: &[Gateway],
        (report, fragment): (&mut Report, &mut Fragment),
    ) -> Accounts {
        let mut all = Accounts::default();
        for (name, keys) in &source.accounts {
            let used = gateways.iter().flat_map(|gateway| &gateway.ends).any(|end| end.account == *name);
            if !used {
                report.ignored(format!("[{name}]"), "no gateway that is enabled uses it");
                continue;
            }
            let account = match name.split('.').next().unwrap_or_default() {
                "irc" => irc(name, keys.clone(), report, fragment),
                "discord" => discord(name, keys.clone(), report, fragment),
                "xmpp" => xmpp(keys.clone(), report),
                other => {
                    let note =
                        format!("{other} is no network known here; a component (XEP-0114) can connect it");
                    report.ignored(format!("[{name}]"), note);
                    Account::default()
                }
            };
            all.0.insert(name.clone(), account);
        }
        all
    }

    /// The bridge that an account is now.
    pub(super) fn bridge(&self, account: &str) -> Option<&str> {
        self.0.get(account)?.bridge.as_deref()
    }

    pub(super) fn knows(&self, account: &str) -> bool {
        self.0.contains_key(account)
    }

    /// What holds for its links.
    pub(super) fn options(&self, account: &str) -> Table {
        self.0.get(account).map(|account| account.options.clone()).unwrap_or_default()
    }

    /// Whether an XMPP account is one of this server.
    pub(super) fn is_ours(&self, account: &str, ours: &Ours<'_>) -> bool {
        let Some(account) = self.0.get(account) else { return false };
        let own = |domain: &Option<String>| {
            domain.as_ref().is_some_and(|domain| ours.domains.contains(domain) || domain == ours.rooms)
        };
        own(&account.domain) || own(&account.rooms)
    }

    /// The domain of an XMPP account's rooms.
    pub(super) fn rooms_of(&self, account: &str) -> Option<&str> {
        self.0.get(account)?.rooms.as_deref()
    }
}

/// The keys of an account on their way into a bridge.
struct Moving<'a> {
    keys: Keys,
    bridge: Table,
    report: &'a mut Report,
}

impl Moving<'_> {
    fn text(&mut self, key: &str) -> Option<(String, String)> {
        let (written, value) = self.keys.remove(key)?;
        let text = match &value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        (!text.is_empty()).then_some((written, text))
    }

    /// The same thing under another name.
    fn moves(&mut self, key: &str, ours: &str) {
        if let Some((written, text)) = self.text(key) {
            self.report.imported(written, format!("`{ours}`"));
            self.bridge.insert(ours.to_owned(), text.into());
        }
    }

    /// The text of the variable is `true` or `1` as well.
    fn flag(&mut self, key: &str) -> Option<(String, bool)> {
        let (written, text) = self.text(key)?;
        Some((written, matches!(text.as_str(), "true" | "1")))
    }

    fn drop_all(&mut self, keys: &[(&str, &str)]) {
        for (key, why) in keys {
            if let Some((written, _)) = self.keys.remove(*key) {
                self.report.ignored(written, *why);
            }
        }
    }

    /// What is true of all networks.
    fn drop_common(&mut self) {
        self.drop_all(COMMON);
        for (key, (written, _)) in std::mem::take(&mut self.keys) {
            // What `[general]` says for all accounts is said once.
            let known = self.report.0.iter().any(|row| row.key == written);
            if !known {
                let _ = key;
                self.report.ignored(written, "this key is not known here");
            }
        }
    }
}

/// What every account may say, and what has become of it.
const COMMON: &[(&str, &str)] = &[
    ("label", "people are told apart by `nick` of a link and by their addresses"),
    ("editdisable", "edits go to networks that have them"),
    ("editsuffix", "an edit is written `* words` where the network has none"),
    ("showjoinpart", "people of other networks are occupants: they are seen to come and go"),
    ("showtopicchange", "topics are subjects of the room"),
    ("synctopic", "topics are subjects of the room"),
    ("stripnick", "nicks keep what the network allows"),
    ("stripmarkdown", "styles are written as each network writes them"),
    ("colornicks", "nicks have no colours"),
    ("showusertyping", "who is writing is shown wherever the network tells it"),
    ("extractnicks", "a rule of a link (`rewrite`) can do it"),
    ("showembeds", "embeds are shown as text"),
    ("mediadownloadsize", "files are kept by [upload]"),
    ("mediadownloadpath", "files are kept by [upload]"),
    ("mediadownloadblacklist", "files are kept by [upload]"),
    ("mediaserverdownload", "files are kept by [upload]"),
    ("mediaserverupload", "files are kept by [upload]"),
    ("mediaconverttgs", "pictures are kept as they are"),
    ("mediaconvertwebptopng", "pictures are kept as they are"),
    ("iconurl", "people have pictures of their own"),
    ("preservethreading", "replies and threads are kept wherever the network has them"),
    ("messageclipped", "what is too long becomes several messages"),
    ("messagesplitmaxcount", "`lines` says how many lines a message may become"),
    ("joindelay", "joining is paced by `burst` and `interval`"),
    ("rejoindelay", "the bridge comes back by itself"),
    ("verbosejoinpart", "people of other networks are occupants"),
    ("nosendjoinpart", "comings and goings are never said in words"),
    ("debug", "see [log]"),
    ("debuglevel", "see [log]"),
    ("logfile", "see [log]"),
    ("ignorefailureonstart", "a network that is down comes up when it does"),
    ("tengomodifymessage", "scripts are not run"),
    ("skipversioncheck", "there is no such check"),
];

fn irc(name: &str, keys: Keys, report: &mut Report, fragment: &mut Fragment) -> Account {
    let mut moving = Moving { keys, bridge: Table::from_iter([("kind".to_owned(), "irc".into())]), report };
    let options = filters::options(&mut moving.keys, moving.report);
    irc_server(&mut moving);
    for (key, ours) in [("nick", "nick"), ("username", "username"), ("realname", "realname")] {
        moves_unless_empty(&mut moving, key, ours);
    }
    irc_secrets(name, &mut moving, fragment);
    if let Some((written, text)) = moving.text("messagedelay") {
        let seconds = text.parse::<u32>().unwrap_or(1300);
        moving.bridge.insert("interval".to_owned(), Value::Float(f64::from(seconds) / 1000.0));
        moving.report.imported(written, "`interval`, in seconds");
    }
    if let Some((written, text)) = moving.text("messagequeue")
        && let Ok(queue @ 1..) = text.parse::<u32>()
    {
        moving.bridge.insert("queue".to_owned(), i64::from(queue).into());
        moving.report.imported(written, "`queue`");
    }
    moving.drop_all(&[
        ("skiptlsverify", "certificates are always verified; `ca_file` names a private authority"),
        ("charset", "what is not UTF-8 is read as Windows-1252"),
        ("messagelength", "the length of lines follows from what the server says"),
        ("messagesplit", "long messages are always cut into several"),
        ("runcommands", "no commands are sent after connecting; accounts are proved by `sasl` or NickServ"),
        ("bind", "the system chooses the address"),
        ("userelaymsg", "words are said as <nick> words"),
        ("pingdelay", "`ping_after` and `ping_timeout`, with their defaults"),
        ("tlsclientcertificate", "say it in the bridge's section where the network knows the bridge by it"),
    ]);
    let bridge = name_of(name);
    moving.drop_common();
    fragment.bridges.insert(bridge.clone(), moving.bridge);
    Account { bridge: Some(bridge), options, ..Account::default() }
}

fn moves_unless_empty(moving: &mut Moving<'_>, key: &str, ours: &str) {
    moving.moves(key, ours);
}

/// `Server = "irc.libera.chat:6697"`; without `UseTLS` it speaks in the clear there.
fn irc_server(moving: &mut Moving<'_>) {
    let tls = moving.flag("usetls");
    let on = tls.as_ref().is_some_and(|(_, on)| *on);
    if let Some((written, text)) = moving.text("server") {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() => (host.to_owned(), port.parse::<i64>().ok()),
            _ => (text, None),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        moving.bridge.insert("server".to_owned(), host.into());
        moving.bridge.insert("port".to_owned(), port.unwrap_or(if on { 6697 } else { 6667 }).into());
        moving.report.imported(written, "`server` and `port`");
    }
    moving.bridge.insert("tls".to_owned(), on.into());
    match tls {
        Some((written, _)) => moving.report.imported(written, "`tls`"),
        None => moving
            .report
            .approximated("UseTLS (not said)", "`tls = false`, as it was; speak TLS if the network does"),
    }
}

/// Passwords stand in files.
fn irc_secrets(name: &str, moving: &mut Moving<'_>, fragment: &mut Fragment) {
    let name = name_of(name);
    if let Some((written, secret)) = moving.text("password") {
        let file = fragment.secret(&format!("{name}-server"), &secret);
        moving.report.imported(written, format!("`password_file`, in {file}"));
        moving.bridge.insert("password_file".to_owned(), file.into());
    }
    let sasl = moving.flag("usesasl");
    let (user, account) = (moving.text("nickservnick"), moving.text("nickservusername"));
    let Some((written, secret)) = moving.text("nickservpassword") else {
        for (written, _) in [user, account].into_iter().flatten() {
            moving.report.ignored(written, "there is no NickServPassword beside it");
        }
        if let Some((written, true)) = sasl {
            moving.report.ignored(written, "there is no NickServPassword to prove the account with");
        }
        return;
    };
    let file = fragment.secret(&format!("{name}-nickserv"), &secret);
    if let Some((sasl, true)) = sasl {
        // Its name says otherwise, but with SASL this is the account.
        let user = user.map(|(written, user)| {
            moving.report.imported(written, "`sasl.user`");
            user
        });
        let nick = moving.bridge.get("nick").and_then(Value::as_str).unwrap_or("rialto").to_owned();
        let table = [("user", user.unwrap_or(nick)), ("password_file", file.clone())];
        let table: Table =
            table.map(|(key, value)| (key.to_owned(), Value::from(value))).into_iter().collect();
        moving.bridge.insert("sasl".to_owned(), Value::Table(table));
        moving.report.imported(sasl, "`sasl`");
        moving.report.imported(written, format!("`sasl.password_file`, in {file}"));
    } else {
        moving.report.imported(written, format!("`nickserv_password_file`, in {file}"));
        moving.bridge.insert("nickserv_password_file".to_owned(), file.into());
        if let Some((written, service)) = user {
            if service.eq_ignore_ascii_case("nickserv") {
                moving.report.imported(written, "NickServ is who is asked");
            } else {
                moving.report.approximated(written, format!("NickServ is asked, not {service}"));
            }
        }
    }
    if let Some((written, account)) = account {
        moving.report.imported(written, "`nickserv_account`");
        moving.bridge.insert("nickserv_account".to_owned(), account.into());
    }
}

fn discord(name: &str, keys: Keys, report: &mut Report, fragment: &mut Fragment) -> Account {
    let mut moving =
        Moving { keys, bridge: Table::from_iter([("kind".to_owned(), "discord".into())]), report };
    let options = filters::options(&mut moving.keys, moving.report);
    let bridge = name_of(name);
    if let Some((written, token)) = moving.text("token") {
        let token = token.strip_prefix("Bot ").unwrap_or(&token);
        let file = fragment.secret(&format!("{bridge}-token"), token);
        moving.report.imported(written, format!("`token_file`, in {file}"));
        moving.bridge.insert("token_file".to_owned(), file.into());
    }
    if let Some((written, guild)) = moving.text("server") {
        let guild = guild.strip_prefix("ID:").unwrap_or(&guild).to_owned();
        moving.report.imported(written, "`guild`");
        moving.bridge.insert("guild".to_owned(), guild.into());
    }
    if let Some((written, on)) = moving.flag("autowebhooks") {
        moving.bridge.insert("webhooks".to_owned(), on.into());
        moving.report.imported(written, "`webhooks`");
    }
    moving.drop_all(&[
        ("webhookurl", "the bot makes its own webhooks, one for each channel"),
        ("useusername", "people are called as the guild calls them"),
        ("usediscriminator", "people are called as the guild calls them"),
        ("allowmention", "people can be mentioned, roles and everybody never"),
        ("quotedisable", "answers are answers wherever the network has them"),
        ("quoteformat", "answers are answers wherever the network has them"),
        ("quotelengthlimit", "answers are answers wherever the network has them"),
        ("editmaxdays", "edits have no age"),
        ("uselocalavatar", "people have their own pictures"),
    ]);
    moving.drop_common();
    fragment.bridges.insert(bridge.clone(), moving.bridge);
    Account { bridge: Some(bridge), options, ..Account::default() }
}

/// No account is needed: the rooms are ours.
fn xmpp(keys: Keys, report: &mut Report) -> Account {
    let mut moving = Moving { keys, bridge: Table::new(), report };
    let options = filters::options(&mut moving.keys, moving.report);
    if !options.is_empty() {
        let note = "rules stand with links; people of this server have none of their own";
        moving.report.ignored("xmpp filters", note);
    }
    let domain = moving.text("jid").and_then(|(written, jid)| {
        moving.report.ignored(written, "no account is needed: the rooms are on this server");
        let bare = jid.split('/').next().unwrap_or_default().to_owned();
        Some(bare.rsplit_once('@')?.1.to_lowercase())
    });
    let rooms = moving.text("muc").map(|(written, rooms)| {
        moving.report.imported(written, "where its rooms are");
        rooms.to_lowercase()
    });
    let not_needed = "no account is needed: the rooms are on this server";
    moving.drop_all(&[
        ("password", not_needed),
        ("server", not_needed),
        ("nick", not_needed),
        ("notls", not_needed),
        ("usetls", not_needed),
        ("skiptlsverify", not_needed),
        ("anonymous", not_needed),
        ("mechanism", not_needed),
        ("usedirectmuc", not_needed),
    ]);
    moving.drop_common();
    Account { bridge: None, options: Table::new(), domain, rooms }
}

/// `irc.libera` is `[bridge.libera]`; what is there twice is told apart by the protocol.
fn name_of(account: &str) -> String {
    let (protocol, name) = account.split_once('.').unwrap_or(("", account));
    match protocol {
        "irc" => name.to_owned(),
        _ => format!("{protocol}-{name}"),
    }
}
