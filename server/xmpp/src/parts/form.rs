//! XEP-0004: Data Forms.

use crate::element::Element;
use crate::ns;

/// A data form, to be shown or as it came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// `form`, `submit`, `cancel` or `result` (§3.1).
    pub kind: String,
    /// Heading.
    pub title: Option<String>,
    /// What to do, for a person.
    pub instructions: Option<String>,
    /// In order; `FORM_TYPE` is among them.
    pub fields: Vec<Field>,
}

/// One question or answer (§3.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub var: String,
    /// `text-single`, `boolean`, `list-single` … (§3.3); empty in a submission.
    pub kind: &'static str,
    /// For a person.
    pub label: Option<String>,
    /// Values, none to many.
    pub values: Vec<String>,
    /// Label and value of each choice.
    pub options: Vec<(String, String)>,
    /// Must be filled in.
    pub required: bool,
    /// Other children: what XEP-0122 and others say about the values.
    pub more: Vec<Element>,
}

impl Form {
    /// An empty form of a kind, with its `FORM_TYPE` (XEP-0068).
    pub fn new(kind: &str, form_type: &str) -> Form {
        Form { kind: kind.into(), ..Form::default() }.field(Field::hidden("FORM_TYPE", form_type))
    }

    /// Builder: with a heading.
    pub fn title(mut self, title: impl Into<String>) -> Form {
        self.title = Some(title.into());
        self
    }

    /// Builder: with instructions.
    pub fn instructions(mut self, text: impl Into<String>) -> Form {
        self.instructions = Some(text.into());
        self
    }

    /// Builder: with a field.
    pub fn field(mut self, field: Field) -> Form {
        self.fields.push(field);
        self
    }

    /// Reads an `<x xmlns='jabber:x:data'/>`.
    pub fn read(x: &Element) -> Option<Form> {
        if !x.is("x", ns::DATA_FORMS) {
            return None;
        }
        let fields =
            x.children().filter(|child| child.is("field", ns::DATA_FORMS)).map(Field::read).collect();
        Some(Form {
            kind: x.get("type").unwrap_or("form").into(),
            title: x.child_text("title", ns::DATA_FORMS),
            instructions: x.child_text("instructions", ns::DATA_FORMS),
            fields,
        })
    }

    /// Reads the form inside `parent`, if there is one.
    pub fn inside(parent: &Element) -> Option<Form> {
        parent.child("x", ns::DATA_FORMS).and_then(Form::read)
    }

    /// The `FORM_TYPE`.
    pub fn form_type(&self) -> Option<&str> {
        self.value("FORM_TYPE")
    }

    /// The field of this name.
    pub fn get(&self, var: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.var == var)
    }

    /// First value of the field of this name.
    pub fn value(&self, var: &str) -> Option<&str> {
        self.get(var).and_then(|field| field.values.first()).map(String::as_str)
    }

    /// §3.3 `boolean`: `1` or `true`, `0` or `false`; anything else is `None`.
    pub fn boolean(&self, var: &str) -> Option<bool> {
        match self.value(var)?.trim() {
            "1" | "true" => Some(true),
            "0" | "false" => Some(false),
            _ => None,
        }
    }

    /// As XML.
    pub fn to_element(&self) -> Element {
        let line = |name: &'static str, text: &Option<String>| {
            text.as_ref().map(|text| Element::new(name, ns::DATA_FORMS).with_text(text.as_str()))
        };
        Element::new("x", ns::DATA_FORMS)
            .attr("type", &self.kind)
            .with_opt(line("title", &self.title))
            .with_opt(line("instructions", &self.instructions))
            .with_all(self.fields.iter().map(Field::to_element))
    }
}

impl Field {
    /// A field of a kind with one value.
    pub fn new(
        kind: &'static str,
        var: impl Into<String>,
        label: impl Into<String>,
        value: impl Into<String>,
    ) -> Field {
        Field {
            var: var.into(),
            kind,
            label: Some(label.into()),
            values: vec![value.into()],
            ..Field::default()
        }
    }

    /// `boolean`.
    pub fn boolean(var: impl Into<String>, label: impl Into<String>, value: bool) -> Field {
        Field::new("boolean", var, label, if value { "1" } else { "0" })
    }

    /// `text-single`.
    pub fn text(var: impl Into<String>, label: impl Into<String>, value: impl Into<String>) -> Field {
        Field::new("text-single", var, label, value)
    }

    /// `hidden`.
    pub fn hidden(var: impl Into<String>, value: impl Into<String>) -> Field {
        Field { var: var.into(), kind: "hidden", values: vec![value.into()], ..Field::default() }
    }

    /// `list-single` with choices of label and value.
    pub fn list(
        var: impl Into<String>,
        label: impl Into<String>,
        value: impl Into<String>,
        options: impl IntoIterator<Item = (String, String)>,
    ) -> Field {
        Field { options: options.into_iter().collect(), ..Field::new("list-single", var, label, value) }
    }

    /// `text-multi`, `jid-multi` and the like.
    pub fn many(
        kind: &'static str,
        var: impl Into<String>,
        label: impl Into<String>,
        values: impl IntoIterator<Item = String>,
    ) -> Field {
        let label = Some(label.into());
        Field { var: var.into(), kind, label, values: values.into_iter().collect(), ..Field::default() }
    }

    /// Builder: must be filled in.
    pub fn required(mut self) -> Field {
        self.required = true;
        self
    }

    fn read(field: &Element) -> Field {
        let values = field.children().filter(|child| child.is("value", ns::DATA_FORMS)).map(Element::text);
        Field {
            var: field.get("var").unwrap_or_default().into(),
            values: values.collect(),
            ..Field::default()
        }
    }

    fn to_element(&self) -> Element {
        let value = |text: &str| Element::new("value", ns::DATA_FORMS).with_text(text);
        let options = self.options.iter().map(|(label, option)| {
            Element::new("option", ns::DATA_FORMS).attr("label", label).with(value(option))
        });
        let kind = (!self.kind.is_empty()).then_some(self.kind);
        Element::new("field", ns::DATA_FORMS)
            .attr_opt("type", kind)
            .attr("var", &self.var)
            .attr_opt("label", self.label.as_ref())
            .with_opt(self.required.then(|| Element::new("required", ns::DATA_FORMS)))
            .with_all(self.more.iter().cloned())
            .with_all(self.values.iter().map(|text| value(text)))
            .with_all(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_survives_being_written_and_read() {
        let form = Form::new("form", ns::MUC_ROOMCONFIG).title("Room").field(Field::boolean("a", "A", true));
        let read = Form::read(&form.to_element()).unwrap();
        assert_eq!((read.form_type(), read.boolean("a")), (Some(ns::MUC_ROOMCONFIG), Some(true)));
    }
}
