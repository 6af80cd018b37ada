//! What is asked for of a JSON object.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::shape::{Kind, Leaf};

/// A value that was asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Value<'de> {
    #[default]
    Null,
    Boolean(bool),
    Whole(i128),
    Float(f64),
    Text(Cow<'de, str>),
    /// The elements of a list.
    List(Vec<Value<'de>>),
    /// An object, or a list of lists.
    Other,
}

impl Value<'_> {
    /// Returns what the value is, if it is one that can be read.
    pub(crate) const fn kind(&self) -> Option<Kind> {
        match self {
            Self::Boolean(_) => Some(Kind::Boolean),
            Self::Whole(_) | Self::Float(_) => Some(Kind::Number),
            Self::Text(_) => Some(Kind::Text),
            Self::Null | Self::List(_) | Self::Other => None,
        }
    }
}

/// The way to the values that are asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Way {
    name: String,
    members: Vec<Way>,
    /// The value's place among those asked for.
    slot: Option<usize>,
}

impl Way {
    /// Lays the way to columns.
    pub(crate) fn to<'l>(leaves: impl IntoIterator<Item = &'l Leaf>) -> Self {
        let mut root = Self::default();
        for (slot, leaf) in leaves.into_iter().enumerate() {
            let mut way = &mut root;
            for name in &leaf.path {
                let place = way.members.iter().position(|member| member.name == *name);
                let place = place.unwrap_or_else(|| {
                    way.members.push(Self { name: name.clone(), ..Self::default() });
                    way.members.len() - 1
                });
                way = &mut way.members[place];
            }
            way.slot = Some(slot);
        }
        root
    }

    /// Makes all values below lists of so many elements.
    fn pad(&self, values: &mut [Value<'_>], length: usize) {
        if let Some(slot) = self.slot {
            match &mut values[slot] {
                Value::List(list) => list.resize(length, Value::Null),
                other => *other = Value::List(vec![Value::Null; length]),
            }
        }
        self.members.iter().for_each(|member| member.pad(values, length));
    }
}

/// Where in an object a walk is.
pub(crate) struct Walk<'w, 'de> {
    way: &'w Way,
    values: &'w mut Vec<Value<'de>>,
    /// The element of a list.
    element: Option<usize>,
}

impl<'w, 'de> Walk<'w, 'de> {
    /// Begins with an object, whose values go into `values`.
    pub(crate) fn new(way: &'w Way, values: &'w mut Vec<Value<'de>>) -> Self {
        Self { way, values, element: None }
    }

    #[expect(clippy::unnecessary_wraps, reason = "the visitor's methods return what this does")]
    fn put<E>(self, value: Value<'de>) -> Result<(), E> {
        let Some(slot) = self.way.slot else { return Ok(()) };
        let place = &mut self.values[slot];
        let Some(element) = self.element else {
            *place = value;
            return Ok(());
        };
        if !matches!(place, Value::List(_)) {
            *place = Value::List(Vec::new());
        }
        if let Value::List(list) = place {
            // The last of several members of one name counts, as it does outside of lists.
            list.resize(element, Value::Null);
            list.push(value);
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.put(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.put(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.put(Value::Whole(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.put(Value::Whole(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        // As many digits as a float holds exactly.
        let is_whole = value.fract() == 0.0 && value.abs() < 9e15;
        self.put(if is_whole { Value::Whole(value as i128) } else { Value::Float(value) })
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.put(Value::Text(Cow::Owned(value.into())))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<(), E> {
        self.put(Value::Text(Cow::Borrowed(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if self.element.is_some() {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return self.put(Value::Other);
        }
        let mut length = 0;
        loop {
            let values = &mut *self.values;
            let walk = Walk { way: self.way, values, element: Some(length) };
            if list.next_element_seed(walk)?.is_none() {
                break;
            }
            length += 1;
        }
        self.way.pad(self.values, length);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            let Some(way) = self.way.members.iter().find(|member| member.name == name) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            map.next_value_seed(Walk { way, values: &mut *self.values, element: self.element })?;
        }
        if self.way.slot.is_some() { self.put(Value::Other) } else { Ok(()) }
    }
}
