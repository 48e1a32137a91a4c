//! The names of tensors in versions 2 to 4, which knew dense nets alone.

use burn::tensor::Bytes;
use burn_pack::{Error, Reader, Tensor, Writer};

use crate::layers::LayerSpec;

/// The first version with today's names.
pub(super) const SINCE: u64 = 5;

/// Burnpack bytes of a section with today's names, for a net of these layers.
pub(super) fn rename_tensors(bytes: Vec<u8>, layers: &[LayerSpec]) -> Result<Vec<u8>, Error> {
    let dense = layers.iter().enumerate().filter(|(_, layer)| layer.parameters() > 0);
    let places: Vec<usize> = dense.map(|(place, _)| place).collect();
    let tensors = Reader::from_bytes(Bytes::from_bytes_vec(bytes))?.into_tensors()?;
    let renamed = tensors.into_iter().map(|tensor| {
        let (name, kind, shape, id, bytes) = tensor.into_parts()?;
        let name = rename(&name, &places).unwrap_or(name);
        Ok(Tensor::new(name, kind, shape, id, bytes))
    });
    Ok(Writer::new(renamed.collect::<Result<_, Error>>()?).into_bytes()?.to_vec())
}

/// Today's name of a tensor; `places` has the layer of the N-th dense layer.
fn rename(name: &str, places: &[usize]) -> Option<String> {
    let moment = ["first.", "second."].into_iter().find(|moment| name.starts_with(moment));
    let rest = name.strip_prefix(moment.unwrap_or_default())?;
    let (list, rest) = rest.split_once('.')?;
    let (index, field) = rest.split_once('.').unwrap_or((rest, ""));
    let field = match list {
        "layers" => field.to_owned(),
        "norms" => format!("norm.{field}"),
        "directions" => "direction".to_owned(),
        _ => return None,
    };
    let place = places.get(index.parse::<usize>().ok()?)?;
    Some(format!("{}layers.{place}.Dense.{field}", moment.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_names_become_those_of_the_layers() {
        let places = [0, 1, 3];
        for (old, new) in [
            ("layers.2.weight", Some("layers.3.Dense.weight")),
            ("first.norms.1.gamma", Some("first.layers.1.Dense.norm.gamma")),
            ("second.directions.0", Some("second.layers.0.Dense.direction")),
            ("layers.3.weight", None),
            ("layers.x.weight", None),
            ("other.1.weight", None),
        ] {
            assert_eq!(rename(old, &places).as_deref(), new, "{old}");
        }
    }
}
