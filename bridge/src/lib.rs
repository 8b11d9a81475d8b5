//! One static library behind one hand-written C ABI (`include/anemone_bridge.h`).
//!
//! `abi` holds every exported function; the other modules are plain Rust and know no pointers.

pub mod abi;
mod error;
mod grammar;
#[cfg(feature = "parquet")]
mod rows;
mod template;
mod tokenizer;
