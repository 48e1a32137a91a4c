//! A training whose losses are no numbers any more.

use crate::util::{CPU, Place};
use crate::whole::read_whole;

#[test]
fn a_diverging_training_exits_with_3_and_keeps_the_last_good_checkpoint() {
    let place = Place::new();
    // Sixteen layers and steps of 10: the logits overflow as soon as there was an update.
    let hidden = ["512"; 16].join(",");
    let sizes = format!("--latent 8 --generator-hidden 32 --discriminator-hidden {hidden}");
    let how = "--recipe plain --batch 4 --lr 10 --sample-every 1 --checkpoint-every 1";
    let args = format!("--dataset synthetic --device {CPU} {sizes} {how}");
    let ran = place.gan_train(&format!("{args} --epochs 50 --json --out run"));
    let ran = ran.fails(3, &["diverged", "--lr", "last good checkpoint is run/ckpt.mpk"]);
    let object = ran.object();
    assert_eq!(object["outcome"], "diverged");
    let diverged = object["epochs"].as_u64().unwrap();
    assert!((1..10).contains(&diverged), "{object}");

    // The checkpoint is that of the epoch before, when all was well.
    place.gan_train(&format!("{args} --epochs {} --quiet --out good", diverged - 1)).ok();
    for run in ["run", "good"] {
        for weights in ["", "--raw"] {
            let out = format!("{run}{weights}.npy");
            place.sample(&format!("--checkpoint {run} {weights} --out {out}")).ok();
        }
    }
    assert_eq!(place.read("run.npy"), place.read("good.npy"));
    assert_eq!(place.read("run--raw.npy"), place.read("good--raw.npy"));
    let before = place.read("run/ckpt.mpk");
    place.resume("run", "").fails(3, &[&format!("diverged by epoch {diverged}")]);
    assert!(place.read("run/ckpt.mpk") == before, "the checkpoint is as it was");
    for row in place.rows("run") {
        assert!(row["d_loss"].is_f64() && row["g_loss"].is_f64(), "{row}");
    }
}

#[test]
fn a_net_that_is_no_net_any_more_is_never_written() {
    let place = Place::new();
    // The hinge takes logits of 1e30, but Adam squares what comes of them.
    let hidden = ["512"; 8].join(",");
    let sizes = format!("--latent 8 --generator-hidden 32 --discriminator-hidden {hidden}");
    let how = "--recipe plain --loss hinge --batch 4 --lr 10 --eval-every 0";
    let when = "--epochs 50 --sample-every 1 --checkpoint-every 7 --quiet --json";
    let args = format!("--dataset synthetic --device {CPU} {sizes} {how} {when} --out run");
    let words = ["diverged by epoch 7", "a weight, or what Adam keeps", "--lr", "--recipe default"];
    let ran = place.gan_train(&args).fails(3, &words);
    assert_eq!(ran.object()["outcome"], "diverged");

    // The losses were numbers to the last, and the checkpoint is the one before, whole.
    let rows = place.rows("run");
    assert_eq!(rows.last().unwrap()["epoch"], 7);
    assert!(rows.iter().all(|row| row["d_loss"].is_f64() && row["g_loss"].is_f64()), "{rows:?}");
    assert_eq!(read_whole(&place.path("run/ckpt.mpk")), 0);
    place.sample("--checkpoint run --out digits.png").ok();
}
