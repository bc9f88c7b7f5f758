//! `distilled_procedures`: procedures distilled from a run.

use super::extraction::{DISTILLED_FIELDS, read_distilled};
use super::{Draft, Stream};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{Kind, ModelRole};

/// The stream `distilled_procedures`.
pub(super) struct DistilledProcedures;

impl Stream for DistilledProcedures {
    fn name(&self) -> &'static str {
        "distilled_procedures"
    }

    fn fields(&self) -> &'static [&'static str] {
        DISTILLED_FIELDS
    }

    fn role(&self) -> ModelRole {
        ModelRole::Extractor
    }

    fn kind(&self) -> Kind {
        Kind::Work
    }

    fn read<'a>(&self, row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Result<(), Reject> {
        read_distilled(row, draft)
    }
}
