//! RPL_ISUPPORT (005): what the server says of itself (Modern IRC, "Feature Advertisement").

use super::names::Casemapping;
use crate::network::Role;

/// What the server says of itself; until it does, what RFC 2812 lets us expect.
#[derive(Debug, Clone, PartialEq)]
pub struct Isupport {
    /// Which letters are the same.
    pub casemapping: Casemapping,
    /// Modes that members have, and how they are shown before nicks: the highest first.
    pub prefix: Vec<(char, char)>,
    /// Channel modes that always have an argument: lists (A) and settings (B).
    pub always: String,
    /// Channel modes that have an argument when they are set (C).
    pub when_set: String,
    /// What channels begin with.
    pub chantypes: String,
    /// What may stand before a channel to mean its members of that rank.
    pub statusmsg: String,
    /// Bytes of a nick.
    pub nicklen: usize,
    /// Bytes of a channel's name.
    pub channellen: usize,
    /// Bytes of a topic.
    pub topiclen: usize,
    /// Bytes of a user name.
    pub userlen: usize,
    /// What the network calls itself.
    pub network: Option<String>,
    /// It tells when a nick that we watch is free (MONITOR).
    pub monitor: bool,
    /// WHO tells accounts (WHOX).
    pub whox: bool,
    /// What LIST can be asked for (ELIST), in capitals.
    pub elist: String,
    /// LIST may be asked for without being cut off (SAFELIST).
    pub safelist: bool,
    /// How a ban of an account is written, without the account: `$a:` (EXTBAN, ACCOUNTEXTBAN).
    pub account_ban: Option<String>,
    /// Client tags that are not passed on (CLIENTTAGDENY).
    pub tag_deny: String,
    /// Messages that one CHATHISTORY may ask for; 0 for as many as we like.
    pub history: usize,
}

impl Default for Isupport {
    fn default() -> Self {
        Isupport {
            casemapping: Casemapping::default(),
            prefix: vec![('o', '@'), ('v', '+')],
            always: "beIqk".into(),
            when_set: "l".into(),
            chantypes: "#&".into(),
            statusmsg: String::new(),
            nicklen: 30,
            channellen: 200,
            topiclen: 300,
            userlen: 10,
            network: None,
            monitor: false,
            whox: false,
            elist: String::new(),
            safelist: false,
            account_ban: None,
            tag_deny: String::new(),
            history: 0,
        }
    }
}

impl Isupport {
    /// Takes over the tokens of one 005 line, without our nick and the closing words.
    pub fn learn(&mut self, tokens: &[String]) {
        for token in tokens {
            match token.split_once('=') {
                Some((key, value)) => self.set(key, &unescaped(value)),
                None => self.set(token, ""),
            }
        }
    }

    fn set(&mut self, key: &str, value: &str) {
        let number = |or: usize| value.parse().ok().filter(|n| *n > 0).unwrap_or(or);
        let first = Isupport::default;
        match key {
            "CASEMAPPING" => self.casemapping = Casemapping::named(value),
            "PREFIX" => self.prefix = prefixes(value),
            "CHANMODES" => {
                let mut kinds = value.split(',');
                self.always = format!("{}{}", kinds.next().unwrap_or(""), kinds.next().unwrap_or(""));
                self.when_set = kinds.next().unwrap_or("").into();
            }
            "CHANTYPES" => self.chantypes = value.into(),
            "STATUSMSG" => self.statusmsg = value.into(),
            "NICKLEN" => self.nicklen = number(first().nicklen),
            "CHANNELLEN" => self.channellen = number(first().channellen),
            "TOPICLEN" => self.topiclen = number(first().topiclen),
            "USERLEN" => self.userlen = number(first().userlen),
            "NETWORK" => self.network = Some(value.into()),
            "MONITOR" => self.monitor = true,
            "WHOX" => self.whox = true,
            "ELIST" => self.elist = value.to_ascii_uppercase(),
            "SAFELIST" => self.safelist = true,
            "EXTBAN" => self.extban(value),
            "ACCOUNTEXTBAN" => self.account_extban(value),
            "CLIENTTAGDENY" => self.tag_deny = value.into(),
            "CHATHISTORY" => self.history = value.parse().unwrap_or(0),
            _ => {}
        }
    }

    /// `EXTBAN=$,ajrxz`: the letter `a` means an account almost everywhere, on InspIRCd (which has no prefix) it is `R`.
    fn extban(&mut self, value: &str) {
        let Some((prefix, letters)) = value.split_once(',') else { return };
        let letter = if prefix.is_empty() { 'R' } else { 'a' };
        if self.account_ban.is_none() && letters.contains(letter) {
            self.account_ban = Some(format!("{prefix}{letter}:"));
        }
    }

    /// `ACCOUNTEXTBAN=R,account` (IRCv3 account-extban), which comes with a prefix in EXTBAN where there is one.
    fn account_extban(&mut self, value: &str) {
        if let Some(name) = value.split(',').next().filter(|name| !name.is_empty()) {
            let known = self.account_ban.as_deref().and_then(|ban| ban.chars().next());
            let prefix = known.filter(|first| !first.is_ascii_alphanumeric());
            self.account_ban =
                Some(prefix.map(String::from).unwrap_or_default() + name.trim_start_matches('$') + ":");
        }
    }

    /// Is this client tag passed on? `CLIENTTAGDENY=*,-draft/react` passes that one alone.
    pub fn passes(&self, tag: &str) -> bool {
        let mut denied = false;
        for rule in self.tag_deny.split(',') {
            match rule.strip_prefix('-') {
                Some(allowed) if allowed == tag => return true,
                None => denied |= rule == "*" || rule == tag,
                Some(_) => {}
            }
        }
        !denied
    }

    /// What a member with these modes may do. On a moderated channel those without any only hear.
    pub fn role(&self, modes: &str, moderated: bool) -> Role {
        let highest = self.prefix.iter().position(|(mode, _)| modes.contains(*mode));
        let op = self.prefix.iter().position(|(mode, _)| *mode == 'o');
        match highest.and_then(|place| self.prefix.get(place).map(|(mode, _)| (place, *mode))) {
            None if moderated => Role::Visitor,
            None => Role::Participant,
            Some((_, 'v')) => Role::Voiced,
            Some((_, 'h')) => Role::Helper,
            Some((_, 'o')) => Role::Moderator,
            Some((place, _)) if op.is_some_and(|op| place < op) => Role::Owner,
            Some(_) => Role::Voiced,
        }
    }

    /// `@+ann` in a list of names: the modes and the nick.
    pub fn ranked<'a>(&self, name: &'a str) -> (String, &'a str) {
        let mut modes = String::new();
        let mut rest = name;
        while let Some(first) = rest.chars().next() {
            let Some((mode, _)) = self.prefix.iter().find(|(_, shown)| *shown == first) else { break };
            modes.push(*mode);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
        (modes, rest)
    }

    /// The single changes in `+o-v ann bea`, each with its argument. An argument that is missing is `None`.
    pub fn changes<'a>(&self, modes: &str, args: &'a [String]) -> Vec<(bool, char, Option<&'a str>)> {
        let mut args = args.iter();
        let mut on = true;
        let mut changes = Vec::new();
        for mode in modes.chars() {
            match mode {
                '+' => on = true,
                '-' => on = false,
                _ => {
                    let takes = self.is_rank(mode)
                        || self.always.contains(mode)
                        || (on && self.when_set.contains(mode));
                    changes.push((on, mode, if takes { args.next().map(String::as_str) } else { None }));
                }
            }
        }
        changes
    }

    /// Is this a mode that members have?
    pub fn is_rank(&self, mode: char) -> bool {
        self.prefix.iter().any(|(rank, _)| *rank == mode)
    }
}

/// `(ov)@+`
fn prefixes(value: &str) -> Vec<(char, char)> {
    let Some((modes, shown)) = value.strip_prefix('(').and_then(|rest| rest.split_once(')')) else {
        return Vec::new();
    };
    modes.chars().zip(shown.chars()).collect()
}

/// `\x20` stands for the character with that code.
fn unescaped(value: &str) -> String {
    let mut pieces = value.split("\\x");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let code = piece.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code {
            Some(code) => plain.extend([char::from(code)].iter().copied().chain(piece.chars().skip(2))),
            None => plain.extend(["\\x", piece]),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(tokens: &str) -> Isupport {
        let mut isupport = Isupport::default();
        isupport.learn(&tokens.split(' ').map(String::from).collect::<Vec<_>>());
        isupport
    }

    #[test]
    fn what_the_server_says_is_taken_over() {
        let it = told(
            "CASEMAPPING=ascii PREFIX=(qaohv)~&@%+ NICKLEN=9 TOPICLEN=490 CHANTYPES=# NETWORK=A\\x20B EXCEPTS X=",
        );
        assert_eq!((it.casemapping, it.nicklen, it.topiclen), (Casemapping::Ascii, 9, 490));
        assert_eq!((it.chantypes.as_str(), it.network.as_deref()), ("#", Some("A B")));
        assert_eq!(told("NICKLEN=0 TOPICLEN=x PREFIX=nonsense").nicklen, Isupport::default().nicklen);
    }

    #[test]
    fn what_bans_by_account_look_like_is_learnt() {
        for (tokens, ban) in [
            ("EXTBAN=$,ajrxz", Some("$a:")),
            ("EXTBAN=~,aqjnc", Some("~a:")),
            ("EXTBAN=,ABCOR", Some("R:")),
            ("EXTBAN=~,qj", None),
            ("EXTBAN=~,a ACCOUNTEXTBAN=account,a", Some("~account:")),
            ("ACCOUNTEXTBAN=R", Some("R:")),
        ] {
            assert_eq!(told(tokens).account_ban.as_deref(), ban, "{tokens}");
        }
    }

    #[test]
    fn client_tags_that_are_not_passed_on_are_known() {
        let it = told("CLIENTTAGDENY=*,-draft/react,-typing");
        assert!(it.passes("typing") && it.passes("draft/react") && !it.passes("reply"));
        let it = told("CLIENTTAGDENY=typing");
        assert!(!it.passes("typing") && it.passes("reply") && told("X=1").passes("typing"));
    }

    #[test]
    fn ranks_become_roles() {
        let it = told("PREFIX=(yqaohv)!~&@%+");
        let roles = ["y", "q", "a", "o", "h", "v", ""].map(|modes| it.role(modes, false));
        use Role::*;
        assert_eq!(roles, [Owner, Owner, Owner, Moderator, Helper, Voiced, Participant]);
        assert_eq!(
            (it.role("", true), it.role("v", true), it.role("vo", true)),
            (Visitor, Voiced, Moderator)
        );
        assert_eq!(
            told("PREFIX=(oX)@$").role("X", false),
            Voiced,
            "a rank below operators that we do not know"
        );
    }

    #[test]
    fn names_carry_all_their_ranks() {
        let it = told("PREFIX=(qaohv)~&@%+");
        assert_eq!(it.ranked("@+ann"), ("ov".into(), "ann"));
        assert_eq!(it.ranked("ann"), (String::new(), "ann"));
        assert_eq!(it.ranked("~@"), ("qo".into(), ""));
    }

    #[test]
    fn arguments_stay_with_their_modes() {
        let it = told("PREFIX=(ov)@+ CHANMODES=beI,k,lj,imnst");
        let args: Vec<String> = ["*!*@bad", "5:3", "ann", "bea"].map(String::from).into();
        let changes = it.changes("+bjmo-lv", &args);
        assert_eq!(
            changes,
            [
                (true, 'b', Some("*!*@bad")),
                (true, 'j', Some("5:3")),
                (true, 'm', None),
                (true, 'o', Some("ann")),
                (false, 'l', None),
                (false, 'v', Some("bea")),
            ]
        );
        assert_eq!(it.changes("+oo", &args[2..3]), [(true, 'o', Some("ann")), (true, 'o', None)]);
    }
}
