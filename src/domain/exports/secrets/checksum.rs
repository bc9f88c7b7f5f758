//! The checksums that some formats carry, so that a token is told from anything that only looks like one.

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BECH32: &[u8; 32] = b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";

/// Whether the last six characters are the CRC-32 of those before, in base 62: GitHub's tokens and npm's.
pub(super) fn crc32_base62(body: &[u8]) -> bool {
    let Some((entropy, sum)) = body.split_last_chunk::<6>() else { return false };
    *sum == base62(crc32fast::hash(entropy))
}

/// Six digits of base 62, most significant first.
pub(super) fn base62(mut number: u32) -> [u8; 6] {
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62.get((number % 62) as usize).copied().unwrap_or_default();
        number /= 62;
    }
    digits
}

/// Whether the data, its last six characters the checksum, is that of an upper-case Bech32 string (BIP 173) with this
/// human-readable part.
pub(super) fn bech32(human: &str, data: &[u8]) -> bool {
    let values: Option<Vec<u32>> = data.iter().map(|b| bech32_value(*b)).collect();
    values.is_some_and(|values| bech32_sum(human, &values) == 1)
}

/// The five bits that a character of upper-case Bech32 stands for.
pub(super) fn bech32_value(b: u8) -> Option<u32> {
    BECH32.iter().position(|known| *known == b).map(|at| at as u32)
}

fn bech32_sum(human: &str, values: &[u32]) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let human = human.to_ascii_lowercase();
    let high = human.bytes().map(|b| u32::from(b >> 5));
    let low = human.bytes().map(|b| u32::from(b & 31));
    high.chain([0]).chain(low).chain(values.iter().copied()).fold(1, |sum, value| {
        let top = sum >> 25;
        let shifted = ((sum & 0x01ff_ffff) << 5) ^ value;
        GENERATOR
            .iter()
            .enumerate()
            .fold(shifted, |sum, (bit, generator)| if top >> bit & 1 == 1 { sum ^ generator } else { sum })
    })
}

#[cfg(test)]
pub(super) fn bech32_with_sum(human: &str, data: &str) -> String {
    let mut values: Vec<u32> = data.bytes().map(|b| bech32_value(b).unwrap()).collect();
    values.extend([0; 6]);
    let sum = bech32_sum(human, &values) ^ 1;
    let tail = (0..6).map(|i| char::from(BECH32[(sum >> (5 * (5 - i)) & 31) as usize]));
    data.chars().chain(tail).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_their_specifications() {
        // A published example of the format; the halves stand apart so that the whole is nowhere.
        let token = ["zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ", "0mLq17"].concat();
        assert!(crc32_base62(token.as_bytes()));
        assert!(!crc32_base62(token.replace('z', "y").as_bytes()));
        // BIP 173: valid, and with one character changed.
        assert!(bech32("a", b"2UEL5L"));
        assert!(!bech32("a", b"2UEL5Q"));
        assert_eq!(bech32_with_sum("a", ""), "2UEL5L");
    }
}
