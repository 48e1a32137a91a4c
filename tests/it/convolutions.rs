//! Convolutional nets keep the promises that dense ones keep.

use crate::any_images::write_images;
use crate::util::Place;

const CONV: &str = "--family conv --quiet";

#[test]
fn a_resumed_convolutional_run_equals_an_uninterrupted_one_with_any_threads() {
    for flags in [
        "",
        "--recipe default",
        "--spectral-norm --minibatch-stddev 4 --r1 0.1 --r2 0.1 --d-steps 2",
        "--conditional --kernel 5 --dropout 0.2 --instance-noise 0.1 --loss hinge",
        "--conditional --class-head auxiliary --generator-norm none --clip 0.5",
    ] {
        let place = Place::new();
        place.train(&format!("{CONV} {flags} --epochs 9 --threads 1 --out whole")).ok();
        let parts = format!("{CONV} {flags} --epochs 9 --threads 3 --stop-after 4 --out parts");
        place.train(&parts).ok();
        place.resume("parts", "--quiet --threads 2").ok();
        place.assert_same_run("parts", "whole");
    }
}

#[test]
fn a_sample_of_a_convolutional_net_does_not_depend_on_the_others() {
    let place = Place::new();
    place.train(&format!("{CONV} --epochs 9 --out run")).ok();
    let npy = |flags: &str, name: &str| {
        place.sample(&format!("--checkpoint run --seed 3 {flags} --out {name}")).ok();
        let bytes = place.read(name);
        npyz::NpyFile::new(&bytes[..]).unwrap().into_vec::<u8>().unwrap()
    };
    let many = npy("--count 70 --threads 2", "many.npy");
    let few = npy("--count 3 --threads 1", "few.npy");
    assert!(many[..3 * 784] == few[..], "the first three samples differ");
    assert!(few[..784] != few[784..2 * 784], "samples differ from each other");
}

#[test]
fn colour_images_of_several_sizes_train() {
    let place = Place::new();
    write_images(&place, "mine");
    for (size, summary) in [("16", " 768-"), ("24x20", " 1440-"), ("40x48", " 5760-")] {
        let flags = format!(
            "--family conv --filters 3 --batch 8 --eval-every 0 --data mine --size {size} --channels 3"
        );
        place.gan_train(&format!("{flags} --epochs 2 --no-report --out {size}")).ok();
        let about = place.gan_train(&format!("{flags} --dry-run")).ok();
        assert!([about.stdout, about.stderr].concat().contains(summary), "{size}");
        place.sample(&format!("--checkpoint {size} --count 2 --out {size}.png")).ok();
    }
}

#[test]
fn a_recipe_without_its_dense_layers() {
    let place = Place::new();
    for (flags, nets) in [
        ("", "100-256-512-3136-6272-784"),
        ("--generator-hidden none --discriminator-hidden none", "100-3136-6272-784"),
    ] {
        let flags = format!("--recipe conv {flags} --dataset synthetic --dry-run");
        let about = place.gan_train(&flags).ok();
        assert!([about.stdout, about.stderr].concat().contains(&format!(" {nets}\n")), "{nets}");
    }
}

#[test]
fn what_convolutional_nets_cannot_do_is_refused_by_name() {
    let place = Place::new();
    write_images(&place, "mine");
    for (flags, words) in [
        ("--filters 0", "--filters is 0"),
        ("--filters 513", "--filters is 513"),
        ("--filters 18446744073709551615", "--filters"),
        ("--kernel 2", "--kernel is 2; expected 3 to 7"),
        ("--kernel 0", "--kernel is 0"),
        ("--pack 2", "--pack is 2; expected 1 with convolutional networks"),
        ("--conditional --class-head concatenation", "--class-head is concatenation"),
        ("--generator-hidden 65537", "--generator-hidden is 65537"),
        ("--discriminator-hidden 0", "--discriminator-hidden is 0"),
        ("--data mine --size 18", "--size is 18x18; expected sides that are multiples of 4"),
        ("--data mine --size 12", "--size is 12x12"),
        ("--data mine --size 128", "--size is 128x128"),
    ] {
        place.gan_train(&format!("{CONV} {flags} --offline --dry-run")).fails(2, &[words]);
    }
    place.gan_train("--filters 8 --dry-run").fails(2, &["--filters is a setting of --family conv"]);
}
