//! What a far room can do.

/// What the far side can do. `degrade` reads it; a network is never asked for what it did not claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// How much text goes into one message.
    pub text: Limits,
    /// Bytes of a subject; `None` where we may not set one.
    pub subject: Option<usize>,
    /// Knows what a message answers.
    pub reply: bool,
    /// Not everybody sees what a message answers: the nick of whom it answers stands before the words as well.
    pub addressed: bool,
    /// Changes what was said.
    pub edit: bool,
    /// Takes back what was said.
    pub retract: bool,
    /// Shows reactions.
    pub react: bool,
    /// Shows files.
    pub attach: bool,
    /// Shows words that lead to an address; without, the address is written after them.
    pub link: bool,
    /// Shows who is writing.
    pub typing: bool,
    /// Shows who has read what.
    pub displayed: bool,
    /// Each author speaks under his own name; without, his nick is written before his words.
    pub names: bool,
    /// Nicks written before words must not alert their owners: they get an invisible character inside.
    pub quiet_names: bool,
    /// People of ours may have connections of their own there: `Network::seat` tells who is in the room.
    pub puppets: bool,
    /// People there can be put out and banned by `Network::sanction`.
    pub sanction: bool,
    /// Knows threads: `Message::thread` is kept.
    pub threads: bool,
    /// Addresses of files from there do not last, or are not for everybody: they are fetched by `Network::fetch` and kept
    /// by us.
    pub rehost: bool,
    /// Messages have names that come back with `Network::sent`: an answer that was lost can be looked for.
    pub finds: bool,
}

/// How much text goes into one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text.
    pub bytes: usize,
    /// Lines.
    pub lines: usize,
    /// Bytes that a span costs beside its text, in each message that holds some of it.
    pub span: usize,
    /// Messages that one message may become: a wall of text is cut off there, and says so.
    pub parts: usize,
}
