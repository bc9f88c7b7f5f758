//! Two texts in turns, by the SHA instructions of x86: FIPS 180-4, sections 5 and 6.2.

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi32, _mm_set_epi32, _mm_set_epi64x,
    _mm_setzero_si128, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8,
    _mm_shuffle_epi32,
};
use std::iter;

use multiversion::multiversion;
use multiversion::target::match_target;

const BLOCK_BYTES: usize = 64;

type Block = [u8; BLOCK_BYTES];

/// What the hash is before the first block, in the order of [`State`].
const START: [[u32; 4]; 2] = [
    [0x9b05_688c, 0x510e_527f, 0xbb67_ae85, 0x6a09_e667],
    [0x5be0_cd19, 0x1f83_d9ab, 0xa54f_f53a, 0x3c6e_f372],
];

/// The constants of the rounds, four a row.
#[rustfmt::skip]
const ROUNDS: [[u32; 4]; 16] = [
    [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5], [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
    [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3], [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc], [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
    [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7], [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13], [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
    [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3], [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5], [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
    [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208], [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
];

/// The hash in the making: its words a to h, the last letter first, in the two places where the instructions want them.
#[derive(Debug, Clone, Copy)]
struct State {
    abef: __m128i,
    cdgh: __m128i,
}

/// A text in blocks: whole ones, and one or two that are padded.
struct Blocks<'t> {
    whole: &'t [Block],
    last: [Block; 2],
    last_count: usize,
}

impl<'t> Blocks<'t> {
    /// A bit of one behind the text, and its length in bits at the end of the last block.
    fn of(text: &'t [u8]) -> Self {
        const LENGTH_BYTES: usize = size_of::<u64>();
        let (whole, rest) = text.as_chunks();
        let last_count = if rest.len() < BLOCK_BYTES - LENGTH_BYTES { 1 } else { 2 };
        let mut last = [[0; BLOCK_BYTES]; 2];
        let bits = (text.len() as u64 * 8).to_be_bytes();
        let padded = last.as_flattened_mut();
        for (to, from) in padded.iter_mut().zip(rest.iter().chain(iter::once(&0x80))) {
            *to = *from;
        }
        for (to, from) in padded.iter_mut().take(last_count * BLOCK_BYTES).rev().zip(bits.iter().rev()) {
            *to = *from;
        }
        Self { whole, last, last_count }
    }

    /// Those from the `at`-th on.
    fn from(&self, at: usize) -> impl Iterator<Item = &Block> {
        let whole = self.whole.get(at..).unwrap_or_default();
        let last = self.last.get(at.saturating_sub(self.whole.len())..self.last_count).unwrap_or_default();
        whole.iter().chain(last)
    }
}

/// A text under way.
struct Lane<'t> {
    blocks: Blocks<'t>,
    /// How many blocks are done.
    done: usize,
    state: State,
    /// Where the hash goes.
    hash: &'t mut [u8; 32],
}

impl<'t> Lane<'t> {
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn new(text: &'t [u8], hash: &'t mut [u8; 32]) -> Self {
        let [abef, cdgh] = START;
        let state = State { abef: words(abef), cdgh: words(cdgh) };
        Self { blocks: Blocks::of(text), done: 0, state, hash }
    }

    fn left(&self) -> usize {
        self.blocks.whole.len() + self.blocks.last_count - self.done
    }

    /// Goes on with two texts until one of them is done.
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn both(&mut self, other: &mut Self) {
        let steps = self.left().min(other.left());
        let mut states = [self.state, other.state];
        for (one, another) in self.blocks.from(self.done).zip(other.blocks.from(other.done)) {
            take(&mut states, [one, another]);
        }
        [self.state, other.state] = states;
        self.done += steps;
        other.done += steps;
    }

    /// Goes on to the end, and gives the hash.
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn finish(self) {
        let mut state = [self.state];
        for block in self.blocks.from(self.done) {
            take(&mut state, [block]);
        }
        let [State { abef, cdgh }] = state;
        let words = [
            _mm_extract_epi32::<3>(abef),
            _mm_extract_epi32::<2>(abef),
            _mm_extract_epi32::<3>(cdgh),
            _mm_extract_epi32::<2>(cdgh),
            _mm_extract_epi32::<1>(abef),
            _mm_extract_epi32::<0>(abef),
            _mm_extract_epi32::<1>(cdgh),
            _mm_extract_epi32::<0>(cdgh),
        ];
        for (to, word) in self.hash.as_chunks_mut().0.iter_mut().zip(words) {
            *to = word.to_be_bytes();
        }
    }
}

/// Writes the hash of each text to the same place among the hashes. Long texts go first: what is left when one of two
/// is done is hashed alone.
#[multiversion(targets("x86_64+sha+ssse3+sse4.1"))]
pub(in crate::domain) fn each(texts: &[&[u8]], hashes: &mut [[u8; 32]]) {
    match_target! {
        "x86_64+sha+ssse3+sse4.1" => in_turns(texts, hashes),
        _ => super::one_by_one(texts, hashes),
    }
}

#[target_feature(enable = "sha,ssse3,sse4.1")]
fn in_turns(texts: &[&[u8]], hashes: &mut [[u8; 32]]) {
    let mut waiting = texts.iter().zip(hashes).map(|(text, hash)| Lane::new(text, hash));
    let (mut one, mut other) = (waiting.next(), waiting.next());
    while let (Some(a), Some(b)) = (&mut one, &mut other) {
        a.both(b);
        for lane in [&mut one, &mut other] {
            if let Some(done) = lane.take_if(|lane| lane.left() == 0) {
                done.finish();
                *lane = waiting.next();
            }
        }
    }
    if let Some(last) = one.or(other) {
        last.finish();
    }
}

/// Takes a block of each text.
#[target_feature(enable = "sha,ssse3,sse4.1")]
#[inline]
fn take<const TEXTS: usize>(states: &mut [State; TEXTS], blocks: [&Block; TEXTS]) {
    let before = *states;
    let mut schedules = [[_mm_setzero_si128(); 4]; TEXTS];
    for (schedule, block) in schedules.iter_mut().zip(blocks) {
        *schedule = loaded(block);
    }
    // The schedule is made twelve words ahead, so that the last sixteen rounds find theirs.
    let (making, made) = ROUNDS.split_at(12);
    for constants in making {
        let constants = words(*constants);
        for (state, schedule) in states.iter_mut().zip(&mut schedules) {
            let [now, next, third, fourth] = *schedule;
            four_rounds(state, now, constants);
            let sum = _mm_add_epi32(_mm_sha256msg1_epu32(now, next), _mm_alignr_epi8::<4>(fourth, third));
            *schedule = [next, third, fourth, _mm_sha256msg2_epu32(sum, fourth)];
        }
    }
    for constants in made {
        let constants = words(*constants);
        for (state, schedule) in states.iter_mut().zip(&mut schedules) {
            let [now, next, third, fourth] = *schedule;
            four_rounds(state, now, constants);
            *schedule = [next, third, fourth, now];
        }
    }
    for (state, before) in states.iter_mut().zip(before) {
        state.abef = _mm_add_epi32(state.abef, before.abef);
        state.cdgh = _mm_add_epi32(state.cdgh, before.cdgh);
    }
}

#[target_feature(enable = "sha,ssse3,sse4.1")]
#[inline]
fn four_rounds(state: &mut State, schedule: __m128i, constants: __m128i) {
    let sum = _mm_add_epi32(schedule, constants);
    state.cdgh = _mm_sha256rnds2_epu32(state.cdgh, state.abef, sum);
    // The other two words go into the lower half.
    state.abef = _mm_sha256rnds2_epu32(state.abef, state.cdgh, _mm_shuffle_epi32::<0b1110>(sum));
}

/// A block's sixteen words, which stand in it with their highest byte first.
#[target_feature(enable = "sha,ssse3,sse4.1")]
#[inline]
fn loaded(block: &Block) -> [__m128i; 4] {
    let mut loaded = [_mm_setzero_si128(); 4];
    let turned = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    for (to, from) in loaded.iter_mut().zip(block.as_chunks().0) {
        let from = u128::from_le_bytes(*from);
        *to = _mm_shuffle_epi8(_mm_set_epi64x((from >> 64) as i64, from as i64), turned);
    }
    loaded
}

#[target_feature(enable = "sha,ssse3,sse4.1")]
#[inline]
fn words([first, second, third, fourth]: [u32; 4]) -> __m128i {
    let [first, second, third, fourth] = [first, second, third, fourth].map(u32::cast_signed);
    _mm_set_epi32(fourth, third, second, first)
}
