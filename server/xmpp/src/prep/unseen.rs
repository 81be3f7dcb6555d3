//! RFC 8264 §9.13, §9.14: characters that are not seen or have no meaning: in a name they only deceive.

/// Controls, default ignorables, noncharacters, private use, line and paragraph separators.
pub(super) fn is_unseen(c: char) -> bool {
    c.is_control() || is_ignorable(c) || is_noncharacter(c) || is_private(c) || is_annotation(c)
}

/// Default_Ignorable_Code_Point: joiners, directions, fillers, variation selectors, tags.
fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

fn is_noncharacter(c: char) -> bool {
    let code = u32::from(c);
    (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
}

fn is_private(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..)
}

/// Line and paragraph separators, interlinear annotation, replacement character for objects.
fn is_annotation(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffc}')
}
