//! Registration, line by line.

use super::*;
use crate::irc::settings::tests::settings;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

struct Talk {
    shake: Handshake,
    settings: Settings,
    out: Out,
}

impl Talk {
    fn new(toml: &str) -> Self {
        let mut settings = settings(&format!("server = 'irc.x'\n{toml}")).unwrap();
        settings.nickserv_password_file = None;
        Talk { shake: Handshake::default(), settings, out: Out::default() }
    }

    fn with_sasl(password: &str) -> Self {
        let mut talk = Talk::new("nick = 'rialto'");
        talk.settings.sasl = Some(crate::irc::settings::Sasl {
            user: "bridge".into(),
            password_file: None,
            password_env: None,
            certificate_file: None,
            mechanism: None,
        });
        talk.settings.secrets.sasl = Some(password.into());
        talk
    }

    fn persona(&self) -> Persona {
        Persona::listener(&self.settings)
    }

    /// Says a line and gives what we answer, without line ends.
    fn says(&mut self, line: &str) -> Vec<String> {
        let persona = self.persona();
        self.shake.hear(&Line::read(line).unwrap(), &persona, &mut self.out);
        self.out.urgent.drain(..).map(|line| line.trim_end().to_owned()).collect()
    }
}

#[test]
fn we_introduce_ourselves_with_the_servers_password_first() {
    let mut talk = Talk::new("realname = 'ask staff@x'");
    talk.settings.secrets.server = Some("let me in".into());
    Handshake::begin(&talk.settings, &talk.persona(), &mut talk.out);
    assert_eq!(
        talk.out.urgent,
        ["CAP LS 302\r\n", "PASS :let me in\r\n", "NICK rialto\r\n", "USER rialto 0 * :ask staff@x\r\n"]
    );
}

#[test]
fn capabilities_are_asked_for_when_the_last_line_of_the_offer_has_come() {
    let mut talk = Talk::new("");
    assert!(talk.says(":s CAP * LS * :multi-prefix echo-message sasl=EXTERNAL").is_empty());
    assert_eq!(
        talk.says(":s CAP * LS :server-time draft/x"),
        ["CAP REQ :multi-prefix echo-message server-time"]
    );
    assert_eq!(talk.says(":s CAP rialto ACK :multi-prefix server-time"), ["CAP END"]);
    assert!(talk.shake.have.contains("multi-prefix"));
    assert!(talk.says(":s CAP rialto DEL :server-time").is_empty());
    assert!(!talk.shake.have.contains("server-time"));
}

#[test]
fn a_server_that_offers_nothing_or_refuses_still_gets_us() {
    assert_eq!(Talk::new("").says(":s CAP * LS :"), ["CAP END"]);
    let mut talk = Talk::new("");
    talk.says(":s CAP * LS :multi-prefix");
    assert_eq!(talk.says(":s CAP * NAK :multi-prefix"), ["CAP END"]);
}

#[test]
fn the_account_is_proven_before_registration_ends() {
    let mut talk = Talk::with_sasl("hunter2");
    assert_eq!(talk.says(":s CAP * LS :multi-prefix sasl"), ["CAP REQ :multi-prefix", "CAP REQ :sasl"]);
    assert!(talk.says(":s CAP * ACK :multi-prefix").is_empty());
    assert_eq!(talk.says(":s CAP * ACK :sasl"), ["AUTHENTICATE PLAIN"]);
    assert_eq!(talk.says("AUTHENTICATE +"), ["AUTHENTICATE YnJpZGdlAGJyaWRnZQBodW50ZXIy"]);
    assert_eq!(talk.says(":s 903 * :SASL authentication successful"), ["CAP END"]);
    assert!(talk.shake.proven && talk.out.end.is_none());
}

#[test]
fn a_long_answer_goes_in_pieces_of_400() {
    for (length, pieces) in [(100, 1), (286, 2), (300, 2), (586, 3)] {
        let mut talk = Talk::with_sasl(&"x".repeat(length));
        talk.says(":s CAP * LS :sasl=PLAIN,EXTERNAL");
        talk.says(":s CAP * ACK :sasl");
        let answer = talk.says("AUTHENTICATE +");
        assert_eq!(answer.len(), pieces, "a password of {length} bytes");
        let joined: String = answer.iter().map(|line| line.trim_start_matches("AUTHENTICATE ")).collect();
        let plain = STANDARD.decode(joined.trim_end_matches('+')).unwrap();
        assert_eq!(plain, format!("bridge\0bridge\0{}", "x".repeat(length)).as_bytes());
        assert_eq!(length % 300 == 286, answer.last().unwrap() == "AUTHENTICATE +");
    }
}

#[test]
fn a_refused_account_is_for_the_operator() {
    let mut talk = Talk::with_sasl("wrong");
    talk.says(":s CAP * LS :sasl");
    talk.says(":s CAP * ACK :sasl");
    talk.says("AUTHENTICATE +");
    talk.says(":s 904 * :SASL authentication failed");
    assert!(matches!(&talk.out.end, Some(End::Refused(text)) if text.contains("SASL authentication failed")));
}

#[test]
fn without_sasl_we_do_not_go_on_under_an_unproven_name() {
    for offer in [":s CAP * LS :multi-prefix", ":s CAP * LS :sasl=EXTERNAL", ":s 001 rialto :Welcome"] {
        let mut talk = Talk::with_sasl("hunter2");
        talk.says(offer);
        if talk.out.end.is_none() {
            talk.says(":s CAP * ACK :multi-prefix");
        }
        assert!(
            matches!(&talk.out.end, Some(End::Lost { error: NetworkError::Unauthorized(_), .. })),
            "{offer}"
        );
    }
    let mut talk = Talk::with_sasl("hunter2");
    talk.settings.secrets.nickserv = Some("hunter2".into());
    assert_eq!(talk.says(":s CAP * LS :"), ["CAP END"], "NickServ will be asked");
}

#[test]
fn services_that_come_back_are_asked_then() {
    let mut talk = Talk::with_sasl("hunter2");
    talk.settings.secrets.nickserv = Some("hunter2".into());
    talk.says(":s CAP * LS :");
    talk.says(":s 001 rialto :Welcome");
    assert_eq!(talk.says(":s CAP rialto NEW :sasl=PLAIN"), ["CAP REQ :sasl"]);
    assert_eq!(talk.says(":s CAP rialto ACK :sasl"), ["AUTHENTICATE PLAIN"]);
    assert!(talk.says(":s 904 rialto :SASL authentication failed").is_empty());
    assert!(talk.out.end.is_none(), "we are in already");
}

#[test]
fn a_taken_nick_is_varied() {
    let mut talk = Talk::new("nick = 'rialto'");
    assert_eq!(talk.says(":s 433 * rialto :Nickname is already in use"), ["NICK rialto_"]);
    assert_eq!(talk.says(":s 433 * rialto_ :Nickname is already in use"), ["NICK rialto__"]);
    assert_eq!(talk.says(":s 437 * rialto__ :unavailable"), ["NICK rialto1"]);
    for _ in 0..NICKS {
        talk.says(":s 433 * x :Nickname is already in use");
    }
    assert!(matches!(&talk.out.end, Some(End::Lost { .. })));
}

#[test]
fn a_nick_that_cannot_be_is_made_short() {
    let mut talk = Talk::new("nick = 'rialto-bridge'");
    assert_eq!(talk.says(":s 432 * rialto-bridge :Nickname too long"), ["NICK rialto-br"]);
    assert_eq!(talk.says(":s 433 * rialto-br :in use"), ["NICK rialto-__"]);
}

#[test]
fn a_ban_and_a_wrong_password_are_refusals_with_all_that_was_said() {
    let refusal = |lines: &[&str]| {
        let mut talk = Talk::new("");
        lines.iter().for_each(|line| drop(talk.says(line)));
        talk.out
            .end
            .take()
            .unwrap_or_else(|| talk.shake.ending(End::down("the server closed the connection")))
    };
    for (lines, text) in [
        (vec!["ERROR :Closing Link: x (K-lined)"], "Closing Link: x (K-lined)"),
        (
            vec![":s 465 * :You're banned!", "ERROR :Closing link: [Z-lined: a proxy]"],
            "You're banned! Closing link: [Z-lined: a proxy]",
        ),
        (vec![":s 464 * :Password incorrect", "ERROR :Access denied"], "Password incorrect (Access denied)"),
        (vec![":s 464 * :Password incorrect"], "Password incorrect (the server closed the connection)"),
    ] {
        assert_eq!(refusal(&lines), End::Refused(text.into()));
    }
    assert_eq!(refusal(&[]), End::down("the server closed the connection"));
}

#[test]
fn the_strongest_way_is_taken_and_one_that_services_do_not_know_is_passed_over() {
    let mut talk = Talk::with_sasl("hunter2");
    talk.says(":s CAP * LS :sasl=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512");
    assert_eq!(talk.says(":s CAP * ACK :sasl"), ["AUTHENTICATE SCRAM-SHA-512"]);
    talk.says(":s 908 * PLAIN,SCRAM-SHA-256 :are available SASL mechanisms");
    assert_eq!(talk.says(":s 904 * :SASL authentication failed"), ["AUTHENTICATE SCRAM-SHA-256"]);
    talk.says(":s 904 * :SASL authentication failed");
    assert!(matches!(&talk.out.end, Some(End::Refused(_))), "a wrong password is tried once");
}

#[test]
fn a_proof_that_the_server_does_not_answer_with_its_own_is_none() {
    let mut talk = Talk::with_sasl("hunter2");
    talk.says(":s CAP * LS :sasl=SCRAM-SHA-256");
    talk.says(":s CAP * ACK :sasl");
    talk.says("AUTHENTICATE +");
    talk.says(":s 903 * :SASL authentication successful");
    assert!(matches!(&talk.out.end, Some(End::Refused(text)) if text.contains("could not prove")));
    assert!(!talk.shake.proven);
}

#[test]
fn a_certificate_of_another_account_does_not_let_us_speak() {
    let mut talk = Talk::with_sasl("hunter2");
    let with_certificate = |talk: &mut Talk, line: &str| {
        let mut persona = talk.persona();
        persona.proof.iter_mut().for_each(|proof| proof.certificate = true);
        talk.shake.hear(&Line::read(line).unwrap(), &persona, &mut talk.out);
    };
    for line in [":s CAP * LS :sasl=EXTERNAL", ":s CAP * ACK :sasl", "AUTHENTICATE +"] {
        with_certificate(&mut talk, line);
    }
    with_certificate(&mut talk, ":s 900 * rialto!r@h somebody :You are now logged in");
    assert!(
        matches!(&talk.out.end, Some(End::Refused(text)) if text.contains("belongs to the account somebody"))
    );
    let mut talk = Talk::with_sasl("hunter2");
    for line in [
        ":s CAP * LS :sasl=EXTERNAL",
        ":s CAP * ACK :sasl",
        "AUTHENTICATE +",
        ":s 900 * rialto!r@h Bridge :You are now logged in",
        ":s 903 * :done",
    ] {
        with_certificate(&mut talk, line);
    }
    assert!(talk.shake.proven && talk.out.end.is_none());
}

#[test]
fn a_server_that_wants_tls_gets_it_and_its_policy_counts_only_when_it_came_by_tls() {
    let offer = ":s CAP * LS :sts=duration=86400,port=6697 multi-prefix";
    let mut talk = Talk::new("");
    talk.says(offer);
    assert_eq!((&talk.out.end, talk.out.policy), (&Some(End::Secure(6697)), None));
    let mut talk = Talk::new("");
    talk.shake = Handshake::new(true);
    assert_eq!(talk.says(offer), ["CAP REQ :multi-prefix"], "sts itself is never asked for");
    assert_eq!((&talk.out.end, talk.out.policy), (&None, Some(86400)));
    for odd in ["sts", "sts=port=0", "sts=port=99999", "sts=port", "sts=duration=1"] {
        let mut talk = Talk::new("");
        talk.says(&format!(":s CAP * LS :{odd}"));
        assert_eq!((&talk.out.end, talk.out.policy), (&None, None), "{odd}");
    }
}

#[test]
fn one_capability_that_is_refused_does_not_cost_the_others() {
    let mut talk = Talk::new("");
    talk.says(":s CAP * LS :multi-prefix batch draft/multiline=max-bytes=4096,max-lines=24");
    let again = talk.says(":s CAP * NAK :multi-prefix batch draft/multiline");
    assert_eq!(again, ["CAP REQ :multi-prefix", "CAP REQ :batch", "CAP REQ :draft/multiline"]);
    assert!(talk.says(":s CAP * ACK :multi-prefix").is_empty());
    assert!(talk.says(":s CAP * NAK :batch").is_empty());
    assert_eq!(talk.says(":s CAP * ACK :draft/multiline"), ["CAP END"]);
    assert_eq!(talk.shake.multiline(), Some((4096, 24)));
}
