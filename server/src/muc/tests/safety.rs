//! What a room promises when the disk does not keep up, and how much it may cost.

use std::time::Instant;

use super::stage::Stage;
use crate::muc::Effect;

#[test]
fn what_is_kept_is_said_before_anybody_hears_of_it() {
    let mut stage = Stage::with(&["romeo", "juliet"]);
    stage.speaks("romeo", "one");
    let at = |wanted: fn(&Effect) -> bool| stage.effects.iter().position(wanted).unwrap();
    assert!(
        at(|effect| matches!(effect, Effect::Archive(_))) < at(|effect| matches!(effect, Effect::Tell(..)))
    );
}

#[test]
fn words_cost_one_stanza_however_many_hear_them() {
    let mut stage = Stage::with(&["romeo"]);
    for number in 0..200 {
        stage.enters(&format!("guest{number}"), &format!("guest{number}"));
        stage.hush();
    }
    stage.speaks("romeo", "to all");
    let told = stage.effects.iter().filter(|effect| matches!(effect, Effect::Tell(..))).count();
    assert_eq!((told, stage.hears("guest199").len()), (1, 1));
    let began = Instant::now();
    (0..100).for_each(|_| stage.speaks("romeo", "to all"));
    // 20,000 deliveries, written out as text for each here: far below a second even on a busy machine.
    assert!(began.elapsed().as_secs() < 20);
}
