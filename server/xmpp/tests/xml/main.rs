//! The wire from outside: framer, parser, writer and addresses against hostile, broken and random input.

mod dice;
mod hostile;
mod mutations;
mod oracle;
mod trees;
mod wire;
