//! Random input from a seed, for tests that must fail again in the same way.

/// A small generator (SplitMix64).
pub(crate) struct Seeded(u64);

/// What text is made of where it hurts.
const BITS: &[&str] = &[
    "a",
    "word",
    " ",
    "  ",
    "\n",
    "\t",
    "é",
    "e\u{301}",
    "👩‍👩‍👧",
    "🏳️‍🌈",
    "漢字",
    "\u{200B}",
    "\u{202E}",
    ":",
    "<x>",
    "🇩🇪",
    "न्दी",
    "…",
];

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Seeded(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub(crate) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// Up to so many bits of difficult text.
    pub(crate) fn prose(&mut self, most: usize) -> String {
        (0..self.below(most)).map(|_| *self.one_of(BITS)).collect()
    }
}
