//! Settings by name: the flags' names with underscores, which are the names of the fields of
//! `ModelConfig` and `TrainingConfig`.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::common::{Failure, usage};

/// Values by the name of their field.
pub type Fields = Map<String, Value>;

/// The fields of a record.
pub fn fields(record: &impl Serialize) -> Result<Fields, Failure> {
    Ok(serde_json::from_value(serde_json::to_value(record)?)?)
}

/// The name of a field's flag.
pub fn flag(field: &str) -> String {
    field.replace('_', "-")
}

/// The record with the fields of the same names replaced.
pub fn replace<T>(record: &T, with: &Fields) -> Result<T, Failure>
where
    T: Clone + Serialize + DeserializeOwned,
{
    let mut all = fields(record)?;
    let mut record = record.clone();
    for (name, value) in with {
        if let Some(field) = all.get_mut(name) {
            *field = value.clone();
            record = T::deserialize(Value::Object(all.clone()))
                .map_err(|error| usage!("--{}: {error}", flag(name)))?;
        }
    }
    Ok(record)
}
