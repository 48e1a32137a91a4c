//! A training whose losses are no numbers any more.

use crate::util::{CPU, Place};

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
