//! XEP-0030: what the registered features add up to. Advertised is what is registered, nothing else.

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use rialto_xmpp::{Element, Jid, ns};

use super::command::Command;
use super::{Feature, Target};

/// What stands before `#` in the node of our capabilities (XEP-0115 §4).
pub const CAPS_NODE: &str = "https://rialto.example/caps";

/// What service discovery can tell of this house.
pub struct Catalogue {
    server: Vec<&'static str>,
    account: Vec<&'static str>,
    identities: Vec<(Target, &'static str, &'static str)>,
    forms: Vec<Element>,
    commands: ArcSwap<Vec<Arc<dyn Command>>>,
    hosted: ArcSwap<Vec<Hosted>>,
    caps: OnceLock<String>,
}

/// A service of this server, for disco#items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosted {
    /// Its domain.
    pub jid: Jid,
    /// For a person.
    pub name: String,
}

impl Catalogue {
    /// The catalogue of these features, each namespace once and sorted (XEP-0115 §5.1).
    pub fn new(list: &[Box<dyn Feature>]) -> Catalogue {
        let (mut server, mut account) = (Vec::new(), Vec::new());
        for (target, feature) in list.iter().flat_map(|feature| feature.about().disco.iter().copied()) {
            match target {
                Target::Server => server.push(feature),
                Target::Account => account.push(feature),
            }
        }
        for names in [&mut server, &mut account] {
            names.sort_unstable();
            names.dedup();
        }
        let identities = list.iter().flat_map(|feature| feature.identities()).copied().collect();
        let forms = list.iter().flat_map(|feature| feature.forms()).collect();
        let commands = ArcSwap::from_pointee(list.iter().flat_map(|feature| feature.commands()).collect());
        let (hosted, caps) = (ArcSwap::default(), OnceLock::new());
        Catalogue { server, account, identities, forms, commands, hosted, caps }
    }

    /// Features of the server or of an account.
    pub fn features(&self, target: Target) -> &[&'static str] {
        match target {
            Target::Server => &self.server,
            Target::Account => &self.account,
        }
    }

    /// The disco#info of the server or of an account, without `node`.
    pub fn info(&self, target: Target) -> Element {
        let (category, kind, name) = match target {
            Target::Server => ("server", "im", Some("Rialto")),
            Target::Account => ("account", "registered", None),
        };
        let identity = |category: &str, kind: &str| {
            Element::new("identity", ns::DISCO_INFO).attr("category", category).attr("type", kind)
        };
        let others = self.identities.iter().filter(|(whose, ..)| *whose == target);
        let feature = |var: &&str| Element::new("feature", ns::DISCO_INFO).attr("var", *var);
        let forms = self.forms.iter().filter(|_| target == Target::Server).cloned();
        Element::new("query", ns::DISCO_INFO)
            .with(identity(category, kind).attr_opt("name", name))
            .with_all(others.map(|(_, category, kind)| identity(category, kind)))
            .with_all(self.features(target).iter().map(feature))
            .with_all(forms)
    }

    /// Node and name of every command that `who` may run.
    pub fn commands(&self, who: &Jid) -> Vec<(String, String)> {
        let commands = self.commands.load();
        let allowed = commands.iter().filter(|command| command.allows(who));
        allowed.map(|command| (command.node().to_owned(), command.name().to_owned())).collect()
    }

    /// The command of this node, whoever may run it.
    pub fn command(&self, node: &str) -> Option<Arc<dyn Command>> {
        self.commands.load().iter().find(|command| command.node() == node).cloned()
    }

    /// Tells of more commands: those of whoever stands above the features.
    pub fn offer(&self, more: impl IntoIterator<Item = Arc<dyn Command>>) {
        let more: Vec<_> = more.into_iter().collect();
        self.commands.rcu(|before| before.iter().chain(&more).cloned().collect::<Vec<_>>());
    }

    /// Services of this server.
    pub fn hosted(&self) -> Vec<Hosted> {
        self.hosted.load().as_ref().clone()
    }

    /// Tells of one more service.
    pub fn host(&self, service: Hosted) {
        self.hosted.rcu(|before| {
            let mut after = before.as_ref().clone();
            after.retain(|other| other.jid != service.jid);
            after.push(service.clone());
            after
        });
    }

    /// XEP-0115 §5: the verification string of the server's own disco#info; it never changes while the server runs.
    pub fn caps(&self) -> &str {
        self.caps.get_or_init(|| super::caps::verification(&self.info(Target::Server)))
    }
}
