//! The names of a conversation's items, with ids that outlive the service.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::update::ItemId;

/// The names of items, with ids that stay the same when a service returns.
#[derive(Debug, Default)]
pub(crate) struct Names(Mutex<NameTable>);

#[derive(Debug, Default)]
struct NameTable {
    ids: HashMap<Arc<str>, ItemId>,
    names: Vec<Arc<str>>,
}

impl Names {
    /// The id of a name.
    pub(crate) fn id(&self, name: &str) -> ItemId {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&id) = table.ids.get(name) {
            return id;
        }
        let (id, name) = (ItemId::new(table.names.len() as u32), Arc::<str>::from(name));
        table.ids.insert(name.clone(), id);
        table.names.push(name);
        id
    }

    /// The name of an id.
    pub(crate) fn name(&self, id: ItemId) -> Option<Arc<str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).names.get(id.index()).cloned()
    }
}
