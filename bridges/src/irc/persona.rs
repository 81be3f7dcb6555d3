//! Who a connection is: the one that listens for all of us, or one of ours under his own name.

use super::settings::Settings;
use crate::network::Identity;
use std::fmt;
use std::sync::Arc;

/// Who a connection is. Everything else about it is the network's and stands in [`Settings`].
#[derive(Clone)]
pub struct Persona {
    /// The `Author::account` of one of ours whose connection this is; `None` for the connection that listens for all.
    pub whose: Option<Arc<str>>,
    /// The nick that is asked for.
    pub nick: String,
    /// The user name.
    pub username: String,
    /// What WHOIS shows.
    pub realname: String,
    /// The nick that was to be had last time, where the one that is asked for was not: the first to try then.
    pub fallback: Option<String>,
    /// What WEBIRC says after its password, for servers that believe us: our name, his host, his address.
    pub webirc: Option<[String; 3]>,
    /// The account that is proven with SASL.
    pub proof: Option<Proof>,
    /// The account and the password that NickServ is told where SASL has not proven one.
    pub nickserv: Option<(Option<String>, String)>,
}

/// An account and what proves it.
#[derive(Clone)]
pub struct Proof {
    /// The account; empty where a certificate alone says it.
    pub account: String,
    /// Its password.
    pub password: Option<String>,
    /// The connection shows a client certificate, which the account knows.
    pub certificate: bool,
    /// The one mechanism to use; `None` for the strongest.
    pub mechanism: Option<String>,
}

impl fmt::Debug for Persona {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Persona")
            .field("nick", &self.nick)
            .field("whose", &self.whose)
            .finish_non_exhaustive()
    }
}

impl Persona {
    /// The bridge's own connection, as the configuration says.
    pub fn listener(settings: &Settings) -> Persona {
        let proof = settings.sasl.as_ref().map(|sasl| Proof {
            account: sasl.user.clone(),
            password: settings.secrets.sasl.clone(),
            certificate: settings.secrets.certificate.is_some(),
            mechanism: sasl.mechanism.clone(),
        });
        let nickserv = settings.secrets.nickserv.clone();
        Persona {
            whose: None,
            nick: settings.nick.clone(),
            username: settings.username.clone().unwrap_or_else(|| settings.nick.clone()),
            realname: settings.realname.clone(),
            fallback: None,
            webirc: None,
            proof,
            nickserv: nickserv.map(|password| (settings.nickserv_account.clone(), password)),
        }
    }

    /// The connection of one of ours (an `Author::account`), under this nick and user name unless his identity names
    /// another nick. The nick must be one that IRC can have (`names::is_nick`).
    pub fn person(whose: Arc<str>, nick: &str, username: &str, realname: &str, is: &Identity) -> Persona {
        let account = is.account.clone().unwrap_or_default();
        let provable = is.certificate.is_some() || (is.password.is_some() && !account.is_empty());
        Persona {
            whose: Some(whose),
            nick: is.nick.clone().unwrap_or_else(|| nick.into()),
            username: username.into(),
            realname: realname.into(),
            fallback: None,
            webirc: None,
            proof: provable.then(|| Proof {
                account,
                password: is.password.clone(),
                certificate: is.certificate.is_some(),
                mechanism: None,
            }),
            nickserv: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::irc::settings::tests::settings;

    #[test]
    fn the_listener_is_what_the_configuration_says_and_a_person_what_he_is() {
        let settings = settings("server = 'x'\nnick = 'bridge'\nusername = 'b'").unwrap();
        let listener = Persona::listener(&settings);
        assert_eq!(
            (listener.nick.as_str(), listener.username.as_str(), listener.whose),
            ("bridge", "b", None)
        );
        let is =
            Identity { account: Some("rom".into()), password: Some("hunter2".into()), ..Identity::default() };
        let romeo = Persona::person("romeo@example.org".into(), "Romeo", "romeo", "Romeo", &is);
        assert_eq!(romeo.proof.as_ref().map(|proof| proof.account.as_str()), Some("rom"));
        assert!(!format!("{romeo:?}").contains("hunter2"));
        let nobody = Persona::person("x".into(), "Romeo", "romeo", "Romeo", &Identity::default());
        assert!(nobody.proof.is_none() && nobody.nick == "Romeo");
    }
}
