//! Both ways at once: tables of markdown, and random text that must come back.

use super::{BREAK, Names, read, write};
use crate::model::{Span, Style, Text};
use crate::seeded::Seeded;
use std::ops::Range;

struct Guild;

impl Names for Guild {
    fn user(&self, id: u64) -> Option<(String, String)> {
        (id == 7).then(|| ("7".to_owned(), "ann".to_owned()))
    }
    fn role(&self, id: u64) -> Option<String> {
        (id == 8).then(|| "crew".to_owned())
    }
    fn channel(&self, id: u64) -> Option<String> {
        (id == 9).then(|| "general".to_owned())
    }
}

fn nobody(_: &str) -> Option<u64> {
    None
}

fn told(markdown: &str) -> (String, Vec<(String, Style)>) {
    let text = read(markdown, &Guild);
    let spans =
        text.spans().iter().map(|span| (text.plain()[span.range.clone()].to_owned(), span.style.clone()));
    (text.plain().to_owned(), spans.collect())
}

fn span(range: Range<usize>, style: Style) -> Span {
    Span { range, style }
}

#[test]
fn styles_are_read() {
    type Case = (&'static str, &'static str, &'static [(&'static str, Style)]);
    let cases: &[Case] = &[
        ("a **b** c", "a b c", &[("b", Style::Bold)]),
        ("*a* _b_", "a b", &[("a", Style::Italic), ("b", Style::Italic)]),
        (
            "__a__ ~~b~~ ||c||",
            "a b c",
            &[("a", Style::Underline), ("b", Style::Strike), ("c", Style::Spoiler)],
        ),
        ("***a***", "a", &[("a", Style::Italic), ("a", Style::Bold)]),
        ("**a *b***", "a b", &[("b", Style::Italic), ("a b", Style::Bold)]),
        ("*a **b** c*", "a b c", &[("b", Style::Bold), ("a b c", Style::Italic)]),
        ("**two\nlines**", "two\nlines", &[("two\nlines", Style::Bold)]),
        ("`a*b*` x", "a*b* x", &[("a*b*", Style::Code)]),
        ("`` a`b ``", "a`b", &[("a`b", Style::Code)]),
        ("# Title\nwords", "Title\nwords", &[("Title", Style::Bold)]),
        ("-# small", "small", &[]),
    ];
    for (markdown, plain, spans) in cases {
        let (words, found) = told(markdown);
        assert_eq!(words, *plain, "{markdown}");
        let expected: Vec<_> =
            spans.iter().map(|(word, style)| ((*word).to_owned(), style.clone())).collect();
        assert_eq!(found, expected, "{markdown}");
    }
}

#[test]
fn what_is_no_markup_stays_words() {
    for words in [
        "2 * 3 * 4",
        "snake_case_name",
        "a ** b",
        "****",
        "__",
        "`",
        "```",
        "|| x",
        "\\",
        "#tag",
        ">no",
        "[a](b)",
        "<nobody>",
        "[x](javascript:alert(1))",
        "https://a.example/x_y_z_",
        "*",
        "\u{1F44D}",
        "@everyone",
        "~~",
    ] {
        assert_eq!(told(words), (words.to_owned(), vec![]), "{words}");
    }
    assert_eq!(told(r"\*not\* \_so\_").0, "*not* _so_");
}

#[test]
fn blocks_and_quotes_are_lines() {
    let rust = Style::Block { language: Some("rust".into()) };
    let (plain, spans) = told("see ```rust\nfn *a*() {}\n``` end");
    assert_eq!(plain, "see \nfn *a*() {}\n end");
    assert_eq!(spans, [("fn *a*() {}".to_owned(), rust)]);
    let (plain, spans) = told("> to *be*\n> or\nend");
    assert_eq!(plain, "to be\nor\nend");
    assert_eq!(spans, [("be".to_owned(), Style::Italic), ("to be\nor".to_owned(), Style::Quote)]);
    assert_eq!(told(">>> a\nb").1, [("a\nb".to_owned(), Style::Quote)]);
    assert_eq!(told("```\n> no quote\n```").1, [("> no quote".to_owned(), Style::Block { language: None })]);
}

#[test]
fn names_in_brackets_become_words() {
    let mention = Style::Mention("7".into());
    assert_eq!(told("hi <@7> and <@!7>").1, [("@ann".into(), mention.clone()), ("@ann".into(), mention)]);
    assert_eq!(told("<@1> <@&8> <@&1> <#9> <#1>").0, "@unknown-user @crew @unknown-role #general #unknown");
    let image = Some("https://cdn.discordapp.com/emojis/12.webp".to_owned());
    assert_eq!(told("<:wave:12>"), (":wave:".to_owned(), vec![(":wave:".into(), Style::Emoji { image })]));
    assert_eq!(told("<t:0:d> </ban user:3> <https://a.example>").0, "1970-01-01 /ban user https://a.example");
}

#[test]
fn links_under_words_keep_their_address() {
    let link = Style::Link("https://a.example/_b_".into());
    assert_eq!(told("[see *it*](https://a.example/_b_)").0, "see it");
    assert_eq!(told("[see](<https://a.example/_b_>)").1, [("see".to_owned(), link.clone())]);
    let text = Text::styled("see it", vec![span(0..6, link)]);
    assert_eq!(write(&text, &nobody).0, "[see it](<https://a.example/_b_>)");
}

#[test]
fn styles_are_written_so_that_they_are_read_back() {
    for markdown in [
        "a **b** c",
        "*a* b",
        "__a__ ~~b~~ ||c||",
        "**a *b* c**",
        "`a*b*` x",
        "`` a`b ``",
        "> quoted\nnot",
        "```rust\nlet x = 1;\n```\nend",
        "https://a.example/x_y_z",
        "**bold** *it*",
    ] {
        let text = read(markdown, &Guild);
        assert_eq!(write(&text, &nobody).0, markdown);
    }
}

#[test]
fn words_of_other_networks_are_no_markup() {
    for (words, written) in [
        ("2 * 3", r"2 \* 3"),
        ("snake_case", r"snake\_case"),
        ("# no title", r"\# no title"),
        ("> no quote", r"\> no quote"),
        ("-# not small", r"\-# not small"),
        ("[x](https://evil.example)", r"\[x](https://evil.example)"),
        ("`x`", r"\`x\`"),
        ("C:\\new", r"C:\\new"),
    ] {
        assert_eq!(write(&Text::new(words), &nobody).0, written);
        assert_eq!(told(written).0, words);
    }
}

#[test]
fn nobody_is_alerted_but_those_whom_a_span_means() {
    for words in [
        "@everyone",
        "@here",
        "@EVERYONE",
        "<@7>",
        "<@!7>",
        "<@&8>",
        "<#9>",
        "x@here",
        "https://a.example/@everyone",
    ] {
        for text in [
            Text::new(words),
            Text::styled(words, vec![span(0..words.len(), Style::Code)]),
            Text::styled(words, vec![span(0..words.len(), Style::Block { language: None })]),
            Text::styled(words, vec![span(0..words.len(), Style::Mention("nobody".into()))]),
        ] {
            let (written, people) = write(&text, &nobody);
            assert!(!alive(&written), "{written}");
            assert!(people.is_empty(), "{people:?}");
        }
    }
    let text = Text::styled(
        "hi ann, ann",
        vec![span(3..6, Style::Mention("7".into())), span(8..11, Style::Mention("7".into()))],
    );
    let (written, people) = write(&text, &|author| author.parse().ok());
    assert_eq!((written.as_str(), people), ("hi <@7>, <@7>", vec![7]));
}

#[test]
fn random_text_comes_back_and_alerts_nobody() {
    for seed in 0..4000 {
        let mut seeded = Seeded::new(seed);
        let mut words = seeded.prose(12);
        for _ in 0..seeded.below(6) {
            let bits = [
                "*",
                "**",
                "_",
                "__",
                "`",
                "```",
                "||",
                "~~",
                "\\",
                "> ",
                "# ",
                "<@7>",
                "@everyone",
                "[",
                "](",
                ")",
                "https://x.example/_",
                "\n",
            ];
            let bit: &&str = seeded.one_of(&bits);
            words.push_str(bit);
            words.push_str(&seeded.prose(3));
        }
        let text = Text::new(words.as_str());
        let (written, people) = write(&text, &nobody);
        assert!(people.is_empty() && !alive(&written), "{seed}: {written:?}");
        let back = read(&written, &Guild);
        assert_eq!(bare(back.plain()), bare(text.plain()), "{seed}: {written:?}");
        let marks = back.spans().iter().filter(|span| !matches!(span.style, Style::Emoji { .. }));
        assert_eq!(marks.count(), 0, "{seed}: {written:?} has become markup");
    }
}

#[test]
fn random_markdown_is_read_without_harm() {
    let bits = [
        "*",
        "**",
        "_",
        "__",
        "`",
        "``",
        "```",
        "||",
        "~~",
        "\\",
        "\n> ",
        ">>> ",
        "\n# ",
        "<@7>",
        "[a](",
        "https://a.example/)",
        "<:a:1>",
        "x",
        " ",
        "é",
        "\n",
    ];
    for seed in 0..4000 {
        let mut seeded = Seeded::new(seed);
        let markdown: String = (0..seeded.below(40)).map(|_| *seeded.one_of(&bits)).collect();
        let text = read(&markdown, &Guild);
        for span in text.spans() {
            assert!(text.plain().get(span.range.clone()).is_some(), "{seed}");
        }
        let (written, _) = write(&text, &nobody);
        assert!(!alive(&written), "{seed}: {written:?}");
        let back = read(&written, &Guild);
        assert_eq!(bare(back.plain()), bare(text.plain()), "{seed}: {markdown:?} {written:?}");
    }
    let deep = "**__".repeat(2000);
    let started = std::time::Instant::now();
    let text = read(&deep, &Guild);
    assert!(text.plain().chars().all(|c| matches!(c, '*' | '_')) && started.elapsed().as_secs() < 2);
}

/// Would alert somebody, or open a name.
fn alive(written: &str) -> bool {
    let lower = written.to_lowercase();
    ["@everyone", "@here", "<@", "<#", "\0", "\r"].iter().any(|live| lower.contains(live))
}

/// Words without what is invisible, and without white space, which marks may move.
fn bare(text: &str) -> String {
    let mut bare: String = text.chars().filter(|c| !c.is_whitespace() && *c != BREAK).collect();
    for (code, c) in
        [("%40", "@"), ("%2A", "*"), ("%5F", "_"), ("%7E", "~"), ("%7C", "|"), ("%60", "`"), ("%5C", "\\")]
    {
        bare = bare.replace(code, c);
    }
    bare
}
