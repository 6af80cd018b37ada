//! A plugin: compiled code, and which interfaces it has.

use std::{fmt, fs, path::Path, sync::Arc};

use arrow_array::RecordBatch;
use wasmtime::component::{Component, InstancePre, Linker};

use crate::{
    bindings::{tables::TableEnginePre, tiles::TileEnginePre},
    comparison::{Comparison, Items, Sides},
    error::Error,
    guest::Bounds,
    host::Host,
    session::{Found, Request, Session},
};

/// The package of all interfaces.
const PACKAGE: &str = "ilk:similarity";

/// The version that this host speaks; 0.1.x is compatible with it.
pub(crate) const VERSION: (u64, u64, u64) = (0, 1, 0);

/// A plugin that was loaded: compiled once, shared by all that use it. Cheap to clone.
#[derive(Clone)]
pub struct Plugin {
    inner: Arc<Inner>,
}

struct Inner {
    host: Host,
    name: String,
    interfaces: Vec<Interface>,
    tables: Option<TableEnginePre<Bounds>>,
    tiles: Option<TileEnginePre<Bounds>>,
}

/// One interface that a plugin exports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interface {
    /// Its name, such as `ilk:similarity/tables`.
    pub name: String,
    /// Its version: major, minor, patch.
    pub version: (u64, u64, u64),
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor, patch) = self.version;
        write!(f, "{}@{major}.{minor}.{patch}", self.name)
    }
}

impl Interface {
    /// Reads the name of an export; `None` if it is of another package.
    fn parse(text: &str) -> Option<Self> {
        let (name, version) = text.split_once('@')?;
        name.strip_prefix(PACKAGE)?.strip_prefix('/')?;
        let mut numbers = version.splitn(3, '.').map(|number| number.parse().ok());
        let version = (numbers.next()??, numbers.next()??, numbers.next()??);
        Some(Self { name: name.into(), version })
    }

    /// Returns whether this host can call it: before 1.0 a new minor version is a new interface.
    fn fits(&self) -> bool {
        (self.version.0, self.version.1) == (VERSION.0, VERSION.1)
    }
}

/// What is wanted of plugins.
fn wanted(interface: &str) -> String {
    let (major, minor, patch) = VERSION;
    format!("{PACKAGE}/{interface}@{major}.{minor}.{patch}")
}

impl Host {
    /// Loads a plugin from a file. Cost: compiling it, one to two CPU seconds on all cores for Ilk's
    /// own, or a few milliseconds where the cache has it.
    ///
    /// # Errors
    /// For a file that cannot be read or is too large, and those of
    /// [`load_bytes`](Self::load_bytes).
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Plugin, Error> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let unreadable = |why: String| Error::Unreadable { name: name.clone(), why };
        let metadata = fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
        let most = self.inner.limits.plugin_bytes;
        if metadata.len() > most {
            let why = format!("it has {} bytes, and plugins may have {most}", metadata.len());
            return Err(Error::NotAPlugin { name, why });
        }
        let bytes = fs::read(path).map_err(|error| unreadable(error.to_string()))?;
        self.load_bytes(&name, &bytes)
    }

    /// Loads a plugin; `name` is what errors call it.
    ///
    /// # Errors
    /// For bytes that are no component, a component that imports anything, and one that has
    /// neither interface in a version that fits.
    pub fn load_bytes(&self, name: &str, bytes: &[u8]) -> Result<Plugin, Error> {
        Plugin::new(self.clone(), name, bytes)
    }
}

impl Plugin {
    pub(crate) fn new(host: Host, name: &str, bytes: &[u8]) -> Result<Self, Error> {
        let no_plugin = |why: String| Error::NotAPlugin { name: name.into(), why };
        match bytes {
            [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => {
                return Err(no_plugin("it is a core module, not a component".into()));
            }
            [0, b'a', b's', b'm', _, _, 1, 0, ..] => {}
            _ => return Err(no_plugin("it is not WebAssembly".into())),
        }
        let engine = &host.inner.engine;
        let component = Component::from_binary(engine, bytes);
        let component = component.map_err(|error| no_plugin(Error::line(&error)))?;
        let of_component = component.component_type();
        let imports = of_component.imports(engine).map(|(import, _)| import.to_owned());
        let imports = imports.collect::<Vec<_>>();
        if !imports.is_empty() {
            return Err(Error::Imports { name: name.into(), imports });
        }
        let exports = of_component.exports(engine).map(|(export, _)| export.to_owned());
        let exports = exports.collect::<Vec<_>>();
        let interfaces = exports.iter().filter_map(|name| Interface::parse(name));
        let interfaces = interfaces.collect::<Vec<_>>();
        let found = if exports.is_empty() { "nothing".into() } else { exports.join(", ") };
        let incompatible =
            |wanted: String, found: String| Err(Error::IncompatibleInterface { wanted, found });
        if !interfaces.iter().any(Interface::fits) {
            return incompatible(wanted("tables"), found);
        }
        let pre: InstancePre<Bounds> = Linker::new(engine)
            .instantiate_pre(&component)
            .map_err(|error| no_plugin(Error::line(&error)))?;
        let has = |interface: &str| {
            let name = format!("{PACKAGE}/{interface}");
            interfaces.iter().any(|one| one.fits() && one.name == name)
        };
        // Of a name that fits the types must, too.
        let tables = has("tables").then(|| TableEnginePre::new(pre.clone())).transpose();
        let tiles = has("tiles").then(|| TileEnginePre::new(pre)).transpose();
        let (tables, tiles) = match (tables, tiles) {
            (Ok(tables), Ok(tiles)) => (tables, tiles),
            (Err(error), _) => {
                return incompatible(
                    wanted("tables"),
                    format!("{found} ({})", Error::line(&error)),
                );
            }
            (_, Err(error)) => {
                return incompatible(wanted("tiles"), format!("{found} ({})", Error::line(&error)));
            }
        };
        let name = name.to_owned();
        Ok(Self { inner: Arc::new(Inner { host, name, interfaces, tables, tiles }) })
    }

    /// Returns what it was called when it was loaded.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Returns the interfaces it exports.
    pub fn interfaces(&self) -> &[Interface] {
        &self.inner.interfaces
    }

    /// Returns the host that it runs in.
    pub fn host(&self) -> &Host {
        &self.inner.host
    }

    /// Finds the neighbours in a table, in one go.
    ///
    /// # Errors
    /// What the plugin refuses, what it does wrong, and limits that it reaches.
    pub fn similar_items(
        &self,
        request: &Request,
        table: impl IntoIterator<Item = RecordBatch>,
    ) -> Result<Found, Error> {
        let mut session = self.session(request)?;
        for batch in table {
            session.add(&batch)?;
        }
        session.finish(|_| {})
    }

    /// Begins a session on tables, in an instance of its own.
    ///
    /// # Errors
    /// If the plugin has no tables, refuses the request or fails, or too many are at work.
    pub fn session(&self, request: &Request) -> Result<Session, Error> {
        let Some(pre) = &self.inner.tables else { return Err(self.lacks("tables")) };
        Session::open(&self.inner.host, pre, request)
    }

    /// Begins a comparison by tiles, in an instance of its own. `job` is JSON.
    ///
    /// # Errors
    /// If the plugin has no tiles, refuses the items or fails, or too many are at work.
    pub fn comparison(&self, job: &str, items: &Items, sides: Sides) -> Result<Comparison, Error> {
        let Some(pre) = &self.inner.tiles else { return Err(self.lacks("tiles")) };
        Comparison::open(&self.inner.host, pre, job, items, sides)
    }

    fn lacks(&self, interface: &str) -> Error {
        let found = self.inner.interfaces.iter().map(ToString::to_string).collect::<Vec<_>>();
        Error::IncompatibleInterface { wanted: wanted(interface), found: found.join(", ") }
    }

    /// Checks that it can take the place of `older`: every interface of that in the same or a
    /// newer compatible version.
    pub(crate) fn can_replace(&self, older: &Self) -> Result<(), Error> {
        let found = || self.inner.interfaces.iter().map(ToString::to_string).collect::<Vec<_>>();
        for interface in older.interfaces().iter().filter(|interface| interface.fits()) {
            let serves = |one: &Interface| {
                one.name == interface.name && one.fits() && one.version >= interface.version
            };
            if !self.interfaces().iter().any(serves) {
                let wanted = interface.to_string();
                return Err(Error::IncompatibleInterface { wanted, found: found().join(", ") });
            }
        }
        Ok(())
    }
}
