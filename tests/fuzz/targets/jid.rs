//! Feeds `inputs::jid` whatever libFuzzer thinks of.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rialto_tests::inputs::jid(data));
