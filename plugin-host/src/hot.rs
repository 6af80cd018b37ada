//! A plugin that can be replaced while it is at work.

use std::sync::{PoisonError, RwLock};

use crate::{error::Error, plugin::Plugin};

/// The plugin in service. What began with one plugin ends with it.
pub struct Hot {
    current: RwLock<Plugin>,
}

impl Hot {
    /// Puts a plugin into service.
    pub fn new(plugin: Plugin) -> Self {
        Self { current: RwLock::new(plugin) }
    }

    /// Returns the plugin in service now.
    pub fn current(&self) -> Plugin {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts a newer plugin in its place and returns the older one; sessions and comparisons under
    /// way finish on that.
    ///
    /// # Errors
    /// [`Error::IncompatibleInterface`] if the newer one lacks an interface of the older one, or
    /// has it in an older version; then the older one stays.
    pub fn replace(&self, newer: Plugin) -> Result<Plugin, Error> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        newer.can_replace(&current)?;
        Ok(std::mem::replace(&mut *current, newer))
    }
}
