//! The same seed produces the same files, and only one gan-train can use a run.

use crate::util::Place;

#[test]
fn the_same_seed_produces_the_same_files_in_any_directory() {
    let place = Place::new();
    for run in ["a", "deeper/b"] {
        place.train(&format!("--epochs 30 --sample-every 15 --seed 7 --quiet --out {run}")).ok();
    }
    place.assert_same_run("a", "deeper/b");
    place.assert_same_run("deeper/b", "a");
}

#[test]
fn the_number_of_threads_does_not_change_the_result() {
    let place = Place::new();
    for threads in ["1", "2", "5"] {
        let args = "--epochs 20 --batch 100 --quiet --generator-hidden 100,300";
        place.train(&format!("{args} --threads {threads} --out {threads}")).ok();
        let args = format!("--checkpoint 1 --count 100 --threads {threads} --out {threads}.npy");
        place.sample(&args).ok();
    }
    for threads in ["2", "5"] {
        place.assert_same_run("1", threads);
        assert_eq!(place.read("1.npy"), place.read(&format!("{threads}.npy")));
    }
}

#[test]
fn the_instruction_set_does_not_change_the_result() {
    const VARIABLE: &str = "GAN_INSTRUCTION_SET";
    let place = Place::new();
    for (name, flags) in [
        ("dense", "--family dense --conditional"),
        ("conv", "--family conv --conditional"),
        ("plain", "--family dense"),
    ] {
        let args = format!("{flags} --epochs 6 --recipe default --quiet");
        place.train(&format!("{args} --out {name}-best")).ok();
        for set in ["scalar", "avx2", "avx512", "neon"] {
            let run = format!("{name}-{set}");
            let ran = place.start_with(&format!("{args} --out {run}"), &[(VARIABLE, set)]).ended();
            if ran.code == Some(2) {
                ran.fails(2, &[VARIABLE, set, "does not have"]);
                assert_ne!(set, "scalar", "every processor has it");
            } else {
                ran.ok();
                place.assert_same_run(&run, &format!("{name}-best"));
            }
        }
    }
    let ran = place.start_with("--epochs 1", &[(VARIABLE, "mmx")]).ended();
    ran.fails(2, &[VARIABLE, "mmx", "expected one of scalar, avx2"]);
}

#[test]
fn more_threads_than_processors_are_not_used() {
    let place = Place::new();
    let ran = place.train("--epochs 2 --threads 1000 --out run").ok();
    assert!(ran.stderr.contains("--threads 1000, but this process may use"), "{ran:?}");
    place.train("--epochs 2 --threads 0 --out other").fails(2, &["--threads is 0"]);
}

#[test]
fn different_seeds_produce_different_results() {
    let place = Place::new();
    for seed in ["1", "2"] {
        place.train(&format!("--epochs 20 --seed {seed} --quiet --out {seed}")).ok();
    }
    assert_ne!(place.read("1/ckpt.mpk"), place.read("2/ckpt.mpk"));
    assert_ne!(place.rows("1"), place.rows("2"));
    let (one, two) = (place.previews("1"), place.previews("2"));
    for (name, bytes) in one {
        assert_ne!(bytes, two[&name], "{name}");
    }
    assert_eq!(place.read("1/reals.png"), place.read("2/reals.png"), "the data set is the same");
}

#[test]
fn previews_and_checkpoints_do_not_change_the_result() {
    let place = Place::new();
    place.train("--epochs 40 --quiet --out rare").ok();
    place.train("--epochs 40 --sample-every 3 --checkpoint-every 7 --quiet --out often").ok();
    let row = |run: &str| place.rows(run).into_iter().find(|row| row["epoch"] == 40).unwrap();
    assert_eq!(row("rare"), row("often"));
    for run in ["rare", "often"] {
        place.sample(&format!("--checkpoint {run} --raw --out {run}.npy")).ok();
    }
    assert_eq!(place.read("rare.npy"), place.read("often.npy"));
}

#[test]
fn a_second_gan_train_on_a_directory_fails_at_once() {
    let place = Place::new();
    let mut first = place.start("--epochs 1000000 --checkpoint-every 10 --quiet --out run");
    first.until(|| !place.rows("run").is_empty());
    // Before it looks for the images.
    place.resume("run", "--data none").fails(1, &["run is in use by another gan-train"]);
    place.train("--epochs 1 --out run").fails(1, &["run"]);

    // The first process continues.
    let before = place.rows("run").len();
    first.until(|| place.rows("run").len() > before);
    drop(first);
    place.resume("run", "--epochs 0").fails(2, &["--epochs 0"]);
}
