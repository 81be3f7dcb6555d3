//! Reactions are emoji of Unicode elsewhere; a guild's own pictures become the emoji that says most nearly the same.

use crate::discord::wire::Emoji;
use unicode_segmentation::UnicodeSegmentation;

/// What names of pictures mean, where they mean something.
const MEANINGS: &[(&str, &str)] = &[
    ("thumbsup", "👍"),
    ("plus1", "👍"),
    ("upvote", "👍"),
    ("yes", "✅"),
    ("check", "✅"),
    ("thumbsdown", "👎"),
    ("minus1", "👎"),
    ("downvote", "👎"),
    ("heart", "❤️"),
    ("love", "❤️"),
    ("fire", "🔥"),
    ("party", "🎉"),
    ("tada", "🎉"),
    ("laugh", "😂"),
    ("lol", "😂"),
    ("kek", "😂"),
    ("lul", "😂"),
    ("cry", "😢"),
    ("sad", "😢"),
    ("angry", "😠"),
    ("think", "🤔"),
    ("wave", "👋"),
    ("clap", "👏"),
    ("pray", "🙏"),
    ("eyes", "👀"),
    ("star", "⭐"),
    ("smile", "🙂"),
];

/// A picture whose name tells nothing.
const PICTURE: &str = "🖼️";

/// The emoji as others see it: one grapheme of Unicode.
pub(super) fn shown(emoji: &Emoji) -> String {
    if emoji.id.is_none() {
        let name = crate::model::harmless_line(&emoji.name);
        return name.graphemes(true).next().unwrap_or(PICTURE).to_owned();
    }
    let name = emoji.name.to_lowercase();
    let meant = MEANINGS.iter().find(|(word, _)| name.contains(word));
    meant.map_or(PICTURE, |(_, emoji)| emoji).to_owned()
}

/// The emoji as Discord's addresses name it.
pub(in crate::discord) fn named(emoji: &Emoji) -> String {
    match emoji.id {
        Some(id) => format!("{}:{id}", if emoji.name.is_empty() { "_" } else { &emoji.name }),
        None => emoji.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discord::snowflake::Id;

    #[test]
    fn a_picture_becomes_what_it_means() {
        let custom = |name: &str| Emoji { id: Some(Id(5)), name: name.into() };
        assert_eq!(shown(&custom("catHeart")), "❤️");
        assert_eq!(shown(&custom("x9")), PICTURE);
        assert_eq!(shown(&Emoji { id: None, name: "👍🏽".into() }), "👍🏽");
        assert_eq!(named(&custom("x9")), "x9:5");
    }
}
