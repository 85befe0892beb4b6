//! Texts of the checks file in which there may stand what is known only later: what an earlier step of a flow captured.

use std::collections::BTreeMap;

use serde_json::Value;

/// What steps have captured, each with its name.
pub(crate) type Captured = BTreeMap<String, String>;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// It stands there, or a setting did.
    Text(String),
    /// What was captured under this name stands here.
    Captured(String),
}

/// A text that is put together when it is needed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Template {
    written: String,
    pieces: Vec<Piece>,
}

impl Template {
    pub(crate) fn new(written: &str, pieces: Vec<Piece>) -> Self {
        Self { written: written.to_owned(), pieces }
    }

    /// A text in which nothing has to be put.
    pub(crate) fn fixed(text: &str) -> Self {
        Self::new(text, vec![Piece::Text(text.to_owned())])
    }

    /// As it stands in the file, with the names of settings instead of their values.
    pub(crate) fn written(&self) -> &str {
        &self.written
    }

    /// What must have been captured, where the text is nothing but that.
    pub(crate) fn alone(&self) -> Option<&str> {
        let mut pieces = self.pieces.iter().filter(|piece| **piece != Piece::Text(String::new()));
        match (pieces.next(), pieces.next()) {
            (Some(Piece::Captured(name)), None) => Some(name),
            _ => None,
        }
    }

    /// Whether something captured is to be put in.
    pub(crate) fn has_gaps(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Captured(_)))
    }

    /// The text before the first thing that was captured.
    pub(crate) fn head(&self) -> String {
        let texts = self.pieces.iter().map_while(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            Piece::Captured(_) => None,
        });
        texts.collect()
    }

    /// What must be captured and is not.
    pub(crate) fn lacks(&self, captured: &Captured) -> Option<&str> {
        self.pieces.iter().find_map(|piece| match piece {
            Piece::Captured(name) if !captured.contains_key(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The text for a person, with the names of what was captured instead of the values.
    pub(crate) fn named(&self) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Captured(name) => format!("${{{name}}}"),
        };
        self.pieces.iter().map(piece).collect()
    }

    /// The same behind another text.
    pub(crate) fn behind(self, text: &str) -> Self {
        let pieces = std::iter::once(Piece::Text(text.to_owned())).chain(self.pieces).collect();
        Self { written: format!("{text}{}", self.written), pieces }
    }

    /// The text; `spell` writes what was captured, as it has to be written there. What was not captured is nothing.
    pub(crate) fn fill(&self, captured: &Captured, spell: impl Fn(&str) -> String) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Captured(name) => captured.get(name).map(|value| spell(value)).unwrap_or_default(),
        };
        self.pieces.iter().map(piece).collect()
    }
}

/// A value of JSON with templates for its texts.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    Fixed(Value),
    Text(Template),
    List(Vec<Shape>),
    Table(Vec<(String, Shape)>),
}

impl Shape {
    /// The value.
    pub(crate) fn fill(&self, captured: &Captured) -> Value {
        self.map(&|text| text.fill(captured, str::to_owned))
    }

    /// As it stands in the file.
    pub(crate) fn written(&self) -> Value {
        self.map(&|text| text.written().to_owned())
    }

    /// What must be captured and is not.
    pub(crate) fn lacks(&self, captured: &Captured) -> Option<&str> {
        match self {
            Self::Fixed(_) => None,
            Self::Text(template) => template.lacks(captured),
            Self::List(shapes) => shapes.iter().find_map(|shape| shape.lacks(captured)),
            Self::Table(pairs) => pairs.iter().find_map(|(_, shape)| shape.lacks(captured)),
        }
    }

    fn map(&self, text: &impl Fn(&Template) -> String) -> Value {
        match self {
            Self::Fixed(value) => value.clone(),
            Self::Text(template) => Value::String(text(template)),
            Self::List(shapes) => shapes.iter().map(|shape| shape.map(text)).collect(),
            Self::Table(pairs) => pairs.iter().map(|(name, shape)| (name.clone(), shape.map(text))).collect(),
        }
    }
}
