//! The names of settings, and what kind of value each takes.

/// A setting that job files take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// Its name in job files.
    pub(crate) name: String,
    /// The group of settings it belongs to, such as `job`.
    pub(crate) group: &'static str,
    /// Its value is a list; one value stands for a list of one.
    pub(crate) is_list: bool,
    /// Its value is a path, or a list of them.
    pub(crate) is_path: bool,
}

/// All settings that job files take, in the order in which they are listed to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keys(Vec<Key>);

impl Keys {
    /// The group of the settings of a data source.
    pub(crate) const SOURCE: &str = "source";

    /// Takes settings; those of [`SOURCE`](Self::SOURCE) belong to a data source, all others to the
    /// job.
    pub(crate) const fn new(keys: Vec<Key>) -> Self {
        Self(keys)
    }

    /// Returns the names that a data source takes.
    pub(crate) fn of_source(&self) -> Vec<&str> {
        let keys = self.0.iter().filter(|key| key.group == Self::SOURCE);
        keys.map(|key| key.name.as_str()).collect()
    }

    /// Returns the names that a job takes.
    pub(crate) fn of_job(&self) -> Vec<&str> {
        let keys = self.0.iter().filter(|key| key.group != Self::SOURCE);
        ["datasource"].into_iter().chain(keys.map(|key| key.name.as_str())).collect()
    }

    /// Finds a setting by its name.
    pub(crate) fn get(&self, name: &str) -> Option<&Key> {
        self.0.iter().find(|key| key.name == name)
    }
}
