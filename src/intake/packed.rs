//! Copies of finished generations: zstd frames of 1 MiB each, then the table that says where they lie. The only file that
//! names zstd.
//!
//! It is the [seekable format](https://github.com/facebook/zstd/blob/dev/contrib/seekable_format/zstd_seekable_compression_format.md),
//! so `zstd -d` reads it like any other file. Nothing in a copy is believed: a frame is unpacked into the bytes that the
//! table gives it, never more than 1 MiB, and whoever reads holds them to the receipts.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::CParameter;

use super::bytes::ReadAt;
use super::lines::read_exact_or_less;

/// Bytes of one frame once it is unpacked, at most.
const FRAME_BYTES: u64 = 1 << 20;
/// Bytes of one packed frame, at most; zstd's own bound lies below.
const PACKED_FRAME_BYTES_MAX: u64 = FRAME_BYTES + (64 << 10);
/// zstd's own default: more costs much time, and JSON gains little.
const LEVEL: i32 = 3;

/// The frame that holds the table is one that `zstd -d` skips.
const SKIPPABLE_MAGIC: u32 = 0x184D_2A5E;
const SEEKABLE_MAGIC: u32 = 0x8F92_EAB1;
const HEAD_BYTES: u64 = 8;
const ENTRY_BYTES: u64 = 8;
const FOOT_BYTES: u64 = 9;

/// How many unpacked frames a thread keeps: a check goes through many streams side by side.
const KEPT_FRAMES: usize = 32;

/// A copy, opened by its table.
#[derive(Debug)]
pub struct Packed {
    path: PathBuf,
    /// Tells its frames from those of others.
    number: u64,
    frames: Vec<Frame>,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    /// Where it lies in the copy, and its length there.
    at: u64,
    packed: u64,
    /// The byte behind its last, once unpacked.
    end: u64,
}

/// A frame by the copy's number and its own.
type Unpacked = ((u64, usize), Vec<u8>);

thread_local! {
    static UNPACKED: RefCell<Vec<Unpacked>> = const { RefCell::new(Vec::new()) };
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the copy is damaged: {what}"))
}

/// Whether an error says that a copy is damaged, and not that it cannot be read for now.
pub fn is_damage(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData
}

impl Packed {
    /// Opens a copy and reads its table. A damaged one is an error that [`is_damage`].
    pub fn open(path: &Path) -> io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let file = File::open(path)?;
        let frames = frames_of(&file, file.metadata()?.len())?;
        Ok(Self { path: path.to_owned(), number: NUMBER.fetch_add(1, Ordering::Relaxed), frames })
    }

    /// Bytes that it holds, unpacked.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks whether a copy is empty")]
    pub fn len(&self) -> u64 {
        self.frames.last().map_or(0, |frame| frame.end)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn unpack(&self, number: usize) -> io::Result<Vec<u8>> {
        let Some(frame) = self.frames.get(number) else { return Ok(Vec::new()) };
        let start = number.checked_sub(1).and_then(|before| self.frames.get(before)).map_or(0, |f| f.end);
        // Opened for every frame: there may be more copies than a process may have files open.
        let mut packed = Vec::new();
        read_exact_or_less(&File::open(&self.path)?, frame.at, frame.packed, &mut packed)?;
        let length = frame.end - start;
        let mut bytes = Vec::with_capacity(length as usize);
        let unpacked = Decompressor::new()?.decompress_to_buffer(&packed, &mut bytes);
        unpacked.map_err(|e| damaged(&format!("bytes {start} to {} do not unpack ({e})", frame.end)))?;
        if bytes.len() as u64 != length {
            return Err(damaged(&format!("bytes {start} to {} are not all there", frame.end)));
        }
        Ok(bytes)
    }
}

impl ReadAt for Packed {
    fn read_some_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let number = self.frames.partition_point(|frame| frame.end <= at);
        let Some(frame) = self.frames.get(number) else { return Ok(0) };
        UNPACKED.with_borrow_mut(|kept| {
            let key = (self.number, number);
            let there = kept.iter().position(|(other, _)| *other == key);
            let found = match there {
                Some(place) => kept.remove(place),
                None => (key, self.unpack(number)?),
            };
            kept.truncate(KEPT_FRAMES - 1);
            kept.insert(0, found);
            let bytes = kept.first().map(|(_, bytes)| bytes.as_slice()).unwrap_or_default();
            let from = bytes.len().saturating_sub((frame.end - at) as usize);
            let there = bytes.get(from..).unwrap_or_default();
            let length = there.len().min(buffer.len());
            if let (Some(to), Some(from)) = (buffer.get_mut(..length), there.get(..length)) {
                to.copy_from_slice(from);
            }
            Ok(length)
        })
    }
}

/// Reads the table at the end of a copy of that length.
fn frames_of(file: &File, len: u64) -> io::Result<Vec<Frame>> {
    let number = |bytes: &[u8]| bytes.try_into().map_or(0, u32::from_le_bytes);
    let cut_off = || damaged("it has no table at its end");
    let foot_at = len.checked_sub(HEAD_BYTES + FOOT_BYTES).ok_or_else(cut_off)? + HEAD_BYTES;
    let mut foot = [0; FOOT_BYTES as usize];
    file.read_exact_at(&mut foot, foot_at)?;
    let [count @ .., descriptor, _, _, _, _] = foot;
    let table_bytes = u64::from(u32::from_le_bytes(count)) * ENTRY_BYTES;
    let table_at = foot_at.checked_sub(table_bytes + HEAD_BYTES).ok_or_else(cut_off)?;
    if number(foot.get(5..).unwrap_or_default()) != SEEKABLE_MAGIC || descriptor != 0 {
        return Err(cut_off());
    }
    // No longer than the file itself.
    let mut table = vec![0; usize::try_from(HEAD_BYTES + table_bytes).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut table, table_at)?;
    let (head, entries) = table.split_at(HEAD_BYTES as usize);
    let (magic, bytes) = head.split_at(4);
    if number(magic) != SKIPPABLE_MAGIC || u64::from(number(bytes)) != table_bytes + FOOT_BYTES {
        return Err(damaged("its table is not whole"));
    }
    let (mut at, mut end, mut frames) = (0, 0, Vec::new());
    for entry in entries.chunks_exact(ENTRY_BYTES as usize) {
        let (packed, plain) = entry.split_at(4);
        let (packed, plain) = (u64::from(number(packed)), u64::from(number(plain)));
        if plain == 0 || plain > FRAME_BYTES || packed > PACKED_FRAME_BYTES_MAX {
            return Err(damaged("its table has a frame of an impossible length"));
        }
        end += plain;
        frames.push(Frame { at, packed, end });
        at += packed;
    }
    if at == table_at { Ok(frames) } else { Err(damaged("its frames and its table do not meet")) }
}

/// Packs the first `len` bytes of a source, frame by frame as long as `goes_on` says so; whether all of it was packed.
/// A source that is shorter is an error of the kind `UnexpectedEof`.
pub fn pack(
    source: &impl ReadAt,
    len: u64,
    into: &mut impl Write,
    goes_on: impl Fn() -> bool,
) -> io::Result<bool> {
    let mut compressor = Compressor::new(LEVEL)?;
    compressor.set_parameter(CParameter::ChecksumFlag(true))?;
    let (mut at, mut block, mut entries) = (0, Vec::new(), Vec::new());
    while at < len {
        if !goes_on() {
            return Ok(false);
        }
        let length = FRAME_BYTES.min(len - at);
        read_exact_or_less(source, at, length, &mut block)?;
        if (block.len() as u64) < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let packed = compressor.compress(&block)?;
        into.write_all(&packed)?;
        entries.extend((packed.len() as u32).to_le_bytes());
        entries.extend((length as u32).to_le_bytes());
        at += length;
    }
    let too_long = |_| io::Error::other("too long for one copy");
    let table_bytes = u32::try_from(entries.len() as u64 + FOOT_BYTES).map_err(too_long)?;
    let frames = u32::try_from(entries.len() as u64 / ENTRY_BYTES).map_err(too_long)?;
    into.write_all(&SKIPPABLE_MAGIC.to_le_bytes())?;
    into.write_all(&table_bytes.to_le_bytes())?;
    into.write_all(&entries)?;
    into.write_all(&frames.to_le_bytes())?;
    into.write_all(&[0])?;
    into.write_all(&SEEKABLE_MAGIC.to_le_bytes())?;
    into.flush()?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: usize) -> Vec<u8> {
        let line = |n: usize| format!("{{\"n\":{n},\"of\":{}}}\n", n * 7919 % 1_000_003);
        (0..).flat_map(|n| line(n).into_bytes()).take(bytes).collect()
    }

    fn packed(bytes: &[u8]) -> (tempfile::NamedTempFile, Vec<u8>) {
        let source = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(source.path(), bytes).unwrap();
        let mut copy = Vec::new();
        assert!(pack(source.as_file(), bytes.len() as u64, &mut copy, || true).unwrap());
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &copy).unwrap();
        (file, copy)
    }

    fn read_all(copy: &Packed) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        read_exact_or_less(copy, 0, copy.len() + 10, &mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn a_copy_gives_back_every_byte_at_every_offset() {
        for length in [0, 1, 5000, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_500_000] {
            let bytes = text(length);
            let (file, packed) = packed(&bytes);
            let copy = Packed::open(file.path()).unwrap();
            assert_eq!(copy.len(), length as u64);
            assert!(read_all(&copy).unwrap() == bytes);
            assert!(packed.len() < length / 3 + 100, "{} of {length}", packed.len());
            for from in (0..length).step_by(length / 13 + 1) {
                let mut part = Vec::new();
                read_exact_or_less(&copy, from as u64, 70_000, &mut part).unwrap();
                assert!(part == bytes[from..length.min(from + 70_000)]);
            }
        }
    }

    #[test]
    fn the_whole_of_a_copy_is_what_any_zstd_unpacks() {
        let bytes = text(2_500_000);
        let (_, copy) = packed(&bytes);
        assert!(zstd::stream::decode_all(&copy[..]).unwrap() == bytes);
    }

    #[test]
    fn a_copy_cut_anywhere_is_damaged() {
        let bytes = text(1_200_000);
        let (file, copy) = packed(&bytes);
        for length in (0..copy.len()).step_by(copy.len() / 200) {
            std::fs::write(file.path(), &copy[..length]).unwrap();
            assert!(Packed::open(file.path()).is_err_and(|e| is_damage(&e)), "{length} of {}", copy.len());
        }
    }

    #[test]
    fn a_flipped_bit_is_damage_or_changes_no_byte() {
        let bytes = text(60_000);
        let (file, copy) = packed(&bytes);
        let mut seen = 0;
        for at in 0..copy.len() {
            let mut flipped = copy.clone();
            flipped[at] ^= 1 << (at % 8);
            std::fs::write(file.path(), &flipped).unwrap();
            match Packed::open(file.path()).and_then(|copy| read_all(&copy)) {
                Ok(read) => assert!(read == bytes, "byte {at}"),
                Err(e) => seen += usize::from(is_damage(&e)),
            }
        }
        assert!(seen + 20 > copy.len(), "{seen} of {} flips were seen", copy.len());
    }

    #[test]
    fn a_frame_that_unpacks_to_more_than_it_may_is_refused_in_bounded_memory() {
        let bomb = zstd::bulk::compress(&vec![b'x'; 64 << 20], 3).unwrap();
        let mut copy = bomb.clone();
        copy.extend(SKIPPABLE_MAGIC.to_le_bytes());
        copy.extend(17_u32.to_le_bytes());
        copy.extend((bomb.len() as u32).to_le_bytes());
        copy.extend(1000_u32.to_le_bytes());
        copy.extend(1_u32.to_le_bytes());
        copy.push(0);
        copy.extend(SEEKABLE_MAGIC.to_le_bytes());
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &copy).unwrap();
        let copy = Packed::open(file.path()).unwrap();
        assert!(read_all(&copy).is_err_and(|e| is_damage(&e)));
    }
}
