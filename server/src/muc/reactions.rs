//! XEP-0444 §2.2, §3.3: which reactions a room takes.

use rialto_xmpp::{Condition, Message, StanzaError, ns};

use super::room::Room;

impl Room {
    /// Whether reactions are such as the room takes; a message without any is.
    ///
    /// # Errors
    /// `not-acceptable`, and what the room takes.
    pub(super) fn may_react(&self, message: &Message) -> Result<(), StanzaError> {
        let (most, list) = (self.record.config.max_reactions, &self.record.config.reactions);
        if most == 0 && list.is_empty() {
            return Ok(());
        }
        let Some(reactions) = message.payload("reactions", ns::REACTIONS) else { return Ok(()) };
        let given: Vec<String> = reactions
            .children()
            .filter(|child| child.is("reaction", ns::REACTIONS))
            .map(|child| child.text().trim().to_owned())
            .collect();
        let too_many = most > 0 && given.len() as u64 > most;
        let unknown = |one: &String| !list.is_empty() && !list.iter().any(|known| same(known, one));
        if !too_many && !given.iter().any(unknown) {
            return Ok(());
        }
        let number = (most > 0).then(|| format!("at most {most} for each message"));
        let which = (!list.is_empty()).then(|| format!("none but {}", list.join(" ")));
        let rules: Vec<String> = number.into_iter().chain(which).collect();
        let says = format!("This room takes reactions as follows: {}.", rules.join(", "));
        Err(StanzaError::new(Condition::NotAcceptable, says))
    }
}

/// Some clients leave out the selector that asks for the coloured picture of a character.
fn same(one: &str, other: &str) -> bool {
    let plain = |text: &'static str| move |c: &char| !text.contains(*c);
    one.chars().filter(plain("\u{fe0f}")).eq(other.chars().filter(plain("\u{fe0f}")))
}

#[cfg(test)]
mod tests {
    use crate::muc::tests::stage::Stage;

    fn reacts(stage: &mut Stage, with: &[&str]) -> Vec<String> {
        let reactions: String = with.iter().map(|one| format!("<reaction>{one}</reaction>")).collect();
        stage.hush();
        stage.says("juliet", &format!("<message type='groupchat' to='lounge@rooms.lit' id='r'><reactions xmlns='urn:xmpp:reactions:0' id='x'>{reactions}</reactions></message>"));
        stage.hears("juliet")
    }

    #[test]
    fn a_room_says_how_many_and_which_and_holds_to_it() {
        let mut stage = Stage::with(&["romeo", "juliet"]);
        assert!(reacts(&mut stage, &["👋", "🐢", "💘"])[0].contains("groupchat"));
        stage.configure(|config| {
            (config.max_reactions, config.reactions) = (1, vec!["💘".into(), "❤️".into()])
        });
        assert!(reacts(&mut stage, &["💘"])[0].contains("groupchat"));
        assert!(reacts(&mut stage, &["❤"])[0].contains("groupchat"));
        assert!(reacts(&mut stage, &[])[0].contains("groupchat"), "taking them away is always right");
        for bad in [&["💘", "❤️"][..], &["🐢"]] {
            let told = reacts(&mut stage, bad);
            assert!(told[0].contains("<not-acceptable") && told[0].contains("💘"), "{told:?}");
            assert!(stage.hears("romeo").is_empty());
        }
        let info = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
        let told = stage.asks("juliet", "get", info);
        assert!(told.contains("<value>urn:xmpp:reactions:0:restrictions</value>"), "{told}");
        assert!(told.contains("var='max_reactions_per_user'") && told.contains("<value>💘</value>"));
    }
}
