//! Messages, webhooks, reactions and files from both sides.

use rialto_fake_discord::{File, Setup};
use serde_json::json;
use serenity::all::{
    CreateAllowedMentions, CreateAttachment, CreateMessage, CreateThread, CreateWebhook, EditChannel,
    EditMessage, EditWebhookMessage, Event, ExecuteWebhook, GetMessages, MessageId, ReactionType,
};

use super::client::{Serenity, channel, discord, guild, http, wanted};

#[tokio::test]
async fn what_people_do_is_heard() {
    let discord = discord().await;
    let mut client = Serenity::login(&discord, wanted()).await;
    let Event::GuildCreate(event) = client.hears(|event| matches!(event, Event::GuildCreate(_))).await else {
        panic!()
    };
    assert_eq!(
        (event.guild.name.as_str(), event.guild.channels.len(), event.guild.members.len()),
        ("Guild", 2, 1)
    );

    let first = discord.say("alice", "general", "hello <@123456789012345678>");
    assert_eq!(client.hears_message().await, "hello <@123456789012345678>");
    discord.edit("alice", first, "hello there");
    let Event::MessageUpdate(edit) = client.hears(|event| matches!(event, Event::MessageUpdate(_))).await
    else {
        panic!()
    };
    assert_eq!(edit.content.as_deref(), Some("hello there"));
    discord.reply("bob", first, "hi");
    let Event::MessageCreate(reply) = client.hears(|event| matches!(event, Event::MessageCreate(_))).await
    else {
        panic!()
    };
    assert_eq!(reply.message.referenced_message.map(|it| it.content), Some("hello there".to_owned()));
    assert_eq!(reply.message.member.expect("a member").nick, None);
    discord.react("bob", first, "🙂");
    let Event::ReactionAdd(react) = client.hears(|event| matches!(event, Event::ReactionAdd(_))).await else {
        panic!()
    };
    assert_eq!(react.reaction.emoji, ReactionType::Unicode("🙂".into()));
    discord.unreact("bob", first, "🙂");
    client.hears(|event| matches!(event, Event::ReactionRemove(_))).await;
    discord.upload("bob", "general", "", &[File { name: "a b.txt".into(), bytes: b"text".to_vec() }]);
    let Event::MessageCreate(file) = client.hears(|event| matches!(event, Event::MessageCreate(_))).await
    else {
        panic!()
    };
    let file = &file.message.attachments[0];
    assert_eq!((file.filename.as_str(), file.size), ("a_b.txt", 4));
    let got = reqwest::get(&file.url).await.expect("served").bytes().await.expect("read");
    assert_eq!(&got[..], b"text");
    discord.type_in("carol", "general");
    client.hears(|event| matches!(event, Event::TypingStart(_))).await;
    discord.pin("alice", first);
    client.hears(|event| matches!(event, Event::ChannelPinsUpdate(_))).await;
    discord.rename("carol", Some("Caro"));
    client.hears(|event| matches!(event, Event::GuildMemberUpdate(_))).await;
    discord.join("dave");
    client.hears(|event| matches!(event, Event::GuildMemberAdd(_))).await;
    discord.ban("dave", 0);
    client.hears(|event| matches!(event, Event::GuildBanAdd(_))).await;
    discord.thread("alice", "general", "aside", Some(first));
    client.hears(|event| matches!(event, Event::ThreadCreate(_))).await;
    discord.set_channel("general", &json!({"topic": "tea"}));
    client.hears(|event| matches!(event, Event::ChannelUpdate(_))).await;
    discord.delete("alice", first);
    client.hears(|event| matches!(event, Event::MessageDelete(_))).await;
    assert_eq!(discord.violations(), [""; 0]);
}

#[tokio::test]
async fn a_bot_speaks_changes_reacts_and_reads() {
    let discord = discord().await;
    let (http, general) = (http(&discord), channel(&discord, "general"));
    let words = CreateMessage::new().content("hi @everyone").allowed_mentions(CreateAllowedMentions::new());
    let mut said = general.send_message(&http, words).await.expect("said");
    said.edit(&http, EditMessage::new().content("ho")).await.expect("edited");
    said.react(&http, '🙂').await.expect("reacted");
    let file = CreateAttachment::bytes(b"bytes".to_vec(), "file.bin");
    general.send_files(&http, [file], CreateMessage::new()).await.expect("sent");
    general.broadcast_typing(&http).await.expect("typed");
    general.pin(&http, said.id).await.expect("pinned");
    let seen = discord.messages("general");
    assert_eq!((seen[0].content.as_str(), seen[0].edited, seen[0].pinned), ("ho", true, true));
    assert!(seen[0].pinged.is_empty(), "{:?}", seen[0].pinged);
    assert_eq!(seen[0].reactions, [("🙂".to_owned(), vec!["bridge".to_owned()])]);
    assert_eq!((seen[1].attachments[0].0.as_str(), seen[1].attachments[0].2), ("file.bin", 5));

    for text in ["one", "two", "three"] {
        discord.say("alice", "general", text);
    }
    let after = general.messages(&http, GetMessages::new().after(said.id).limit(100)).await.expect("read");
    let texts: Vec<_> = after.iter().map(|it| it.content.as_str()).collect();
    assert_eq!(texts, ["three", "two", "one", "", ""]); // a file and a notice of the pin have no words
    general.delete_messages(&http, after.iter().map(|it| it.id).take(2)).await.expect("deleted");
    let thread =
        general.create_thread_from_message(&http, said.id, CreateThread::new("aside")).await.expect("opened");
    thread.id.say(&http, "in here").await.expect("said");
    general.edit(&http, EditChannel::new().topic("tea")).await.expect("changed");
    let members = guild(&discord).members(&http, Some(100), None).await.expect("members");
    assert_eq!(members.len(), 5);
    assert_eq!(discord.violations(), [""; 0]);
}

#[tokio::test]
async fn a_webhook_speaks_as_somebody_and_minds_its_own_messages() {
    let discord = discord().await;
    let (http, general) = (http(&discord), channel(&discord, "general"));
    let hook = general.create_webhook(&http, CreateWebhook::new("rialto")).await.expect("made");
    assert!(hook.token.is_some() && hook.application_id.is_some());
    let words = ExecuteWebhook::new()
        .content("hello from afar")
        .username("Juliet")
        .avatar_url("https://example.org/juliet.png")
        .allowed_mentions(CreateAllowedMentions::new());
    let said = hook.execute(&http, true, words).await.expect("executed").expect("waited for");
    let seen = discord.messages("general");
    assert_eq!((seen[0].author.as_str(), seen[0].content.as_str()), ("Juliet", "hello from afar"));
    assert_eq!(seen[0].avatar.as_deref(), Some("https://example.org/juliet.png"));
    hook.edit_message(&http, said.id, EditWebhookMessage::new().content("changed")).await.expect("edited");
    assert_eq!(discord.messages("general")[0].content, "changed");
    assert_eq!(hook.get_message(&http, None, said.id).await.expect("got").content, "changed");
    hook.delete_message(&http, None, said.id).await.expect("deleted");
    assert!(discord.messages("general").is_empty());
    let gone = hook.delete_message(&http, None, MessageId::new(1)).await;
    assert!(gone.is_err_and(|error| error.to_string().contains("Unknown Message")));
    assert_eq!(discord.violations(), [""; 0]);

    for (name, says) in
        [("Discord Fan", "cannot contain"), ("clyde", "cannot contain"), ("everyone", "cannot be")]
    {
        let words = ExecuteWebhook::new().content("x").username(name);
        let refused = hook.execute(&http, true, words).await.expect_err("refused");
        assert!(format!("{refused:?}").contains(says), "{refused:?}");
    }
    discord.drop_webhooks("general");
    let refused = hook.execute(&http, true, ExecuteWebhook::new().content("x")).await.expect_err("gone");
    assert!(refused.to_string().contains("Unknown Webhook"), "{refused}");
}

#[tokio::test]
async fn without_the_intent_what_others_say_is_empty() {
    let world = json!({"guild": {"name": "g", "channels": ["general"], "members": ["alice"]},
                       "privileged": {"content": false}});
    let discord = rialto_fake_discord::Discord::start(Setup::of(world)).await.expect("a port");
    let refused = Serenity::start(&discord, wanted()).await.ends().await;
    assert!(format!("{refused:?}").contains("DisallowedGatewayIntents"), "{refused:?}");
    let mut client = Serenity::login(&discord, serenity::all::GatewayIntents::non_privileged()).await;
    discord.say("alice", "general", "a secret");
    assert_eq!(client.hears_message().await, "");
    discord.say("alice", "general", "not for <@123456789012345678>");
    assert_eq!(client.hears_message().await, "not for <@123456789012345678>");
    assert_eq!(discord.violations(), [""; 0]);
}
