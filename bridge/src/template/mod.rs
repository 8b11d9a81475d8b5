//! Jinja templates in the two dialects that language-model tools use, with Python's own texts.

mod chat_tags;
mod dump_json;
mod filters;
mod list_methods;
mod parse_json;
mod python_text;
mod regex_replace;
mod str_methods;
mod strftime;

use std::borrow::Cow;
use std::fmt;
use std::io;

use minijinja::syntax::{SyntaxConfig, SyntaxConfigBuilder};
use minijinja::value::ValueKind;
use minijinja::{Environment, ErrorKind, State, UndefinedBehavior, Value};

use crate::error::{Code, Error, Result};
pub use strftime::Clock;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Chat,
    Task,
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub steps: u64,
    pub output_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 5_000_000, output_bytes: 256 << 20 }
    }
}

/// Nesting of JSON, and of blocks and macro calls in a template.
const MAX_DEPTH: usize = 200;
const NAME: &str = "template";

pub struct Template {
    environment: Environment<'static>,
}

impl Template {
    pub fn compile(dialect: Dialect, source: &str) -> Result<Self> {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_recursion_limit(MAX_DEPTH);
        environment.set_formatter(|out, _, value| {
            let text = python_text::str(value)?;
            out.write_str(&text).map_err(|e| {
                minijinja::Error::new(ErrorKind::WriteFailure, "cannot write").with_source(e)
            })
        });
        environment.set_unknown_method_callback(call_method);
        filters::add_shared(&mut environment);
        let source = chat_tags::unix_newlines(source);
        let source = match dialect {
            Dialect::Chat => {
                environment
                    .set_syntax(whitespace(|syntax| syntax.trim_blocks(true).lstrip_blocks(true)));
                environment.set_undefined_behavior(UndefinedBehavior::Lenient);
                filters::add_chat(&mut environment);
                Cow::Owned(chat_tags::scope_generation(&source).into_owned())
            }
            Dialect::Task => {
                environment.set_syntax(whitespace(|syntax| syntax.keep_trailing_newline(true)));
                environment.set_undefined_behavior(UndefinedBehavior::Strict);
                filters::add_task(&mut environment);
                source
            }
        };
        environment
            .add_template_owned(NAME, source.into_owned())
            .map_err(|e| explain(&e, Code::InvalidData))?;
        Ok(Self { environment })
    }

    pub fn render(&self, context: &str, clock: Option<Clock>, limits: Limits) -> Result<String> {
        let context = parse_json::parse(context, MAX_DEPTH)?;
        if context.kind() != ValueKind::Map {
            return Err(Error::new(Code::InvalidData, "the context is not a JSON object"));
        }
        let clock_function = Value::from_function(move |format: &str| strftime::now(clock, format));
        let keys = context.try_iter().expect("a map iterates").map(|key| {
            let value = context.get_item(&key).expect("the key came from the map");
            (key, value)
        });
        let context: Value = Value::from_pairs(
            [(Value::from("strftime_now"), clock_function)].into_iter().chain(keys),
        );

        let mut environment = self.environment.clone();
        environment.set_fuel(Some(limits.steps.min(i64::MAX as u64)));
        let template = environment.get_template(NAME).map_err(|e| explain(&e, Code::Internal))?;
        let mut output = BoundedOutput { bytes: Vec::new(), limit: limits.output_bytes };
        template.render_captured_to(context, &mut output).map_err(|e| explain(&e, Code::Render))?;
        String::from_utf8(output.bytes)
            .map_err(|_| Error::new(Code::Internal, "a template wrote text that is not UTF-8"))
    }
}

fn whitespace(choose: fn(&mut SyntaxConfigBuilder) -> &mut SyntaxConfigBuilder) -> SyntaxConfig {
    choose(&mut SyntaxConfig::builder()).build().expect("the delimiters are Jinja's own")
}

/// What `raise_exception` put into the error, to tell it from other failures.
#[derive(Debug)]
struct Raised(String);

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Raised {}

#[derive(Debug)]
struct OutputLimit(u64);

impl fmt::Display for OutputLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the rendered text is longer than {} bytes", self.0)
    }
}

impl std::error::Error for OutputLimit {}

struct BoundedOutput {
    bytes: Vec<u8>,
    limit: u64,
}

impl io::Write for BoundedOutput {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if (self.bytes.len() + part.len()) as u64 > self.limit {
            return Err(io::Error::other(OutputLimit(self.limit)));
        }
        self.bytes.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn find_source<T: std::error::Error + 'static>(error: &minijinja::Error) -> Option<&T> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = next {
        if let Some(found) = current.downcast_ref::<T>() {
            return Some(found);
        }
        let io_cause = current.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match io_cause {
            Some(inner) => Some(inner),
            None => current.source(),
        };
    }
    None
}

fn explain(error: &minijinja::Error, code: Code) -> Error {
    let line = error.line().unwrap_or(0);
    if let Some(Raised(message)) = find_source(error) {
        return Error::new(Code::Raised, message).at_line(line);
    }
    if let Some(limit) = find_source::<OutputLimit>(error) {
        return Error::new(Code::Limit, limit.to_string()).at_line(line);
    }
    if error.kind() == ErrorKind::OutOfFuel {
        return Error::new(Code::Limit, "the template ran more steps than allowed").at_line(line);
    }
    let mut message = error.kind().to_string();
    if let Some(detail) = error.detail() {
        message = format!("{message}: {detail}");
    }
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        message = format!("{message}: {inner}");
        cause = inner.source();
    }
    Error::new(code, message).at_line(line)
}

fn call_method(
    state: &mut State,
    value: &Value,
    method: &str,
    args: &[Value],
) -> std::result::Result<Value, minijinja::Error> {
    let own = match value.kind() {
        ValueKind::String => str_methods::call(value, method, args)?,
        ValueKind::Seq | ValueKind::Iterable => list_methods::call_list(value, method, args)?,
        ValueKind::Map => list_methods::call_dict(value, method, args)?,
        _ => None,
    };
    match own {
        Some(result) => Ok(result),
        None => minijinja_contrib::pycompat::unknown_method_callback(state, value, method, args),
    }
}

#[cfg(test)]
mod tests;
