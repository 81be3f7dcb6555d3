//! XEP-0379 §6, XEP-0445 §4: a token is good for whom it was meant, as often as it was meant, until it ends.

use super::*;

fn invites() -> (Store, Arc<Invites>) {
    let store = Store::memory();
    (store.clone(), Invites::new(&store, &config::Invites::default()))
}

fn wanted() -> Wanted {
    Wanted { domain: "localhost".into(), account: true, ..Wanted::default() }
}

fn token_of(made: &Made) -> String {
    made.uri.split_once("preauth=").unwrap().1.trim_end_matches(";ibr=y").to_owned()
}

async fn redeem(invites: &Arc<Invites>, found: &Found) -> bool {
    let Some(using) = invites.take(found).unwrap() else { return false };
    let mut batch = Batch::new();
    using.write(&mut batch).unwrap();
    invites.store.commit(batch).await.unwrap();
    true
}

#[tokio::test]
async fn a_token_is_found_redeemed_once_and_never_again() {
    let (_, invites) = invites();
    let made = invites.create(wanted()).await.unwrap();
    let token = token_of(&made);
    assert!(token.len() == 32 && !made.uri.contains(&made.id), "{made:?}");
    let found = invites.find(&token, "a").unwrap().unwrap();
    assert!(redeem(&invites, &found).await);
    assert!(!redeem(&invites, &found).await);
    assert_eq!(invites.find(&token, "a").unwrap(), None);
    assert_eq!(invites.list().unwrap(), []);
}

#[tokio::test]
async fn two_who_come_at_once_with_one_token_are_not_both_let_in() {
    let (store, invites) = invites();
    let found = invites.find(&token_of(&invites.create(wanted()).await.unwrap()), "a").unwrap().unwrap();
    let first = invites.take(&found).unwrap().unwrap();
    assert!(invites.take(&found).unwrap().is_none());
    drop(first); // it came to nothing
    let again = invites.take(&found).unwrap().unwrap();
    let mut batch = Batch::new();
    again.write(&mut batch).unwrap();
    again.sent(store.enqueue(batch));
    assert!(invites.take(&found).unwrap().is_none());
}

#[tokio::test]
async fn one_for_many_counts_its_uses() {
    let (_, invites) = invites();
    let made = invites.create(Wanted { uses: 3, ..wanted() }).await.unwrap();
    let token = token_of(&made);
    for left in [2, 1, 0] {
        let found = invites.find(&token, "a").unwrap().unwrap();
        assert!(redeem(&invites, &found).await);
        let uses: Vec<u32> = invites.list().unwrap().iter().map(|(_, invite)| invite.uses).collect();
        assert_eq!(uses, if left > 0 { vec![left] } else { vec![] });
    }
    assert_eq!(invites.find(&token, "a").unwrap(), None);
}

#[tokio::test]
async fn what_was_found_in_time_may_be_redeemed_after_its_end() {
    let (store, invites) = invites();
    let made = invites.create(wanted()).await.unwrap();
    let found = invites.find(&token_of(&made), "a").unwrap().unwrap();
    let mut batch = Batch::new();
    kept::put(&mut batch, &found.id, &Invite { expires: 1, ..found.invite.clone() }).unwrap();
    store.commit(batch).await.unwrap();
    assert_eq!(invites.find(&token_of(&made), "b").unwrap(), None);
    assert!(redeem(&invites, &found).await);
}

#[tokio::test]
async fn a_name_is_promised_to_one_and_freed_by_revoking() {
    let (store, invites) = invites();
    let juliet = BareJid::parse("juliet@localhost").unwrap();
    let named = || Wanted { reserve: Some(juliet.clone()), uses: 5, ..wanted() };
    let made = invites.create(named()).await.unwrap();
    assert_eq!(invites.create(named()).await, Err(InviteError::Taken(juliet.clone())));
    let found = invites.find(&token_of(&made), "a").unwrap().unwrap();
    assert_eq!(found.invite.uses, 1);
    assert!(Invites::promised(&store, &juliet, None).unwrap().is_some());
    assert_eq!(Invites::promised(&store, &juliet, Some(&found.id)).unwrap(), None);
    assert!(invites.revoke(&made.id).await.unwrap());
    assert!(!invites.revoke(&made.id).await.unwrap());
    assert_eq!(Invites::promised(&store, &juliet, None).unwrap(), None);
    assert!(invites.take(&found).unwrap().is_none());
}

#[tokio::test]
async fn guessing_ends_with_even_the_right_one_refused() {
    let (_, invites) = invites();
    let made = invites.create(wanted()).await.unwrap();
    for n in 0..10 {
        assert_eq!(invites.find(&format!("guess{n}"), "mallory").unwrap(), None);
    }
    assert_eq!(invites.find(&token_of(&made), "mallory").unwrap(), None);
    assert!(invites.guessed_too_often("mallory"));
    assert!(invites.find(&token_of(&made), "juliet").unwrap().is_some());
}

#[tokio::test]
async fn an_invitation_has_limits() {
    let (_, invites) = invites();
    let long = Wanted { expiry: Some(LONGEST * 2), ..wanted() };
    assert_eq!(invites.create(long).await, Err(InviteError::TooMuch));
    let often = Wanted { uses: MOST_USES + 1, ..wanted() };
    assert_eq!(invites.create(often).await, Err(InviteError::TooMuch));
}

#[tokio::test]
async fn there_is_a_page_only_where_nobody_can_read_along() {
    for (url, wanted) in [
        ("https://chat.example.org/", Some("https://chat.example.org/invite/")),
        ("http://chat.example.org", None),
        ("", None),
    ] {
        let (_, invites) = invites();
        invites.explained_below(&PublicUrl::chosen(url));
        let made = invites.create(self::wanted()).await.unwrap();
        assert_eq!(made.landing, wanted.map(|page| format!("{page}{}", token_of(&made))), "{url}");
    }
}
