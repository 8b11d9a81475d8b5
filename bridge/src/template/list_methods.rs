//! Methods of Python's lists, tuples and dictionaries.

use minijinja::value::{from_args, Tuple};
use minijinja::{Error, ErrorKind, Value};

type Outcome = Result<Option<Value>, Error>;

fn refuse(kind: &str, method: &str) -> Error {
    Error::new(
        ErrorKind::InvalidOperation,
        format!("{kind}.{method} changes its object, which templates may not do"),
    )
}

/// `None` when this module does not know the method.
pub fn call_list(value: &Value, method: &str, args: &[Value]) -> Outcome {
    match method {
        "index" => {
            let (wanted, start): (&Value, Option<usize>) = from_args(args)?;
            for (index, item) in value.try_iter()?.enumerate().skip(start.unwrap_or(0)) {
                if item == *wanted {
                    return Ok(Some(Value::from(index)));
                }
            }
            Err(Error::new(
                ErrorKind::InvalidOperation,
                format!("{} is not in the list", super::python_text::repr(wanted)?),
            ))
        }
        "copy" => {
            let () = from_args(args)?;
            Ok(Some(value.clone()))
        }
        "append" | "extend" | "insert" | "pop" | "remove" | "clear" | "sort" | "reverse" => {
            Err(refuse("list", method))
        }
        _ => Ok(None),
    }
}

/// `None` when this module does not know the method. Views are lists, so they have a length.
pub fn call_dict(value: &Value, method: &str, args: &[Value]) -> Outcome {
    let pairs = || -> Result<Vec<(Value, Value)>, Error> {
        value.try_iter()?.map(|key| Ok((key.clone(), value.get_item(&key)?))).collect()
    };
    let list: Vec<Value> = match method {
        "keys" => value.try_iter()?.collect(),
        "values" => pairs()?.into_iter().map(|(_, item)| item).collect(),
        "items" => pairs()?.into_iter().map(|(k, v)| Value::from(Tuple::from([k, v]))).collect(),
        "copy" => {
            let () = from_args(args)?;
            return Ok(Some(value.clone()));
        }
        "update" | "pop" | "popitem" | "setdefault" | "clear" => {
            return Err(refuse("dict", method));
        }
        _ => return Ok(None),
    };
    let () = from_args(args)?;
    Ok(Some(Value::from(list)))
}
