//! Guests written by hand: a core module in text, made into a component of the interface.

use std::{fmt::Write as _, path::Path, sync::Arc, time::Duration};

use arrow_array::{Int64Array, RecordBatch};
use ilk_plugin_host::{Host, Limits, Request};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The calls of a guest of tables, each the body of a function; those that behave by default.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    /// Anything at the top of the module.
    pub(crate) extra: String,
    /// `(param i32 i32 i32 i32) (result i32)`
    pub(crate) realloc: String,
    /// `(param i32) (result i32)`
    pub(crate) open: String,
    /// `(param i32 i32 i32) (result i32)`
    pub(crate) add: String,
    /// `(param i32) (result i32)`
    pub(crate) step: String,
    /// `(param i32) (result i32)`
    pub(crate) next: String,
    /// `(param i32) (result i32)`
    pub(crate) notes: String,
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            extra: String::new(),
            // Memory is handed out from 64 KiB on, again and again the same.
            realloc: "i32.const 65536".into(),
            open: "(i32.store8 (i32.const 1024) (i32.const 0))
                   (i32.store (i32.const 1028) (call $new (i32.const 1)))
                   i32.const 1024"
                .into(),
            add: "(i32.store8 (i32.const 1024) (i32.const 0)) i32.const 1024".into(),
            step: "(i32.store8 (i32.const 1024) (i32.const 0))
                   (i32.store (i32.const 1032) (i32.const 8))
                   (i32.store (i32.const 1036) (i32.const 5))
                   (f64.store (i32.const 1040) (f64.const 1))
                   (i32.store8 (i32.const 1048) (i32.const 1))
                   i32.const 1024"
                .into(),
            next: "(i32.store8 (i32.const 1024) (i32.const 0))
                   (i32.store8 (i32.const 1028) (i32.const 0))
                   i32.const 1024"
                .into(),
            notes: "(i64.store (i32.const 1024) (i64.const 0)) i32.const 1024".into(),
        }
    }
}

const TABLES: &str = "ilk:similarity/tables@0.1.0";

impl Tables {
    /// Makes the component.
    pub(crate) fn build(&self) -> Vec<u8> {
        let mut functions = String::new();
        let calls = [
            ("[static]session.open", "i32", &self.open),
            ("[method]session.add", "i32 i32 i32", &self.add),
            ("[method]session.step", "i32", &self.step),
            ("[method]session.next", "i32", &self.next),
            ("[method]session.notes", "i32", &self.notes),
        ];
        for (name, parameters, body) in calls {
            writeln!(
                functions,
                "(func (export \"{TABLES}#{name}\") (param {parameters}) (result i32) {body})"
            )
            .expect("text");
        }
        let text = format!(
            "(module
               (import \"[export]{TABLES}\" \"[resource-new]session\"
                 (func $new (param i32) (result i32)))
               (memory (export \"memory\") 4)
               (data (i32.const 8) \"stage\")
               {extra}
               (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) {realloc})
               {functions})",
            extra = self.extra,
            realloc = self.realloc
        );
        component(&text, "table-engine")
    }
}

/// Makes a component of one of the interface's worlds from a module in text.
pub(crate) fn component(text: &str, world: &str) -> Vec<u8> {
    let mut module = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
    let mut resolve = Resolve::default();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("wit");
    let (package, _) = resolve.push_path(path).expect("the interface");
    let world = resolve.select_world(&[package], Some(world)).expect("a world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .expect("a module that takes a section");
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(&module).expect("the interface's exports");
    encoder.encode().unwrap_or_else(|error| panic!("{error:#}"))
}

/// A host of 64 MiB and half a second.
pub(crate) fn host() -> Host {
    Host::new(Limits {
        memory_bytes: 64 << 20,
        deadline: Some(Duration::from_millis(500)),
        ..Limits::default()
    })
    .expect("a sandbox")
}

/// A request that any guest here takes.
pub(crate) fn request() -> Request {
    Request { user: "user".into(), item: "item".into(), ..Request::default() }
}

/// A small table.
pub(crate) fn table() -> RecordBatch {
    let column = |numbers: &[i64]| Arc::new(Int64Array::from(numbers.to_vec())) as _;
    let columns = [("user", column(&[1, 1, 2, 2])), ("item", column(&[7, 8, 7, 8]))];
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

/// A body that takes all memory there is and then gives up.
pub(crate) const HOG: &str = "(loop
        (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
    (memory.fill (i32.const 65536) (i32.const 1) (i32.const 60000000))
    unreachable";

/// A body that returns a piece of so many bytes at some address.
pub(crate) fn piece(address: &str, length: &str) -> String {
    format!(
        "(i32.store8 (i32.const 1024) (i32.const 0))
         (i32.store8 (i32.const 1028) (i32.const 1))
         (i32.store (i32.const 1032) (i32.const {address}))
         (i32.store (i32.const 1036) (i32.const {length}))
         i32.const 1024"
    )
}
