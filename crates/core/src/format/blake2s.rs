//! BLAKE2s-256 without a key. Reference: <https://www.rfc-editor.org/rfc/rfc7693>.

const IV: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

const SIGMA: [[usize; 16]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];

/// The columns and diagonals that a round mixes.
const MIXED: [[usize; 4]; 8] = [
    [0, 4, 8, 12],
    [1, 5, 9, 13],
    [2, 6, 10, 14],
    [3, 7, 11, 15],
    [0, 5, 10, 15],
    [1, 6, 11, 12],
    [2, 7, 8, 13],
    [3, 4, 9, 14],
];

/// The digest of all parts, one after the other.
pub fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let message = parts.concat();
    let mut state = IV;
    // The parameters: 32 bytes of digest, no key, one leaf.
    state[0] ^= 0x0101_0020;
    let blocks = message.len().div_ceil(64).max(1);
    for number in 0..blocks {
        let content = &message[number * 64..message.len().min((number + 1) * 64)];
        let mut block = [0; 64];
        block[..content.len()].copy_from_slice(content);
        let so_far = (number * 64 + content.len()) as u64;
        compress(&mut state, &block, so_far, number + 1 == blocks);
    }
    let mut digest = [0; 32];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    digest
}

fn compress(state: &mut [u32; 8], block: &[u8; 64], so_far: u64, last: bool) {
    let mut words = [0; 16];
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
        *word = bytes.iter().rev().fold(0, |word: u32, byte| word << 8 | u32::from(*byte));
    }
    let mut v = [0; 16];
    v[..8].copy_from_slice(state);
    v[8..].copy_from_slice(&IV);
    v[12] ^= so_far as u32;
    v[13] ^= (so_far >> 32) as u32;
    v[14] ^= if last { u32::MAX } else { 0 };
    for sigma in SIGMA {
        for ([a, b, c, d], pair) in MIXED.into_iter().zip(sigma.chunks_exact(2)) {
            for ((word, turn_d), turn_b) in pair.iter().zip([16, 8]).zip([12, 7]) {
                v[a] = v[a].wrapping_add(v[b]).wrapping_add(words[*word]);
                v[d] = (v[d] ^ v[a]).rotate_right(turn_d);
                v[c] = v[c].wrapping_add(v[d]);
                v[b] = (v[b] ^ v[c]).rotate_right(turn_b);
            }
        }
    }
    for (at, word) in state.iter_mut().enumerate() {
        *word ^= v[at] ^ v[at + 8];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(digest: [u8; 32]) -> String {
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_digests_are_those_of_the_reference() {
        let abc = "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982";
        assert_eq!(hex(digest(&[b"a", b"bc"])), abc);
        let nothing = "69217a3079908094e11121d042354a7c1f55b6482ca1a51e1b250dfd1ed0eef9";
        assert_eq!(hex(digest(&[])), nothing);
    }

    #[test]
    fn a_long_message_takes_several_blocks() {
        let bytes: Vec<u8> = (0..=255).collect();
        let all = "5fdeb59f681d975f52c8e69c5502e02a12a3afcc5836ba58f42784c439228781";
        assert_eq!(hex(digest(&[&bytes])), all);
        assert_ne!(digest(&[&bytes[..64]]), digest(&[&bytes[..65]]));
    }
}
