//! The measures do not depend on the order of the images, at any number of samples.

use std::path::Path;

use burn::tensor::Device;
use gan_core::stream::{Purpose, stream};
use gan_data::{Dataset, KnownDataset, load_folder, synthetic};
use gan_eval::{Extracted, FeatureExtractor, Measures, Options, Reference, random_subset};
use rand::seq::SliceRandom;

/// Measures `count` of `train` in place of samples, both data sets in the given orders.
fn measure(
    extractor: &FeatureExtractor,
    [train, test]: [&Extracted; 2],
    orders: [&[usize]; 2],
    count: usize,
) -> Measures {
    let classes = extractor.classes().expect("the extractor has classes");
    let widths = [FeatureExtractor::FEATURES, classes];
    let rows = |values: &[f32], width: usize, order: &[usize]| -> Vec<f32> {
        order.iter().flat_map(|&row| &values[row * width..][..width]).copied().collect()
    };
    let ordered = |from: &Extracted, order: &[usize]| Extracted {
        features: rows(&from.features, widths[0], order),
        probabilities: rows(&from.probabilities, widths[1], order),
    };
    let all: Vec<usize> = (0..orders[0].len()).collect();
    let chosen = random_subset(&all, 1, count, &mut stream(0, Purpose::Floor, 0));
    let samples = ordered(&ordered(train, orders[0]), &chosen);
    let options = Options { resamples: 50, ..Options::default() };
    Reference::new(extractor, ordered(test, orders[1])).evaluate(&samples, None, options)
}

/// Sorted by class, with alternating classes, and shuffled.
fn orders(dataset: &Dataset) -> [Vec<usize>; 3] {
    let labels = dataset.labels().expect("the data set has labels");
    let mut by_class: Vec<usize> = (0..dataset.len()).collect();
    by_class.sort_by_key(|&index| labels[index]);
    let place = |rank: usize| {
        let label = labels[by_class[rank]];
        (rank - by_class.partition_point(|&index| labels[index] < label), label)
    };
    let mut ranks: Vec<usize> = (0..dataset.len()).collect();
    ranks.sort_by_key(|&rank| place(rank));
    let alternating = ranks.iter().map(|&rank| by_class[rank]).collect();
    let mut shuffled = by_class.clone();
    shuffled.shuffle(&mut stream(7, Purpose::ExtractorOrder, 0));
    [by_class, alternating, shuffled]
}

#[track_caller]
fn same_figures_in_any_order(train: &Dataset, test: &Dataset) {
    let extractor = FeatureExtractor::mnist(&Device::flex());
    let [train_features, test_features] =
        [train, test].map(|dataset| extractor.extract(dataset.images(), &|_| ()));
    let (train_orders, test_orders) = (orders(train), orders(test));
    for count in [500, 1000, 2000] {
        let measure = |order: usize| {
            let orders = [&train_orders[order][..], &test_orders[order][..]];
            measure(&extractor, [&train_features, &test_features], orders, count)
        };
        let shuffled = measure(2);
        for (order, measures) in [("by class", measure(0)), ("alternating", measure(1))] {
            for (name, a, b) in [
                ("kernel distance", measures.kernel_distance, shuffled.kernel_distance),
                ("precision", measures.precision, shuffled.precision),
                ("recall", measures.recall, shuffled.recall),
                ("density", measures.density, shuffled.density),
                ("coverage", measures.coverage, shuffled.coverage),
            ] {
                // An interval is for another choice of samples or of real images, and here both
                // are others: it counts twice.
                let widths = [a, b].map(|measure| {
                    let [low, high] = measure.interval.expect("there are resamples");
                    high - low
                });
                assert!(
                    (a.value - b.value).abs() <= widths[0] + widths[1],
                    "{name} of {count} images of {}: {a:?} {order}, {b:?} shuffled",
                    train.name()
                );
            }
        }
    }
}

#[test]
fn the_built_in_digits_have_the_same_figures_in_any_order() {
    let [train, test] = [0, 1].map(|seed| synthetic(5_000, seed).expect("some digits"));
    same_figures_in_any_order(&train, &test);
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn mnist_has_the_same_figures_in_any_order() {
    let Some(folder) = std::env::var_os("GAN_DATA_DIR") else {
        eprintln!("skipped: GAN_DATA_DIR is no folder with MNIST's files");
        return;
    };
    let loaded = load_folder(Path::new(&folder), KnownDataset::Mnist).expect("MNIST's files");
    // The classifier was trained on the training images: the test images on both sides.
    let len = loaded.test.shape().len();
    let labels = loaded.test.labels().expect("MNIST has labels");
    let halves = [0, 1].map(|half| {
        let rows = (half..loaded.test.len()).step_by(2);
        let images = rows.clone().flat_map(|row| &loaded.test.images()[row * len..][..len]);
        Dataset::new("mnist-test", loaded.test.shape(), images.copied().collect())
            .and_then(|images| images.with_labels(rows.map(|row| labels[row]).collect(), vec![]))
            .expect("half of the test images")
    });
    same_figures_in_any_order(&halves[0], &halves[1]);
}
