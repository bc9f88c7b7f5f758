//! Croissant 1.1 metadata: what search engines and ML tools read of a dataset.

use serde_json::{Map, Value, json};

use super::feature::{Feature, FeatureKind};
use super::manifest::{DataFile, Facts};
use super::view::{VIEWS, View};
use crate::domain::schema::scalars::Sha256Hex;

/// `croissant.json`
pub fn croissant(facts: &Facts<'_>) -> Value {
    let content = facts.files.iter().map(|file| file.sha256.to_string()).collect::<Vec<_>>().join("\n");
    let distribution: Vec<_> = facts.files.iter().map(file_object).collect();
    let records = VIEWS
        .iter()
        .filter(|view| view.offered && view.features.iter().all(is_shallow))
        .flat_map(|view| facts.files_of(view).map(|file| record_set(view, file)).collect::<Vec<_>>());
    json!({
        "@context": context(),
        "@type": "sc:Dataset",
        "dct:conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": facts.name,
        "description": "Work of LLM agents as retrieval and training samples: accepted by deterministic checks, each with the row it was made from.",
        "license": facts.license,
        // There is no address that all who hold a copy share; its content is the same for all.
        "url": format!("urn:sha256:{}", Sha256Hex::of(content.as_bytes())),
        "creator": { "@type": "sc:Organization", "name": facts.name },
        "datePublished": facts.newest.to_string(),
        "version": facts.version.semver(),
        // The dataset goes on; the files of one version never change, so they carry their hashes.
        "isLiveDataset": true,
        "distribution": distribution,
        "recordSet": records.collect::<Vec<_>>(),
    })
}

/// Croissant's own terms that mean what their name says.
const TERMS: &[&str] = &[
    "arrayShape",
    "citeAs",
    "column",
    "containedIn",
    "equivalentProperty",
    "extract",
    "field",
    "fileObject",
    "fileProperty",
    "fileSet",
    "format",
    "includes",
    "isArray",
    "isLiveDataset",
    "jsonPath",
    "key",
    "md5",
    "parentField",
    "path",
    "recordSet",
    "references",
    "regex",
    "repeated",
    "replace",
    "samplingRate",
    "separator",
    "source",
    "subField",
    "transform",
    "value",
];

fn context() -> Value {
    let mut context = Map::new();
    let mut put = |term: &str, means: Value| drop(context.insert(term.to_owned(), means));
    put("@language", "en".into());
    put("@vocab", "https://schema.org/".into());
    put("sc", "https://schema.org/".into());
    put("cr", "http://mlcommons.org/croissant/".into());
    put("rai", "http://mlcommons.org/croissant/RAI/".into());
    put("dct", "http://purl.org/dc/terms/".into());
    put("conformsTo", "dct:conformsTo".into());
    for term in TERMS {
        put(term, format!("cr:{term}").into());
    }
    put("dataType", json!({ "@id": "cr:dataType", "@type": "@vocab" }));
    put("data", json!({ "@id": "cr:data", "@type": "@json" }));
    put("examples", json!({ "@id": "cr:examples", "@type": "@json" }));
    context.into()
}

fn file_object(file: &DataFile) -> Value {
    json!({
        "@type": "cr:FileObject",
        "@id": file.path,
        "name": file.path,
        "contentUrl": file.path,
        "contentSize": format!("{} B", file.bytes),
        "encodingFormat": "application/jsonlines",
        "sha256": file.sha256,
    })
}

/// Whether nothing in a column is nested deeper than its readers follow: one level of members.
fn is_shallow(feature: &Feature) -> bool {
    match feature.kind {
        FeatureKind::Object(inner) | FeatureKind::Objects(inner) => inner
            .iter()
            .all(|member| !matches!(member.kind, FeatureKind::Object(_) | FeatureKind::Objects(_))),
        FeatureKind::Text | FeatureKind::Whole | FeatureKind::Flag | FeatureKind::Texts => true,
    }
}

fn record_set(view: &View, file: &DataFile) -> Value {
    let id = format!("{}_{}", view.name, file.split.name());
    let fields: Vec<_> = view.features.iter().map(|feature| field(&id, feature, file, None)).collect();
    json!({ "@type": "cr:RecordSet", "@id": id, "name": id, "field": fields })
}

/// Where a value stands that is not a column of its own: the column, and the JSON path in it.
struct Inside {
    column: &'static str,
    path: &'static str,
}

/// One column, or one member inside a column.
fn field(parent: &str, feature: &Feature, file: &DataFile, inside: Option<&Inside>) -> Value {
    let id = format!("{parent}/{}", feature.name);
    let mut field = Map::new();
    field.insert("@type".to_owned(), "cr:Field".into());
    field.insert("@id".to_owned(), id.clone().into());
    field.insert("name".to_owned(), id.clone().into());
    let (data_type, inner, list): (_, &[Feature], _) = match feature.kind {
        FeatureKind::Text => (Some("sc:Text"), &[], false),
        FeatureKind::Whole => (Some("sc:Integer"), &[], false),
        FeatureKind::Flag => (Some("sc:Boolean"), &[], false),
        FeatureKind::Texts => (Some("sc:Text"), &[], true),
        FeatureKind::Object(inner) => (None, inner, false),
        FeatureKind::Objects(inner) => (None, inner, true),
    };
    field.extend(data_type.map(|data_type| ("dataType".to_owned(), data_type.into())));
    if list {
        field.insert("isArray".to_owned(), true.into());
        field.insert("arrayShape".to_owned(), "-1".into());
    }
    let (column, path) = match inside {
        Some(inside) => (inside.column, format!("{}{}", inside.path, feature.name)),
        None => (feature.name, String::new()),
    };
    if inner.is_empty() {
        let mut source = json!({ "fileObject": { "@id": file.path }, "extract": { "column": column } });
        if let Some(source) = source.as_object_mut().filter(|_| !path.is_empty()) {
            source.insert("transform".to_owned(), json!({ "jsonPath": path }));
        }
        field.insert("source".to_owned(), source);
    } else {
        let inside = Inside { column, path: if list { "[*]." } else { "" } };
        let inner: Vec<_> =
            inner.iter().map(|feature| self::field(&id, feature, file, Some(&inside))).collect();
        field.insert("subField".to_owned(), inner.into());
    }
    field.into()
}
