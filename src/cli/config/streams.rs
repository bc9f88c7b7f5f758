//! What the config says of streams: aliases and versions of built-in ones, and streams of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::raw::{RawKind, RawStream};
use super::{ConfigError, Reader};
use crate::domain::rules::{CustomStream, Rules, StreamSettings};
use crate::domain::schema::record::ModelRole;
use crate::domain::streams::STREAMS;

impl Reader {
    /// Adds one stream to the rules; gives the file of a custom one.
    pub(super) fn stream(
        &self,
        name: &str,
        key: &str,
        raw: RawStream,
        rules: &mut Rules,
    ) -> Result<Option<PathBuf>, ConfigError> {
        let named = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let refuse_name = |allowed: &str| ConfigError::Value {
            file: self.file.clone(),
            key: format!("{key}.name"),
            value: format!("{name:?}"),
            allowed: allowed.to_owned(),
        };
        if name.is_empty() || name.len() > 64 || !named || name == "rescored" {
            let allowed = "a name of 1 to 64 characters from a-z, 0-9 and _ is, other than rescored";
            return Err(refuse_name(allowed));
        }
        if rules.streams.contains_key(name) {
            return Err(refuse_name("a stream may be described once"));
        }
        let Some(built_in) = STREAMS.iter().find(|stream| stream.name() == name) else {
            return self.custom_stream(name, key, raw, rules).map(Some);
        };
        let mut alias: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (theirs, ours) in raw.alias {
            // `their_name = "our_name"`, or the other way round when only the key is a name of ours.
            let fields: Vec<_> = built_in.fields().iter().map(|field| field.name).collect();
            let (theirs, ours) = if fields.contains(&ours.as_str()) {
                (theirs, ours)
            } else if fields.contains(&theirs.as_str()) {
                (ours, theirs)
            } else {
                let allowed = format!("one side must be a field of {name}: {}", fields.join(", "));
                return Err(self.refuse(&format!("{key}.alias.{theirs}"), &allowed));
            };
            alias.entry(ours).or_default().push(theirs);
        }
        let foreign = [
            ("path", raw.path.is_some()),
            ("kind", raw.kind.is_some()),
            ("role", raw.role.is_some()),
            ("time", raw.time.is_some()),
            ("run_id", raw.run_id.is_some()),
            ("task_id", raw.task_id.is_some()),
            ("model", raw.model.is_some()),
            ("text", raw.text.is_some()),
        ];
        if let Some((field, _)) = foreign.iter().find(|(_, there)| *there) {
            let allowed = "a built-in stream takes schema_version and alias alone";
            return Err(self.refuse(&format!("{key}.{field}"), allowed));
        }
        rules.streams.insert(name.to_owned(), StreamSettings { schema_version: raw.schema_version, alias });
        Ok(None)
    }

    fn custom_stream(
        &self,
        name: &str,
        key: &str,
        raw: RawStream,
        rules: &mut Rules,
    ) -> Result<PathBuf, ConfigError> {
        let path = raw.path.ok_or_else(|| {
            self.refuse(&format!("{key}.path"), "a stream that is not built in needs the path of its file")
        })?;
        if !raw.alias.is_empty() {
            let allowed = "only built-in streams have aliases; a custom one has JSON pointers";
            return Err(self.refuse(&format!("{key}.alias"), allowed));
        }
        let role = raw.role.as_deref().unwrap_or("executor");
        let roles: Vec<_> = ModelRole::ALL.iter().map(|role| role.name()).collect();
        let role = ModelRole::from_name(role)
            .ok_or_else(|| self.refuse(&format!("{key}.role"), &format!("one of {} is", roles.join(", "))))?;
        let pointers = [
            ("time", &raw.time),
            ("run_id", &raw.run_id),
            ("task_id", &raw.task_id),
            ("model", &raw.model),
            ("text", &raw.text),
        ];
        for (field, pointer) in pointers {
            if pointer.as_ref().is_some_and(|pointer| !pointer.starts_with('/')) {
                return Err(
                    self.refuse(&format!("{key}.{field}"), "a JSON pointer is, such as \"/meta/run_id\"")
                );
            }
        }
        let settings = StreamSettings { schema_version: raw.schema_version, alias: BTreeMap::new() };
        rules.streams.insert(name.to_owned(), settings);
        rules.custom.push(CustomStream {
            name: name.to_owned(),
            work: raw.kind != Some(RawKind::Support),
            role,
            time: raw.time,
            run_id: raw.run_id,
            task_id: raw.task_id,
            model: raw.model,
            text: raw.text,
        });
        Ok(self.base.join(path))
    }
}
