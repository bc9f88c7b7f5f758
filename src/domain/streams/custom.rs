//! A stream that the config describes by JSON pointers.

use super::field::Field;
use super::{Draft, Stream};
use crate::domain::canonical::Value;
use crate::domain::reject::Reject;
use crate::domain::row::{Row, as_int, as_text, row_time};
use crate::domain::rules::CustomStream;
use crate::domain::schema::record::{Kind, ModelRole};
use crate::domain::schema::scalars::Escaped;

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

    fn about(&self) -> &'static str {
        "A row of a stream that the config describes."
    }

    fn fields(&self) -> &'static [Field] {
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
            let parsed = row_time(&written).ok_or_else(|| Reject::BadTime(pointer.clone()))?;
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Custom, CustomStream, ModelRole};
    use crate::domain::streams::check::check_custom;

    fn custom() -> Custom {
        let pointer = |text: &str| Some(text.to_owned());
        Custom::new(CustomStream {
            name: "lab".to_owned(),
            work: true,
            role: ModelRole::Verifier,
            time: pointer("/meta/at"),
            run_id: pointer("/meta/run"),
            task_id: pointer("/ids/0"),
            model: pointer("/model"),
            text: pointer("/a~1b"),
        })
    }

    fn row() -> Value {
        json!({"meta": {"at": "2026-04-26T16:03:11.482+02:00", "run": 7}, "ids": ["t1"], "model": "m", "a/b": "text"})
    }

    #[test]
    fn a_custom_row_is_read_through_its_pointers() {
        check_custom(
            &custom(),
            &row(),
            &json!({
                "run_id": "7", "task_id": "t1", "model_role": "verifier", "source_stream": "lab", "kind": "work",
                "timestamp": "2026-04-26T14:03:11.482Z", "model_name": "m", "text": "text", "own": [], "says": [],
                "scored": "needs_human_review", "reasons": ["rule.none"],
            }),
        );
    }

    #[test]
    fn what_a_custom_row_lacks_is_made_up_or_absent() {
        let mut bare = row();
        for field in ["ids", "model", "a/b"] {
            bare.as_object_mut().unwrap().remove(field);
        }
        bare["meta"]["run"] = json!(null);
        check_custom(
            &custom(),
            &bare,
            &json!({
                "run_id": "lab:{sig16}", "task_id": "lab:{sig16}", "model_name": null, "text": null, "warnings": {},
            }),
        );
    }

    #[test]
    fn a_custom_time_must_be_one() {
        for (at, refused) in [
            (json!("noon"), "bad_time:/meta/at"),
            (json!(5), "wrong_type:/meta/at"),
            (json!(null), "wrong_type:/meta/at"),
        ] {
            let mut bad = row();
            bad["meta"]["at"] = at;
            check_custom(&custom(), &bad, &json!({"refused": refused}));
        }
        check_custom(&custom(), &json!({"meta": {}}), &json!({"refused": "missing_field:/meta/at"}));
    }
}
