//! A typed map: what each feature knows about one account or one session.

use std::any::{Any, TypeId};
use std::sync::Arc;

use parking_lot::RwLock;

type Entry = (TypeId, Arc<dyn Any + Send + Sync>);

/// One value for each type, read-mostly and small: a list beats a hash map here.
#[derive(Default)]
pub struct Extensions {
    entries: RwLock<Vec<Entry>>,
}

impl Extensions {
    /// The value of this type.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let entries = self.entries.read();
        let entry = entries.iter().find(|(id, _)| *id == TypeId::of::<T>())?;
        entry.1.clone().downcast().ok()
    }

    /// Whether there is a value of this type.
    pub fn has<T: Any + Send + Sync>(&self) -> bool {
        self.entries.read().iter().any(|(id, _)| *id == TypeId::of::<T>())
    }

    /// Puts a value in, replacing the older one of its type.
    pub fn put<T: Any + Send + Sync>(&self, value: T) {
        self.put_shared(Arc::new(value));
    }

    /// The same for a value that is shared already.
    pub fn put_shared<T: Any + Send + Sync>(&self, value: Arc<T>) {
        let mut entries = self.entries.write();
        match entries.iter_mut().find(|(id, _)| *id == TypeId::of::<T>()) {
            Some(entry) => entry.1 = value,
            None => entries.push((TypeId::of::<T>(), value)),
        }
    }

    /// The value of this type, made now if there is none. Two callers get the same one.
    pub fn or_insert_with<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Arc<T> {
        if let Some(value) = self.get() {
            return value;
        }
        let mut entries = self.entries.write();
        if let Some((_, value)) = entries.iter().find(|(id, _)| *id == TypeId::of::<T>())
            && let Ok(value) = value.clone().downcast()
        {
            return value;
        }
        let value = Arc::new(make());
        entries.push((TypeId::of::<T>(), value.clone()));
        value
    }

    /// Takes the value of this type out.
    pub fn remove<T: Any + Send + Sync>(&self) {
        self.entries.write().retain(|(id, _)| *id != TypeId::of::<T>());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_a_type_is_the_one_that_is_read() {
        let extensions = Extensions::default();
        extensions.put(1_u8);
        extensions.put("x");
        extensions.put(2_u8);
        assert_eq!((extensions.get::<u8>().as_deref(), extensions.get::<u16>()), (Some(&2), None));
        assert_eq!(*extensions.or_insert_with(|| 3_u8), 2);
    }
}
