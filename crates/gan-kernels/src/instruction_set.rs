//! Which of the processor's instructions are used: the best, or fewer on request.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

use pulp::Arch;

/// Instructions for several numbers at once. Results do not depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstructionSet {
    /// None: one number at a time.
    Scalar,
    /// AVX2 and FMA, registers of 8 numbers.
    Avx2,
    /// AVX-512, registers of 16 numbers.
    Avx512,
    /// NEON, registers of 4 numbers.
    Neon,
}

impl InstructionSet {
    /// Every one with its name.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Scalar, "scalar"),
        (Self::Avx2, "avx2"),
        (Self::Avx512, "avx512"),
        (Self::Neon, "neon"),
    ];

    /// Its instructions, where the processor has them.
    fn arch(self) -> Option<Arch> {
        match self {
            Self::Scalar => Some(Arch::Scalar),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => pulp::x86::V3::try_new().map(Arch::V3),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => pulp::x86::V4::try_new().map(Arch::V4),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => Some(Arch::new()),
            #[allow(unreachable_patterns, reason = "of other processors")]
            _ => None,
        }
    }
}

impl fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let name = Self::ALL.iter().find(|(set, _)| set == self).map_or("", |(_, name)| name);
        f.write_str(name)
    }
}

/// The number in [`InstructionSet::ALL`] of the one that is used, from 1; 0 for the best.
static CHOSEN: AtomicU8 = AtomicU8::new(0);

/// Makes this crate use one instruction set from now on, to measure or to test it. Burn's own
/// operations are not affected.
///
/// # Errors
/// The instruction set, if the processor does not have it.
pub fn set_instruction_set(set: InstructionSet) -> Result<(), InstructionSet> {
    let number = InstructionSet::ALL.iter().position(|&(known, _)| known == set);
    if set.arch().is_none() {
        return Err(set);
    }
    CHOSEN.store(number.map_or(0, |number| number as u8 + 1), Ordering::Relaxed);
    Ok(())
}

/// The instructions to use.
pub(crate) fn arch() -> Arch {
    let chosen = match CHOSEN.load(Ordering::Relaxed) {
        0 => None,
        number => InstructionSet::ALL[usize::from(number) - 1].0.arch(),
    };
    chosen.unwrap_or_else(Arch::new)
}
