//! One layer of settings.

use figment::{
    Metadata, Profile, Provider,
    value::{Dict, Map, Value},
};

/// The origin of what flags say.
pub(crate) const COMMAND_LINE: &str = "command line";

/// One layer: the values of one place, by group.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    /// The place, for people.
    pub(crate) origin: String,
    /// The values by name, in a dictionary for each group.
    pub(crate) values: Dict,
}

impl Layer {
    /// Returns whether it says anything of the setting `name` of `group`.
    pub(crate) fn holds(&self, group: &str, name: &str) -> bool {
        let group = self.values.get(group).and_then(Value::as_dict);
        group.is_some_and(|group| group.contains_key(name))
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}
