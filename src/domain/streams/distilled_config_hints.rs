//! `distilled_config_hints`: configuration hints distilled from a run.

use super::extraction::{DISTILLED_FIELDS, read_distilled};
use super::field::Field;
use super::{Draft, Stream};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{Kind, ModelRole};

/// The stream `distilled_config_hints`.
pub(super) struct DistilledConfigHints;

impl Stream for DistilledConfigHints {
    fn name(&self) -> &'static str {
        "distilled_config_hints"
    }

    fn about(&self) -> &'static str {
        "A hint on configuration distilled from a run."
    }

    fn fields(&self) -> &'static [Field] {
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
