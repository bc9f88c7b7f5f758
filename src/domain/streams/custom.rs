//! A stream that the config describes by JSON pointers.

use super::{Draft, Stream};
use crate::domain::canonical::Value;
use crate::domain::reject::Reject;
use crate::domain::row::{Row, as_int, as_text};
use crate::domain::rules::CustomStream;
use crate::domain::schema::record::{Kind, ModelRole};
use crate::domain::schema::scalars::{Escaped, EventTime};

/// A `[[stream]]` of the config.
pub(super) struct Custom {
    settings: CustomStream,
}

impl Custom {
    pub(super) fn new(settings: CustomStream) -> Self {
        Self { settings }
    }
}

impl Stream for Custom {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn fields(&self) -> &[&str] {
        &[]
    }

    fn role(&self) -> ModelRole {
        self.settings.role
    }

    fn kind(&self) -> Kind {
        if self.settings.work { Kind::Work } else { Kind::Support }
    }

    fn read<'a>(&self, row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Result<(), Reject> {
        let root = row.root();
        let at = |pointer: &Option<String>| -> Option<Value<'a>> { root.pointer(pointer.as_deref()?) };
        let text = |pointer: &Option<String>| at(pointer).and_then(id_text);
        if let Some(pointer) = &self.settings.time {
            let value = root.pointer(pointer).ok_or_else(|| Reject::MissingField(pointer.clone()))?;
            let written = as_text(value)
                .ok_or_else(|| Reject::WrongType { field: pointer.clone(), expected: "a time" })?;
            let parsed =
                EventTime::parse(&written.plain()).ok_or_else(|| Reject::BadTime(pointer.clone()))?;
            if parsed.zone_assumed {
                row.warn("no_zone", pointer);
            }
            draft.time = Some(parsed.time);
        }
        let run = text(&self.settings.run_id).unwrap_or_else(|| row.sig_run(&self.settings.name));
        let task = text(&self.settings.task_id);
        draft.run_and_task(run, "", task.as_ref());
        draft.record.model_name = text(&self.settings.model);
        draft.record.text = at(&self.settings.text).and_then(crate::domain::row::item_text);
        Ok(())
    }
}

/// An id: a string, or a whole number.
fn id_text(value: Value<'_>) -> Option<Escaped<'_>> {
    let number = || as_int(value).map(|n| Escaped::from_escaped(n.to_string()));
    as_text(value).or_else(number).filter(|id| !id.is_empty())
}
