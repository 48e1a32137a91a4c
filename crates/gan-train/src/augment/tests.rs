use gan_core::stream::{Purpose, stream};

use super::*;

const IMAGE: ImageShape = ImageShape { channels: 3, height: 5, width: 4 };

fn draw(kinds: &[Augmentation], image: ImageShape, batch: usize) -> Augment {
    let mut rng = stream(1, Purpose::GeneratorAugment, 0);
    Augment::draw(kinds, image, batch, &mut rng, &Device::flex())
}

fn random(batch: usize) -> Vec<f32> {
    gan_core::stream::normal(&mut stream(2, Purpose::Sample, 0), batch * IMAGE.len())
}

fn tensor(numbers: &[f32], batch: usize) -> Tensor<2> {
    let shape = [batch, numbers.len() / batch];
    Tensor::from_data(TensorData::new(numbers.to_vec(), shape), &Device::flex())
}

fn numbers(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap()
}

#[test]
fn a_shift_repeats_the_border_and_a_flip_mirrors() {
    let image = ImageShape::grey(2, 3);
    let moved = |down, right, flip| places(image, down, right, flip).collect::<Vec<_>>();
    assert_eq!(moved(0, 0, false), [0, 1, 2, 3, 4, 5]);
    assert_eq!(moved(1, 0, false), [0, 1, 2, 0, 1, 2]);
    assert_eq!(moved(0, -1, false), [1, 2, 2, 4, 5, 5]);
    assert_eq!(moved(0, 0, true), [2, 1, 0, 5, 4, 3]);
    let colour = ImageShape { channels: 2, height: 1, width: 2 };
    assert_eq!(places(colour, 0, 0, true).collect::<Vec<_>>(), [2, 3, 0, 1]);
}

#[test]
fn shifts_are_of_an_eighth_at_most_and_all_occur() {
    // The place of the pixel in the middle tells the shift.
    let image = ImageShape::grey(16, 24);
    let augment = draw(&[Augmentation::Translation], image, 500);
    let places: Vec<i32> = augment.places.unwrap().into_data().try_into_vec().unwrap();
    let middle = 8 * 24 + 12;
    let mut seen = std::collections::BTreeSet::new();
    for places in places.chunks(image.len()) {
        let from = places[middle];
        seen.insert((8 - from / 24, 12 - from % 24));
    }
    let all = (-2..=2).flat_map(|down| (-3..=3).map(move |right| (down, right)));
    assert_eq!(seen, all.collect());
}

#[test]
fn each_hole_is_a_rectangle_and_half_of_the_images_are_flipped() {
    let augment = draw(&[Augmentation::Cutout], IMAGE, 300);
    let (mut largest, mut smallest) = (0, usize::MAX);
    for mask in numbers(augment.mask.unwrap()).chunks(IMAGE.len()) {
        assert!(mask.chunks(3).all(|pixel| pixel == [pixel[0]; 3]));
        let cut: Vec<usize> = (0..20).filter(|&pixel| mask[3 * pixel] == 0.0).collect();
        let side = |of: fn(usize) -> usize| {
            let all: std::collections::BTreeSet<_> = cut.iter().map(|&pixel| of(pixel)).collect();
            all.len()
        };
        assert_eq!(cut.len(), side(|pixel| pixel / 4) * side(|pixel| pixel % 4));
        (largest, smallest) = (largest.max(cut.len()), smallest.min(cut.len()));
    }
    assert_eq!((largest, smallest), (3 * 2, 2), "at the border a part of it lies outside");

    let augment = draw(&[Augmentation::Flip], IMAGE, 300);
    let places: Vec<i32> = augment.places.unwrap().into_data().try_into_vec().unwrap();
    let flipped = places.chunks(IMAGE.len()).filter(|places| places[0] != 0).count();
    assert!((110..190).contains(&flipped), "{flipped} of 300");
}

#[test]
fn colours_change_around_their_means() {
    let (image, batch) = (IMAGE, 6);
    let augment = draw(&[Augmentation::Colour], image, batch);
    let [brightness, saturation, contrast] = augment.colour.clone().unwrap().map(numbers);
    let x = random(batch);
    let y = numbers(augment.apply(tensor(&x, batch)));
    for (index, (x, y)) in x.chunks(image.len()).zip(y.chunks(image.len())).enumerate() {
        let level = x.iter().sum::<f32>() / image.len() as f32;
        for (x, y) in x.chunks(3).zip(y.chunks(3)) {
            let grey = x.iter().sum::<f32>() / 3.0;
            for (x, y) in x.iter().zip(y) {
                let coloured = (x - grey) * saturation[index] + grey;
                let expected = (coloured - level) * contrast[index] + level + brightness[index];
                assert!((y - expected).abs() < 1e-5, "{y} is not {expected}");
            }
        }
    }
}

#[test]
fn the_gradient_is_that_of_finite_differences() {
    let batch = 2;
    let kinds = Augmentation::ALL.map(|(kind, ..)| kind);
    let augment = draw(&kinds, IMAGE, batch);
    let (x, weight) = (random(batch), random(2 * batch)[batch * IMAGE.len()..].to_vec());
    let sum = |x: &[f32]| -> f64 {
        let y = numbers(augment.apply(tensor(x, batch)));
        y.iter().zip(&weight).map(|(y, w)| f64::from(y * w)).sum()
    };
    let input = tensor(&x, batch).autodiff().require_grad();
    let total = (augment.apply(input.clone()) * tensor(&weight, batch).autodiff()).sum();
    let gradient = numbers(input.grad(&total.backward()).unwrap());
    // The map is affine, so any step will do.
    for index in 0..x.len() {
        let mut moved = x.clone();
        moved[index] += 1.0;
        let difference = sum(&moved) - sum(&x);
        assert!(
            (difference - f64::from(gradient[index])).abs() < 1e-4,
            "{index}: {difference} is not {}",
            gradient[index]
        );
    }
}
