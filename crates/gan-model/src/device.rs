//! Selects a Burn device by a name such as `auto`, `flex` or `wgpu:1`.

use burn::tensor::Device;
use thiserror::Error;

/// A back end of Burn, compiled in or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Burn's CPU back end.
    Flex,
    /// Burn's older CPU back end.
    NdArray,
    /// Any GPU, by Vulkan, Metal, DirectX or WebGPU.
    Wgpu,
    /// NVIDIA GPUs.
    Cuda,
    /// AMD GPUs.
    Rocm,
}

/// An available device and its name.
#[derive(Clone, Debug)]
pub struct SelectedDevice {
    /// The device, without autodiff.
    pub device: Device,
    /// Its name, such as `flex (CPU)` or `wgpu:0 (GPU)`.
    pub name: String,
}

/// Why there is no device of a name.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum DeviceError {
    /// Not a name of a back end.
    #[error("{found:?} is no device; expected auto, flex, ndarray, wgpu[:N], cuda[:N] or rocm[:N]")]
    Unknown {
        /// The name.
        found: String,
    },
    /// A back end that this program was built without.
    #[error(
        "{name} is not compiled into this program (it has {}); build it in with: cargo install --locked --path . --features {name}",
        compiled_in()
    )]
    NotCompiled {
        /// The back end's name, which is its cargo feature too.
        name: &'static str,
    },
    /// The back end found no device with this index.
    #[error("{name}:{index} does not exist: {name} finds {found} device(s){}; try --device auto", numbered(*.found))]
    Missing {
        /// The back end's name.
        name: &'static str,
        /// The requested index.
        index: usize,
        /// How many devices there are.
        found: usize,
    },
}

fn numbered(found: usize) -> &'static str {
    if found == 0 { " on this machine" } else { ", numbered from 0" }
}

const ALL: [Backend; 5] =
    [Backend::Cuda, Backend::Rocm, Backend::Wgpu, Backend::Flex, Backend::NdArray];

impl Backend {
    /// Its name, which is also the cargo feature that compiles it in.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::NdArray => "ndarray",
            Self::Wgpu => "wgpu",
            Self::Cuda => "cuda",
            Self::Rocm => "rocm",
        }
    }

    /// Whether this program was built with it.
    pub const fn is_compiled(self) -> bool {
        match self {
            Self::Flex => cfg!(feature = "flex"),
            Self::NdArray => cfg!(feature = "ndarray"),
            Self::Wgpu => cfg!(feature = "wgpu"),
            Self::Cuda => cfg!(feature = "cuda"),
            Self::Rocm => cfg!(feature = "rocm"),
        }
    }

    /// The devices that this back end finds, real GPUs before software ones.
    fn devices(self) -> Vec<Device> {
        #[cfg(any(feature = "wgpu", feature = "cuda", feature = "rocm"))]
        use burn::tensor::DeviceType;
        match self {
            #[cfg(feature = "flex")]
            Self::Flex => vec![Device::flex()],
            #[cfg(feature = "ndarray")]
            #[expect(deprecated, reason = "supported as long as Burn ships it")]
            Self::NdArray => vec![Device::ndarray()],
            #[cfg(feature = "wgpu")]
            Self::Wgpu => {
                let mut devices = Device::enumerate(DeviceType::Wgpu).into_vec();
                devices.sort_by_key(is_software);
                devices
            }
            #[cfg(feature = "cuda")]
            Self::Cuda => Device::enumerate(DeviceType::Cuda).into_vec(),
            #[cfg(feature = "rocm")]
            Self::Rocm => Device::enumerate(DeviceType::Rocm).into_vec(),
            #[allow(unreachable_patterns, reason = "reachable when a back end is not compiled in")]
            _ => vec![],
        }
    }

    fn choose(self, index: Option<usize>) -> Result<SelectedDevice, DeviceError> {
        let name = self.name();
        if !self.is_compiled() {
            return Err(DeviceError::NotCompiled { name });
        }
        let devices = self.devices();
        let (found, at) = (devices.len(), index.unwrap_or(0));
        let Some(device) = devices.into_iter().nth(at) else {
            return Err(DeviceError::Missing { name, index: at, found });
        };
        let name = match self {
            Self::Flex | Self::NdArray => format!("{name} (CPU)"),
            _ if is_software(&device) => format!("{name}:{at} (software, no GPU)"),
            _ => format!("{name}:{at} (GPU)"),
        };
        Ok(SelectedDevice { device, name })
    }
}

/// Whether the device's tensors are in the host's memory.
pub fn is_cpu(device: &Device) -> bool {
    let cpus = [Backend::Flex, Backend::NdArray];
    cpus.into_iter().any(|backend| backend.devices().contains(device))
}

/// Whether the device is a GPU emulated on the CPU, such as lavapipe.
fn is_software(device: &Device) -> bool {
    #[cfg(feature = "wgpu")]
    return *device == Device::wgpu(burn::tensor::DeviceKind::Cpu);
    #[cfg(not(feature = "wgpu"))]
    {
        let _ = device;
        false
    }
}

fn compiled_in() -> String {
    let names: Vec<_> = ALL.iter().filter(|b| b.is_compiled()).map(|b| b.name()).collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

/// The device that `name` means: `auto`, or a back end with or without `:N`.
///
/// `auto` is a real GPU if a back end for it is compiled in and finds one, otherwise a CPU back end.
///
/// # Errors
/// When the name is unknown, the back end is not compiled in, or has no such device.
pub fn select(name: &str) -> Result<SelectedDevice, DeviceError> {
    let unknown = || DeviceError::Unknown { found: name.into() };
    if name == "auto" {
        return auto();
    }
    let (backend, index) = match name.split_once(':') {
        None => (name, None),
        Some((backend, index)) => (backend, Some(index.parse().map_err(|_| unknown())?)),
    };
    let backend = ALL.into_iter().find(|b| b.name() == backend).ok_or_else(unknown)?;
    if matches!(backend, Backend::Flex | Backend::NdArray) && index.is_some() {
        return Err(unknown());
    }
    backend.choose(index)
}

fn auto() -> Result<SelectedDevice, DeviceError> {
    let compiled = || ALL.into_iter().filter(|b| b.is_compiled());
    let real = |b: &Backend| b.devices().first().is_some_and(|device| !is_software(device));
    // A software GPU is slower than the CPU, but works.
    let any = |b: &Backend| !b.devices().is_empty();
    let backend = compiled().find(real).or_else(|| compiled().find(any)).or(compiled().next());
    backend.map_or(Err(DeviceError::NotCompiled { name: "flex" }), |b| b.choose(None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_are_refused() {
        for name in ["gpu", "", "flex:0", "wgpu:x", "wgpu:-1"] {
            let error = select(name).unwrap_err();
            assert!(
                error.to_string().contains(&format!("{name:?} is no device; expected auto, flex"))
            );
        }
    }

    #[test]
    fn a_back_end_that_is_not_compiled_in_names_the_cargo_command() {
        for backend in ALL.into_iter().filter(|b| !b.is_compiled()) {
            let message = select(backend.name()).unwrap_err().to_string();
            let command = format!("cargo install --locked --path . --features {}", backend.name());
            assert!(message.contains(&command), "{message}");
        }
    }
}
