//! How far the rows of each stream go while their copy is read: a row does not say where its evidence stands, only how long it is.

/// Of each stream: what was read of it so far.
#[derive(Debug, Default)]
pub struct Ends(Vec<End>);

/// What was read of a stream.
#[derive(Debug, Clone, Copy, Default)]
pub struct End {
    /// Its rows.
    pub rows: u64,
    /// The first 16 bytes of the `sig_hash` of the last one.
    pub sig: [u8; 16],
    /// Where the evidence of that one starts.
    pub evidence_at: u64,
    /// Where it ends, which is where that of the next one starts.
    pub evidence_to: u64,
}

impl Ends {
    /// What was read of a stream.
    pub fn of(&self, stream: usize) -> End {
        self.0.get(stream).copied().unwrap_or_default()
    }

    /// How many streams there may be rows of.
    pub fn streams(&self) -> usize {
        self.0.len()
    }

    /// Where the evidence of the stream's next row starts, which is this one.
    #[inline]
    pub(super) fn place(&mut self, stream: u16, sig: [u8; 16], evidence_len: u32) -> u64 {
        let stream = usize::from(stream);
        if stream >= self.0.len() {
            self.0.resize(stream + 1, End::default());
        }
        let Some(end) = self.0.get_mut(stream) else { return 0 };
        let (at, to) = (end.evidence_to, end.evidence_to + u64::from(evidence_len));
        *end = End { rows: end.rows + 1, sig, evidence_at: at, evidence_to: to };
        at
    }
}
