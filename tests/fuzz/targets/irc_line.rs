//! Feeds `inputs::irc_line` whatever libFuzzer thinks of.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rialto_tests::inputs::irc_line(data));
