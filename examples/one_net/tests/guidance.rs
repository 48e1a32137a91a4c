//! Classifier-free guidance on numbers.

use burn::tensor::{Device, Tensor};
use one_net::guidance::{combine, evaluations};

#[test]
fn guidance_goes_beyond_the_output_with_the_class() {
    let of = |x: f32| Tensor::<2>::from_floats([[x]], &Device::flex());
    let combined = |guidance| -> f32 { combine([of(3.0), of(1.0)], guidance).into_scalar() };
    assert_eq!([combined(0.0), combined(1.0), combined(1.5)], [1.0, 3.0, 4.0]);
    assert_eq!(evaluations(&[Some(1), None], 1.5), [[Some(1), None], [None, None]]);
    assert_eq!(evaluations(&[Some(1), None], 1.0), [[Some(1), None]]);
}
