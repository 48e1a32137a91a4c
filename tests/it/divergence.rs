//! A training whose losses or weights become infinite or NaN.

use crate::util::{CPU, Place};
use crate::whole::read_whole;

#[test]
fn a_diverging_training_exits_with_3_and_keeps_the_last_good_checkpoint() {
    let place = Place::new();
    // Sixteen layers and a learning rate of 10: the logits overflow after the first update.
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

    // The checkpoint is that of the epoch before, with finite losses.
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
    assert!(place.read("run/ckpt.mpk") == before, "the checkpoint is unchanged");
    for row in place.rows("run") {
        assert!(row["d_loss"].is_f64() && row["g_loss"].is_f64(), "{row}");
    }
}

#[test]
fn non_finite_weights_are_never_saved() {
    let place = Place::new();
    // The hinge loss of logits of 1e30 is finite, but Adam squares the gradients.
    let hidden = ["512"; 8].join(",");
    let sizes = format!("--latent 8 --generator-hidden 32 --discriminator-hidden {hidden}");
    let how = "--recipe plain --loss hinge --batch 4 --lr 10 --eval-every 0";
    let when = "--epochs 50 --sample-every 1 --checkpoint-every 7 --quiet --json";
    let args = format!("--dataset synthetic --device {CPU} {sizes} {how} {when} --out run");
    let expected =
        ["diverged by epoch 7", "a weight, or one of Adam's moments", "--lr", "--recipe default"];
    let ran = place.gan_train(&args).fails(3, &expected);
    assert_eq!(ran.object()["outcome"], "diverged");

    // All losses are finite, and the checkpoint is the one before, intact.
    let rows = place.rows("run");
    assert_eq!(rows.last().unwrap()["epoch"], 7);
    assert!(rows.iter().all(|row| row["d_loss"].is_f64() && row["g_loss"].is_f64()), "{rows:?}");
    assert_eq!(read_whole(&place.path("run/ckpt.mpk")), 0);
    place.sample("--checkpoint run --out digits.png").ok();
}
