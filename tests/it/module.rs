//! The conformance cases through the core module, whose calls go over linear memory, as a host in
//! any language makes them: docs/plugin.md.

use std::sync::OnceLock;

use ilk_plugin_host::{Block, Items, Offers, Request};
use serde_json::{Value, json};
use wasmtime::{Cache, CacheConfig, Config, Engine, Instance, Memory, Module, Store, Val};

use crate::{
    cases,
    encodings::batch,
    plugin::{append, as_offers, block, built, laid_out, request, rows_of, stream},
};

/// The module, compiled once for all tests.
fn module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| {
        let mut cache = CacheConfig::new();
        cache.with_directory(built("ilk.module.wasm").with_file_name("cache"));
        let mut config = Config::new();
        config.cache(Some(Cache::new(cache).expect("a cache")));
        let engine = Engine::new(&config).expect("an engine");
        Module::from_file(&engine, built("ilk.module.wasm")).expect("a module")
    })
}

/// An instance, and what its calls take.
struct Calls {
    store: Store<()>,
    instance: Instance,
    memory: Memory,
}

/// A call's failure: its code.
type Refused = String;

impl Calls {
    fn new() -> Self {
        let mut store = Store::new(module().engine(), ());
        let instance = Instance::new(&mut store, module(), &[]).expect("no imports");
        let memory = instance.get_memory(&mut store, "memory").expect("a memory");
        let mut calls = Self { store, instance, memory };
        assert_eq!(calls.number("ilk_abi", &[]), 1);
        calls
    }

    /// Makes a call; returns its number, or 0 where it returns none.
    fn number(&mut self, name: &str, arguments: &[u32]) -> u32 {
        let function = self.instance.get_func(&mut self.store, name);
        let function = function.unwrap_or_else(|| panic!("no {name}"));
        let arguments = arguments.iter().map(|number| Val::I32(number.cast_signed()));
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        let called = function.call(&mut self.store, &arguments.collect::<Vec<_>>(), &mut results);
        called.unwrap_or_else(|error| panic!("{name}: {error:#}"));
        results.first().map_or(0, |result| result.unwrap_i32().cast_unsigned())
    }

    /// Makes a call that may be refused.
    fn call(&mut self, name: &str, arguments: &[u32]) -> Result<u32, Refused> {
        match self.number(name, arguments) {
            0 => {
                let failure: Value = serde_json::from_slice(&self.answer()).expect("a failure");
                assert!(failure["message"].is_string(), "{failure}");
                Err(failure["code"].as_str().expect("a code").into())
            }
            handle => Ok(handle),
        }
    }

    fn answer(&mut self) -> Vec<u8> {
        let (start, length) =
            (self.number("ilk_answer", &[]), self.number("ilk_answer_length", &[]));
        let bytes = self.memory.data(&self.store);
        bytes[start as usize..][..length as usize].to_vec()
    }

    fn json(&mut self) -> Value {
        serde_json::from_slice(&self.answer()).expect("JSON")
    }

    /// Puts bytes into a buffer of the module's; returns its address.
    fn put(&mut self, bytes: &[u8]) -> u32 {
        let address = self.number("ilk_alloc", &[bytes.len() as u32]);
        assert_eq!(address % 8, 0, "an aligned buffer");
        self.memory.write(&mut self.store, address as usize, bytes).expect("a buffer in memory");
        address
    }

    fn put_all<T: Copy, const N: usize>(&mut self, numbers: &[T], bytes: fn(T) -> [u8; N]) -> u32 {
        self.put(&numbers.iter().flat_map(|number| bytes(*number)).collect::<Vec<_>>())
    }

    fn put_u32(&mut self, numbers: &[u32]) -> u32 {
        self.put_all(numbers, u32::to_le_bytes)
    }

    /// Puts weights where there are any.
    fn put_some(&mut self, numbers: Option<&Vec<f64>>) -> u32 {
        numbers.map_or(0, |numbers| self.put_all(numbers, f64::to_le_bytes))
    }

    /// Runs a session on a stream, handed over in pieces of so many bytes.
    fn run(&mut self, request: &Request, stream: &[u8], piece: usize) -> Result<Vec<u8>, Refused> {
        let text = session_json(request).to_string();
        let at = self.put(text.as_bytes());
        let session = self.call("ilk_session_open", &[at, text.len() as u32])?;
        for piece in stream.chunks(piece) {
            let at = self.put(piece);
            self.call("ilk_session_add", &[session, at, piece.len() as u32])?;
        }
        loop {
            self.call("ilk_session_step", &[session])?;
            if self.json()["finished"] == true {
                break;
            }
        }
        let mut found = Vec::new();
        loop {
            self.call("ilk_session_next", &[session])?;
            let piece = self.answer();
            if piece.is_empty() {
                break;
            }
            found.extend(piece);
        }
        self.call("ilk_session_notes", &[session])?;
        assert_eq!(self.json()[0]["code"], "rows");
        self.number("ilk_session_close", &[session]);
        Ok(found)
    }

    fn open(&mut self, job: &str, items: &Items, sides: &str) -> Result<u32, Refused> {
        let Items { users, numbers, codes, supports, squares, candidates, wanted } = items;
        let job: Value = serde_json::from_str(job).expect("a job");
        let request = json!({
            "job": job, "users": users, "numbers": numbers, "sides": sides,
            "candidates": candidates, "wanted": wanted,
        });
        let text = request.to_string();
        let at = self.put(text.as_bytes());
        let (codes_at, supports_at) = (self.put_u32(codes), self.put_u32(supports));
        let squares = self.put_some(squares.as_ref());
        let (length, count) = (text.len() as u32, codes.len() as u32);
        self.call("ilk_tiles_open", &[at, length, count, codes_at, supports_at, squares])
    }

    /// Hands a block over with `ilk_tiles_rows` or `ilk_tiles_columns`.
    fn block(&mut self, name: &str, comparison: u32, block: &Block) -> Result<u32, Refused> {
        let Block { first, starts, users, weights } = block;
        let (starts_at, users_at) = (self.put_u32(starts), self.put_u32(users));
        let weights_at = self.put_some(weights.as_ref());
        let (items, count) = (starts.len() as u32 - 1, users.len() as u32);
        self.call(name, &[comparison, *first, items, starts_at, users_at, weights_at, count])
    }

    fn compute(&mut self, comparison: u32, positions: &[u32]) -> Result<Offers, Refused> {
        let at = self.put_u32(positions);
        self.call("ilk_tiles_compute", &[comparison, at, positions.len() as u32])?;
        Ok(offers(&self.answer()))
    }

    fn merge(&mut self, top: u32, offers_of_all: &Offers) -> Result<Offers, Refused> {
        let Offers { items, neighbours, scores, overlaps } = offers_of_all;
        let scores = scores.iter().map(|score| score.to_bits()).collect::<Vec<_>>();
        let at = self.put_u32(&[&items[..], neighbours, &scores, overlaps].concat());
        self.call("ilk_merge", &[top, at, items.len() as u32])?;
        Ok(offers(&self.answer()))
    }
}

/// A request as the module takes it.
fn session_json(request: &Request) -> Value {
    let Request { user, item, weight, time, item_label, conditions, .. } = request;
    let job: Value = serde_json::from_str(&request.job).expect("a job");
    json!({
        "source": {
            "user": user, "item": item, "weight": weight, "time": time, "item_label": item_label,
            "where": conditions,
        },
        "job": job,
        "only": request.only,
        "exclude": request.exclude,
        "for": request.wanted,
    })
}

/// Reads offers: four lists of as many numbers, one after the other.
fn offers(bytes: &[u8]) -> Offers {
    let words = bytes.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().expect("4")));
    let words = words.collect::<Vec<_>>();
    let list = |number: usize| {
        let count = words.len() / 4;
        words[number * count..][..count].to_vec()
    };
    let scores = list(2).into_iter().map(f32::from_bits).collect();
    Offers { items: list(0), neighbours: list(1), scores, overlaps: list(3) }
}

#[test]
fn what_is_expected_comes_out_of_the_module_however_the_table_is_cut() {
    let mut calls = Calls::new();
    for case in cases::all() {
        let expected = rows_of("expected.csv", case.text("expected.csv").into_bytes());
        let whole = stream(&[batch(&case)]);
        // One instance for all: nothing of a session is left for the next.
        for piece in [whole.len(), 61] {
            let found = calls.run(&request(&case), &whole, piece);
            let found = found.unwrap_or_else(|code| panic!("{}: {code}", case.name));
            assert_eq!(rows_of("found.arrows", found), expected, "{}", case.name);
        }
    }
}

#[test]
fn tiles_of_the_module_merge_into_the_neighbours() {
    let mut calls = Calls::new();
    for case in cases::all() {
        let (matrix, items, expected) = laid_out(&case);
        let count = items.codes.len() as u32;
        let mut all = as_offers(&ilk_core::result::Neighbours::new());
        // Rows against blocks of columns of two.
        let comparison = calls.open(&case.job_json(), &items, "row").expect("a comparison");
        calls.block("ilk_tiles_rows", comparison, &block(&matrix, 0..count)).expect("good rows");
        let positions = (0..count).collect::<Vec<_>>();
        for first in (0..count).step_by(2) {
            let columns = block(&matrix, first..(first + 2).min(count));
            calls.block("ilk_tiles_columns", comparison, &columns).expect("good columns");
            append(&mut all, calls.compute(comparison, &positions).expect("a tile"));
        }
        calls.number("ilk_tiles_close", &[comparison]);
        let merged = calls.merge(case.job.top, &all).expect("merged");
        assert_eq!(format!("{merged:?}"), format!("{expected:?}"), "{}", case.name);
        // Both sides at once, columns of the rows' own.
        let comparison = calls.open(&case.job_json(), &items, "both").expect("a comparison");
        calls.block("ilk_tiles_rows", comparison, &block(&matrix, 0..count)).expect("good rows");
        calls.call("ilk_tiles_columns_of_rows", &[comparison, 0, count]).expect("good columns");
        let all = calls.compute(comparison, &positions).expect("a tile");
        let merged = calls.merge(case.job.top, &all).expect("merged");
        assert_eq!(format!("{merged:?}"), format!("{expected:?}"), "{}", case.name);
        calls.number("ilk_tiles_close", &[comparison]);
    }
}

#[test]
fn the_module_follows_no_address_that_it_did_not_give() {
    let mut calls = Calls::new();
    let text = br#"{"source": {"user": "u", "item": "i"}}"#;
    let length = text.len() as u32;
    let at = calls.put(text);
    for (address, length) in [(at + 8, length), (0, length), (u32::MAX - 7, length)] {
        assert_eq!(calls.call("ilk_session_open", &[address, length]), Err("call".into()));
    }
    // Longer than the buffer is; the call took it all the same.
    assert_eq!(calls.call("ilk_session_open", &[at, 1 << 20]), Err("call".into()));
    assert_eq!(calls.call("ilk_session_open", &[at, length]), Err("call".into()));
    let at = calls.put(text);
    let session = calls.call("ilk_session_open", &[at, length]).expect("a session");
    assert_eq!(calls.call("ilk_session_add", &[session, at, length]), Err("call".into()), "taken");
    for name in ["ilk_session_step", "ilk_session_next", "ilk_session_notes"] {
        assert_eq!(calls.call(name, &[session + 1]), Err("call".into()), "no such session");
    }
    calls.number("ilk_session_close", &[session]);
    assert_eq!(calls.call("ilk_session_step", &[session]), Err("call".into()), "closed");
    // More than there is memory for is no trap.
    assert_eq!(calls.number("ilk_alloc", &[u32::MAX]), 0);
    // Freed twice, or never there.
    let at = calls.put(text);
    (0..2).for_each(|_| assert_eq!(calls.number("ilk_free", &[at]), 0));
    assert_eq!(calls.call("ilk_session_open", &[at, length]), Err("call".into()));
    // Counts that overflow.
    let at = calls.put(text);
    assert_eq!(calls.call("ilk_merge", &[1, at, u32::MAX]), Err("call".into()));
}

#[test]
fn what_cannot_be_is_said_in_words() {
    let mut calls = Calls::new();
    let mut open = |text: &str| {
        let at = calls.put(text.as_bytes());
        calls.call("ilk_session_open", &[at, text.len() as u32]).err()
    };
    for text in [
        "",
        "{}",
        "\u{7f}",
        r#"{"source": {"user": "u"}}"#,
        r#"{"source": {"user": "u", "item": "i"}, "job": {"top": -1}}"#,
        r#"{"source": {"user": "u", "item": "i"}, "jobs": {}}"#,
    ] {
        assert_eq!(open(text), Some("setting".into()), "{text}");
    }
    let request = Request { user: "u".into(), item: "i".into(), ..Request::default() };
    let request = Request { job: "{}".into(), ..request };
    assert_eq!(calls.run(&request, b"no Arrow stream at all", 5), Err("damaged".into()));
    assert_eq!(calls.run(&request, b"", 1), Err("no_rows".into()));
}
