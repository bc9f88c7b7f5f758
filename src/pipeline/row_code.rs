//! How a known row stands in its copy: 50 B and its optional members, 8 B each.

use super::known_rows::Incoming;
use super::row_ends::Ends;
use crate::domain::link::facts::{PARTS, TextFacts};
use crate::domain::link::{Facts, Judged, Place};
use crate::domain::schema::scalars::EventTime;
use crate::domain::score::Category;
use crate::domain::signal::SignalSet;

/// A score that took the place of another.
#[derive(Debug, Clone, Copy)]
pub struct Settled {
    /// The row.
    pub place: Place,
    /// Every signal that counts.
    pub current: SignalSet,
    /// The category.
    pub category: Category,
    /// How many scores came before.
    pub score_seq: u32,
}

/// One row or settled score, as it is read.
#[derive(Debug)]
pub enum Entry<'e> {
    /// A row.
    Row(&'e Incoming),
    /// A score that was settled.
    Settled(&'e Settled),
}

/// What a row starts with is a bit each, and then some small numbers; a settled score starts with this, as no row does.
const SETTLED: u32 = u32::MAX;

const HAS_SIGNATURE: u32 = 1;
const HAS_PULL: u32 = 2;
const HAS_COMMIT: u32 = 4;
const HAS_FILE: u32 = 8;
const HAS_ATTEMPT: u32 = 16;
const HAS_TEXT: u32 = 32;
const HAS_ANCHOR: u32 = 64;
const IS_WORK: u32 = 128;
const HAS_TASK: u32 = 256;
const IS_SECRET: u32 = 512;
const MAKES_PAIR: u32 = 1024;
const SECRET_IN_PAIR: u32 = 2048;
/// What it says of others is not what it says of itself.
const HAS_SAYS: u32 = 4096;
/// All members that are not there in every row.
const OPTIONAL: u32 = HAS_SIGNATURE
    | HAS_PULL
    | HAS_COMMIT
    | HAS_FILE
    | HAS_ATTEMPT
    | HAS_TEXT
    | HAS_ANCHOR
    | HAS_TASK
    | HAS_SAYS;
const CATEGORY_SHIFT: u32 = 13;
const PART_SHIFT: u32 = 15;
const JUDGED_SHIFT: u32 = 19;

/// Whom a row judges.
const NOBODY: u32 = 0;
const RUN: u32 = 1;
const SIGNATURE: u32 = 2;
const PULL: u32 = 3;
const PULL_AT_COMMIT: u32 = 4;
const FILE: u32 = 5;
const OWN_RUN: u32 = 6;
const OWN_FILE: u32 = 7;

/// Appends a row.
pub(super) fn encode(row: &Incoming, out: &mut Vec<u8>) {
    let facts = &row.facts;
    let flag = |set: bool, flag: u32| if set { flag } else { 0 };
    let flags = flag(facts.signature.is_some(), HAS_SIGNATURE)
        | flag(facts.pull.is_some(), HAS_PULL)
        | flag(facts.commit.is_some(), HAS_COMMIT)
        | flag(facts.file.is_some(), HAS_FILE)
        | flag(facts.attempt.is_some(), HAS_ATTEMPT)
        | flag(facts.text.is_some(), HAS_TEXT)
        | flag(facts.anchor_grounding.is_some(), HAS_ANCHOR)
        | flag(facts.work, IS_WORK)
        | flag(facts.task.is_some(), HAS_TASK)
        | flag(facts.secret, IS_SECRET)
        | flag(facts.makes_pair, MAKES_PAIR)
        | flag(facts.secret_in_pair, SECRET_IN_PAIR)
        | flag(facts.says != facts.own, HAS_SAYS);
    let (judged, target) = match facts.judged {
        Judged::Nothing => (NOBODY, [None; 2]),
        Judged::Run(run) if run == facts.run => (OWN_RUN, [None; 2]),
        Judged::Run(run) => (RUN, [Some(run), None]),
        Judged::Signature(signature) => (SIGNATURE, [Some(signature), None]),
        Judged::Pull(pull, None) => (PULL, [Some(pull.cast_unsigned()), None]),
        Judged::Pull(pull, Some(commit)) => (PULL_AT_COMMIT, [Some(pull.cast_unsigned()), Some(commit)]),
        Judged::File(file) if facts.file == Some(file) => (OWN_FILE, [None; 2]),
        Judged::File(file) => (FILE, [Some(file), None]),
    };
    let head = flags
        | (row.category as u32) << CATEGORY_SHIFT
        | (facts.part as u32) << PART_SHIFT
        | judged << JUDGED_SHIFT;
    out.extend_from_slice(&head.to_le_bytes());
    out.extend_from_slice(&row.stream.to_le_bytes());
    out.extend_from_slice(&row.evidence_len.to_le_bytes());
    out.extend_from_slice(&row.sig);
    let mut put = |number: u64| out.extend_from_slice(&number.to_le_bytes());
    [facts.time.millis().cast_unsigned(), facts.run, facts.own.bits()].into_iter().for_each(&mut put);
    let optional = [
        (facts.says != facts.own).then(|| facts.says.bits()),
        facts.signature,
        facts.pull.map(i64::cast_unsigned),
        facts.commit,
        facts.file,
        facts.attempt.map(i64::cast_unsigned),
        facts.text.map(|text| text.text),
        facts.text.map(|text| text.instruction),
        facts.text.map(|text| text.input),
        facts.anchor_grounding.map(f64::to_bits),
        facts.task,
    ];
    optional.into_iter().chain(target).flatten().for_each(put);
}

/// Appends a settled score.
pub(super) fn encode_settled(score: &Settled, out: &mut Vec<u8>) {
    out.extend_from_slice(&SETTLED.to_le_bytes());
    out.extend_from_slice(&score.place.to_le_bytes());
    out.extend_from_slice(&score.current.bits().to_le_bytes());
    out.push(score.category as u8);
    out.extend_from_slice(&score.score_seq.to_le_bytes());
}

/// Takes a row or a settled score from the front and hands it over; nothing when it is neither. By reference: a row is 250 B here.
#[inline]
pub(super) fn decode(from: &mut &[u8], ends: &mut Ends, take: &mut impl FnMut(Entry<'_>)) -> Option<()> {
    let mut reader = Reader(from);
    let head = reader.u32()?;
    if head == SETTLED {
        let settled = Settled {
            place: reader.u32()?,
            current: SignalSet::from_bits(reader.u64()?),
            category: *Category::ALL.get(usize::from(reader.u8()?))?,
            score_seq: reader.u32()?,
        };
        *from = reader.0;
        take(Entry::Settled(&settled));
        return Some(());
    }
    let has = |flag: u32| head & flag != 0;
    let stream = u16::from_le_bytes(reader.take()?);
    let evidence_len = reader.u32()?;
    let sig = reader.take()?;
    let time = EventTime::from_millis(reader.u64()?.cast_signed());
    let (run, own) = (reader.u64()?, SignalSet::from_bits(reader.u64()?));
    let mut facts = Facts {
        part: *PARTS.get((head >> PART_SHIFT & 15) as usize)?,
        work: has(IS_WORK),
        time,
        run,
        judged: Judged::Nothing,
        signature: None,
        pull: None,
        commit: None,
        file: None,
        attempt: None,
        own,
        says: own,
        task: None,
        text: None,
        secret: has(IS_SECRET),
        makes_pair: has(MAKES_PAIR),
        secret_in_pair: has(SECRET_IN_PAIR),
        anchor_grounding: None,
    };
    if has(OPTIONAL) {
        decode_optional(head, &mut reader, &mut facts)?;
    }
    facts.judged = match head >> JUDGED_SHIFT & 7 {
        NOBODY => Judged::Nothing,
        OWN_RUN => Judged::Run(run),
        RUN => Judged::Run(reader.u64()?),
        SIGNATURE => Judged::Signature(reader.u64()?),
        PULL => Judged::Pull(reader.u64()?.cast_signed(), None),
        PULL_AT_COMMIT => Judged::Pull(reader.u64()?.cast_signed(), Some(reader.u64()?)),
        FILE => Judged::File(reader.u64()?),
        _ => Judged::File(facts.file?),
    };
    let category = *Category::ALL.get((head >> CATEGORY_SHIFT & 3) as usize)?;
    *from = reader.0;
    let evidence_at = ends.place(stream, sig, evidence_len);
    take(Entry::Row(&Incoming { sig, stream, evidence_at, evidence_len, category, facts }));
    Some(())
}

fn decode_optional(head: u32, reader: &mut Reader<'_>, facts: &mut Facts) -> Option<()> {
    let optional = |reader: &mut Reader<'_>, flag: u32| {
        if head & flag != 0 { reader.u64().map(Some) } else { Some(None) }
    };
    if let Some(says) = optional(reader, HAS_SAYS)? {
        facts.says = SignalSet::from_bits(says);
    }
    facts.signature = optional(reader, HAS_SIGNATURE)?;
    facts.pull = optional(reader, HAS_PULL)?.map(u64::cast_signed);
    facts.commit = optional(reader, HAS_COMMIT)?;
    facts.file = optional(reader, HAS_FILE)?;
    facts.attempt = optional(reader, HAS_ATTEMPT)?.map(u64::cast_signed);
    if head & HAS_TEXT != 0 {
        facts.text =
            Some(TextFacts { text: reader.u64()?, instruction: reader.u64()?, input: reader.u64()? });
    }
    facts.anchor_grounding = optional(reader, HAS_ANCHOR)?.map(f64::from_bits);
    facts.task = optional(reader, HAS_TASK)?;
    Some(())
}

struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    #[inline]
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (chunk, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*chunk)
    }

    #[inline]
    fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    #[inline]
    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    #[inline]
    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::link::Part;
    use crate::domain::signal::Code;

    fn row(number: u64) -> Incoming {
        let set = |code| [code].into_iter().collect();
        let facts = Facts {
            part: Part::Other,
            work: true,
            time: EventTime::from_millis(-5),
            run: number,
            judged: Judged::Run(number),
            signature: None,
            pull: None,
            commit: None,
            file: None,
            attempt: None,
            own: set(Code::OutcomeComplete),
            says: set(Code::OutcomeComplete),
            task: None,
            text: None,
            secret: false,
            makes_pair: true,
            secret_in_pair: false,
            anchor_grounding: None,
        };
        Incoming {
            sig: [number as u8; 16],
            stream: 2222,
            evidence_at: 0,
            evidence_len: 100,
            category: Category::Rejected,
            facts,
        }
    }

    #[track_caller]
    fn check(rows: &[Incoming]) {
        let (mut bytes, mut at, mut ends) = (Vec::new(), 0, Ends::default());
        for row in rows {
            encode(row, &mut bytes);
        }
        let mut rest = bytes.as_slice();
        for row in rows {
            let mut same = |entry: Entry<'_>| {
                let Entry::Row(read) = entry else { panic!("a row") };
                assert_eq!(
                    (read.sig, read.stream, read.evidence_at, read.evidence_len, read.category, read.facts),
                    (row.sig, row.stream, at, row.evidence_len, row.category, row.facts)
                );
            };
            decode(&mut rest, &mut ends, &mut same).unwrap();
            at += u64::from(row.evidence_len);
        }
        assert!(rest.is_empty());
    }

    #[test]
    fn a_row_is_read_as_it_was_written_and_takes_50_bytes_without_more() {
        let mut bytes = Vec::new();
        encode(&row(1), &mut bytes);
        assert_eq!(bytes.len(), 50);
        check(&[row(1), row(2)]);
    }

    #[test]
    fn every_optional_member_and_every_judgement_comes_back() {
        let mut rows = vec![row(0)];
        let mut with = |change: &dyn Fn(&mut Facts)| {
            let mut row = row(rows.len() as u64);
            change(&mut row.facts);
            rows.push(row);
        };
        with(&|facts| facts.signature = Some(7));
        with(&|facts| facts.pull = Some(-1));
        with(&|facts| facts.commit = Some(8));
        with(&|facts| facts.file = Some(9));
        with(&|facts| facts.attempt = Some(i64::MIN));
        with(&|facts| facts.text = Some(TextFacts { text: 1, instruction: 2, input: 3 }));
        with(&|facts| facts.anchor_grounding = Some(0.25));
        with(&|facts| facts.task = Some(10));
        with(&|facts| facts.says = SignalSet::EMPTY);
        with(&|facts| (facts.secret, facts.secret_in_pair, facts.work) = (true, true, false));
        with(&|facts| facts.judged = Judged::Nothing);
        with(&|facts| facts.judged = Judged::Run(u64::MAX));
        with(&|facts| facts.judged = Judged::Signature(4));
        with(&|facts| facts.judged = Judged::Pull(-4, None));
        with(&|facts| facts.judged = Judged::Pull(4, Some(5)));
        with(&|facts| facts.judged = Judged::File(6));
        with(&|facts| (facts.file, facts.judged) = (Some(6), Judged::File(6)));
        for part in PARTS {
            with(&|facts| facts.part = part);
        }
        check(&rows);
    }

    #[test]
    fn half_a_row_is_none() {
        let mut bytes = Vec::new();
        encode(&row(1), &mut bytes);
        for len in 0..bytes.len() {
            assert!(
                decode(&mut bytes.get(..len).unwrap(), &mut Ends::default(), &mut |_| ()).is_none(),
                "{len}"
            );
        }
    }
}
