//! Which columns JSON objects have, and what they hold.

use std::fmt;

use arrow_schema::DataType;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// What the values of a column are. A column has one kind; values of another are not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean,
    Number,
    Text,
}

impl Kind {
    /// Names such a value.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "true or false",
            Self::Number => "a number",
            Self::Text => "text",
        }
    }

    /// Returns the type of a column of such values.
    pub(crate) const fn data_type(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Number => DataType::Float64,
            Self::Text => DataType::Utf8,
        }
    }
}

/// A member of objects, and what is in it, in the order of appearance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) members: Vec<Node>,
    /// What its first value is that is no null.
    pub(crate) kind: Option<Kind>,
    /// It stands for a value itself, if only a null.
    pub(crate) is_value: bool,
    /// It, or what is around it, is a list.
    pub(crate) is_list: bool,
}

/// A column: the path to a value.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) path: Vec<String>,
    pub(crate) kind: Option<Kind>,
    pub(crate) is_list: bool,
}

impl Node {
    fn member(&mut self, name: &str) -> &mut Self {
        let place = self.members.iter().position(|member| member.name == name);
        let place = place.unwrap_or_else(|| {
            self.members.push(Self { name: name.into(), is_list: self.is_list, ..Self::default() });
            self.members.len() - 1
        });
        &mut self.members[place]
    }

    fn value(&mut self, kind: Option<Kind>) {
        self.is_value = true;
        self.kind = self.kind.or(kind);
    }

    /// Lists the columns.
    pub(crate) fn leaves(&self) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        self.members.iter().for_each(|member| member.list(&mut Vec::new(), &mut leaves));
        leaves
    }

    fn list(&self, path: &mut Vec<String>, leaves: &mut Vec<Leaf>) {
        path.push(self.name.clone());
        // A null in the place of an object is no column of its own.
        if self.members.is_empty() || self.kind.is_some() {
            leaves.push(Leaf { path: path.clone(), kind: self.kind, is_list: self.is_list });
        }
        self.members.iter().for_each(|member| member.list(path, leaves));
        path.pop();
    }
}

/// Looks at a value.
pub(crate) struct Look<'n>(pub(crate) &'n mut Node);

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.value(None);
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.0.value(Some(Kind::Boolean));
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.0.value(Some(Kind::Number));
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.0.value(Some(Kind::Number));
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.0.value(Some(Kind::Number));
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.0.value(Some(Kind::Text));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.0.is_list = true;
        self.0.value(None);
        while list.next_element_seed(Look(&mut *self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            map.next_value_seed(Look(self.0.member(&name)))?;
        }
        Ok(())
    }
}
