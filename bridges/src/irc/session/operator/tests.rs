//! Rank, secrecy and invitations.

use super::*;
use crate::irc::session::tests::Net;

fn about(news: Vec<Incoming>) -> Vec<(bool, Option<u64>)> {
    let one = |news: Incoming| match news {
        Incoming::About(about) => Some((about.hidden, about.slow.map(|slow| slow.as_millis() as u64))),
        _ => None,
    };
    news.into_iter().filter_map(one).collect()
}

#[test]
fn a_secret_channel_is_hidden_before_anybody_is_told_who_is_there() {
    let mut net = Net::new("");
    net.want("#lounge");
    net.says(":rialto!~r@h JOIN #lounge");
    net.says(":s 353 rialto @ #lounge :rialto ann");
    net.says(":s 366 rialto #lounge :End");
    let news = net.news();
    assert!(
        matches!(&news[..], [Incoming::About(About { hidden: true, .. }), Incoming::Members(_)]),
        "{news:?}"
    );
}

#[test]
fn secrecy_is_watched_while_we_are_there() {
    let mut net = Net::lounge("@ann");
    assert_eq!(about(net.hears(":ann!a@h MODE #lounge +s")), [(true, None)]);
    assert_eq!(about(net.hears(":ann!a@h MODE #lounge +t-s")), [(false, None)]);
    assert_eq!(about(net.hears(":ann!a@h MODE #lounge +p")), [(true, None)]);
    assert_eq!(about(net.hears(":s 324 rialto #lounge +nt")), [(false, None)]);
    assert!(about(net.hears(":s 324 rialto #lounge +nt")).is_empty());
}

#[test]
fn limits_of_pace_are_told() {
    let mut net = Net::new("");
    net.says(":s 005 rialto CHANMODES=beI,k,fl,imnst :are supported");
    net.want("#lounge");
    net.enter("@ann");
    net.news();
    assert_eq!(about(net.hears(":ann!a@h MODE #lounge +f *5:10")), [(false, Some(2000))]);
    assert_eq!(about(net.hears(":ann!a@h MODE #lounge -f")), [(false, None)]);
    for odd in ["x", "0:5", "5:0", "5:x", ":", "5:99999999999"] {
        assert_eq!(pace(odd), None, "{odd}");
    }
}

#[test]
fn an_invitation_to_a_channel_that_we_want_is_followed_at_once() {
    let mut net = Net::new("");
    net.want("#lounge");
    net.says(":s 473 rialto #lounge :Cannot join channel (+i)");
    net.sent();
    net.says(":ann!a@h INVITE somebody #lounge");
    net.says(":ann!a@h INVITE rialto #elsewhere");
    assert!(net.sent().is_empty());
    net.says(":ann!a@h INVITE rialto :#Lounge");
    assert_eq!(net.sent(), ["JOIN #lounge"]);
}

fn does(net: &mut Net, person: &str, what: Sanction) -> Result<String, String> {
    let done = net.session.sanction(&"#lounge".into(), person, &what, &mut net.out);
    done.map(|ask| ask.line).map_err(|error| error.to_string())
}

fn operator() -> Net {
    let mut net = Net::new("moderate = true");
    net.want("#lounge");
    net.enter("@ann bea!b@bea.example cid");
    net.says(":s MODE #lounge +o rialto");
    net.says("@account=cidney :cid!c@h PRIVMSG #lounge :hi");
    net.says(":cid!c@h ACCOUNT cidney");
    net.news();
    net
}

#[test]
fn bans_are_by_account_else_by_host_and_are_undone_as_they_were_made() {
    let mut net = operator();
    net.says(":s 005 rialto EXTBAN=$,a :are supported");
    let ban = || Sanction::Ban { reason: Some("spam".into()) };
    assert_eq!(
        does(&mut net, "cid", ban()).unwrap(),
        "MODE #lounge +b $a:cidney\r\nKICK #lounge cid :spam\r\n"
    );
    assert_eq!(
        does(&mut net, "bea", ban()).unwrap(),
        "MODE #lounge +b *!*@bea.example\r\nKICK #lounge bea :spam\r\n"
    );
    assert_eq!(does(&mut net, "gone", ban()).unwrap(), "MODE #lounge +b gone!*@*\r\n");
    net.says(":bea!b@bea.example QUIT :x");
    assert_eq!(does(&mut net, "bea", Sanction::Unban).unwrap(), "MODE #lounge -b *!*@bea.example\r\n");
    let kick = Sanction::Kick { reason: None };
    assert_eq!(does(&mut net, "cid", kick.clone()).unwrap(), "KICK #lounge cid :no reason was given\r\n");
    assert!(does(&mut net, "bea", kick).unwrap_err().contains("not in #lounge"));
}

#[test]
fn without_rank_or_leave_nothing_is_done_and_the_error_says_what_is_missing() {
    let mut net = operator();
    net.says(":ann!a@h MODE #lounge -o rialto");
    let error = does(&mut net, "bea", Sanction::Unban).unwrap_err();
    assert!(error.contains("must give rialto +o"), "{error}");
    let mut net = Net::lounge("bea");
    assert!(does(&mut net, "bea", Sanction::Unban).unwrap_err().contains("`moderate` is not set"));
}
