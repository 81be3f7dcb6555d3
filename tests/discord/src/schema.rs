//! Discord's published description, and whether a value is as it says (OpenAPI 3.1, the part of JSON Schema it uses).

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

const DESCRIPTION: &str = include_str!("../openapi.json");
/// Schemas within schemas.
const DEPTH: usize = 64;

/// Where a value is not as the description says: the way to it, Discord's code for it, and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Keys and indexes.
    pub at: Vec<String>,
    /// As `_errors` has it.
    pub code: &'static str,
    /// For people.
    pub says: String,
}

/// An operation of the description.
#[derive(Debug)]
pub struct Operation {
    /// Its `operationId`.
    pub id: &'static str,
    described: &'static Value,
    deletes: bool,
}

/// What the names in a path stand for.
pub type Names = Vec<(&'static str, String)>;

/// The whole description.
pub fn description() -> &'static Value {
    static READ: OnceLock<Value> = OnceLock::new();
    READ.get_or_init(|| serde_json::from_str(DESCRIPTION).expect("the description is JSON"))
}

/// The operation of a method and a path after `/api/v10`, and what the names in the path stand for. `Err(true)` where
/// there is the path but not the method.
pub fn operation(method: &str, path: &str) -> Result<(Operation, Names), bool> {
    let Some(paths) = description()["paths"].as_object() else { return Err(false) };
    let mut there = false;
    // `/messages/pins` before `/messages/{message_id}`: the one with fewer names.
    let mut fitting: Vec<_> = paths.iter().filter_map(|(it, of)| Some((it, of, names(it, path)?))).collect();
    fitting.sort_by_key(|(_, _, names)| names.len());
    for (_, methods, names) in fitting {
        there = true;
        let Some(described) = methods.get(method.to_lowercase()) else { continue };
        let Some(id) = described["operationId"].as_str() else { continue };
        return Ok((Operation { id, described, deletes: method == "DELETE" }, names));
    }
    Err(there)
}

fn names<'a>(template: &'a str, path: &str) -> Option<Vec<(&'a str, String)>> {
    let mut found = Vec::new();
    let (mut left, mut right) = (template.split('/'), path.split('/'));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Some(found),
            (Some(name), Some(given)) if name.starts_with('{') && !given.is_empty() => {
                found.push((name.trim_matches(['{', '}']), given.to_owned()));
            }
            (Some(fixed), Some(given)) if fixed == given => {}
            _ => return None,
        }
    }
}

impl Operation {
    /// What is wrong with a query.
    pub fn query(&self, given: &[(String, String)]) -> Vec<Wrong> {
        let parameters = self.described["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut wrong = Vec::new();
        for (name, text) in given {
            let described = parameters.iter().find(|it| it["name"] == name.as_str() && it["in"] == "query");
            let Some(described) = described else {
                wrong.push(Wrong {
                    at: vec![name.clone()],
                    code: UNKNOWN,
                    says: format!("no parameter {name}"),
                });
                continue;
            };
            let candidates = [serde_json::from_str(text).ok(), Some(json!(text))];
            let fits = |value: &Value| check(&described["schema"], value).is_empty();
            if !candidates.iter().flatten().any(fits) {
                let value = candidates.iter().flatten().next().unwrap_or(&Value::Null);
                let first = check(&described["schema"], value);
                wrong.extend(first.into_iter().map(|it| Wrong { at: vec![name.clone()], ..it }));
            }
        }
        wrong
    }

    /// What is wrong with a body.
    pub fn body(&self, content_type: &str, body: Option<&Value>) -> Vec<Wrong> {
        let content = &self.described["requestBody"]["content"];
        let Some(body) = body else {
            // A deletion's body is said to be required and never is.
            let needed = self.described["requestBody"]["required"] == true && !self.deletes;
            let says = "the body is missing".to_owned();
            return if needed { vec![Wrong { at: vec![], code: REQUIRED, says }] } else { Vec::new() };
        };
        let Some(described) = content.get(content_type) else {
            if content.is_null() {
                return Vec::new(); // Discord takes a body where none is described
            }
            let says = format!("a body of {content_type} is not described");
            return vec![Wrong { at: vec![], code: "CONTENT_TYPE_INVALID", says }];
        };
        let mut wrong = check(&described["schema"], body);
        wrong.retain(|it| !otherwise_documented(it));
        wrong.extend(unknown(&described["schema"], body));
        wrong
    }

    /// What is wrong with our own answer.
    pub fn answer(&self, status: u16, body: Option<&Value>) -> Vec<Wrong> {
        let responses = &self.described["responses"];
        let described = responses.get(status.to_string()).or_else(|| {
            let class = format!("{}XX", status / 100);
            responses.get(class)
        });
        let Some(described) = described else {
            return vec![Wrong {
                at: vec![],
                code: UNKNOWN,
                says: format!("a status of {status} is not described"),
            }];
        };
        let described = resolve(described);
        match (described["content"].get("application/json"), body) {
            (Some(content), Some(body)) => {
                let mut wrong = check(&content["schema"], body);
                wrong.retain(|it| !otherwise_documented(it));
                wrong
            }
            (None, None) => Vec::new(),
            (Some(_), None) => {
                vec![Wrong { at: vec![], code: REQUIRED, says: format!("{status} has no body") }]
            }
            (None, Some(_)) => {
                vec![Wrong { at: vec![], code: UNKNOWN, says: format!("{status} has a body") }]
            }
        }
    }
}

/// Where the description is not what the documentation and Discord itself have: codes of single fields are words, and a
/// forward is a reference of type 1.
fn otherwise_documented(wrong: &Wrong) -> bool {
    let ends = |way: &[&str]| wrong.at.iter().map(String::as_str).collect::<Vec<_>>().ends_with(way);
    let of_field = wrong.at.iter().any(|key| key == "_errors") && ends(&["code"]);
    of_field || ends(&["message_reference", "type"])
}

const UNKNOWN: &str = "UNKNOWN_FIELD";
const REQUIRED: &str = "BASE_TYPE_REQUIRED";

fn resolve(schema: &'static Value) -> &'static Value {
    let Some(reference) = schema["$ref"].as_str() else { return schema };
    description().pointer(reference.trim_start_matches('#')).unwrap_or(&Value::Null)
}

/// Keys that no branch knows: the description's objects are open, Discord ignores such keys, and nobody means them.
fn unknown(schema: &'static Value, body: &Value) -> Vec<Wrong> {
    let (Some(body), known) = (body.as_object(), known(schema)) else { return Vec::new() };
    let strange = body.keys().filter(|key| !known.iter().any(|it| it == key));
    let wrong =
        |key: &String| Wrong { at: vec![key.clone()], code: UNKNOWN, says: format!("no field {key}") };
    strange.map(wrong).collect()
}

fn known(schema: &'static Value) -> Vec<&'static str> {
    let schema = resolve(schema);
    let own = schema["properties"].as_object().into_iter().flat_map(Map::keys).map(String::as_str);
    let branches = ["anyOf", "oneOf", "allOf"].iter().filter_map(|key| schema[*key].as_array()).flatten();
    own.chain(branches.flat_map(known)).collect()
}

/// What is wrong with a value.
pub fn check(schema: &'static Value, value: &Value) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    Reader { at: Vec::new(), wrong: &mut wrong }.check(schema, value);
    wrong
}

struct Reader<'a> {
    at: Vec<String>,
    wrong: &'a mut Vec<Wrong>,
}

impl Reader<'_> {
    fn says(&mut self, code: &'static str, says: impl Into<String>) {
        self.wrong.push(Wrong { at: self.at.clone(), code, says: says.into() });
    }

    fn check(&mut self, schema: &'static Value, value: &Value) {
        if self.at.len() > DEPTH {
            return self.says("MAX_DEPTH", "too deep");
        }
        let schema = resolve(schema);
        // Discord takes a number for an id; its own documentation has them in examples.
        if schema["format"] == "snowflake" && value.is_u64() {
            return;
        }
        if let Some(types) = schema.get("type")
            && !is_of(types, value)
        {
            return self.says(base_type(types), format!("{value} is not of type {types}"));
        }
        if let Some(only) = schema.get("const").filter(|only| *only != value) {
            self.says("BASE_TYPE_CHOICES", format!("{value} is not {only}"));
        }
        if let Some(few) = schema["enum"].as_array().filter(|few| !few.contains(value)) {
            self.says("BASE_TYPE_CHOICES", format!("{value} is none of {few:?}"));
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.check(part, value);
        }
        self.branches(schema, value);
        match value {
            Value::String(text) => self.text(schema, text),
            Value::Number(_) => self.number(schema, value),
            Value::Array(items) => self.items(schema, items),
            Value::Object(fields) => self.fields(schema, fields),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// `oneOf` is read as `anyOf`: the description's own branches overlap. Of several objects those count that know the
    /// most of the keys that are there, so that no bad value slips through another branch.
    fn branches(&mut self, schema: &'static Value, value: &Value) {
        for key in ["anyOf", "oneOf"] {
            let Some(branches) = schema[key].as_array() else { continue };
            let keys = value.as_object();
            let knows = |branch: &'static Value| {
                let known = known(branch);
                keys.map_or(0, |keys| keys.keys().filter(|key| known.contains(&key.as_str())).count())
            };
            let most = branches.iter().map(knows).max().unwrap_or(0);
            let mut first = None;
            let fits =
                branches.iter().filter(|branch| keys.is_none() || knows(branch) == most).any(|branch| {
                    let mut wrong = Vec::new();
                    Reader { at: self.at.clone(), wrong: &mut wrong }.check(branch, value);
                    let fits = wrong.is_empty();
                    // The deepest fault is the one that is meant.
                    let deeper = |old: &Vec<Wrong>| {
                        old.iter().map(|it| it.at.len()).max() < wrong.iter().map(|it| it.at.len()).max()
                    };
                    if first.as_ref().is_none_or(deeper) {
                        first = Some(wrong);
                    }
                    fits
                });
            if !fits {
                self.wrong.extend(first.unwrap_or_default());
            }
        }
    }

    fn text(&mut self, schema: &'static Value, text: &str) {
        let length = text.chars().count() as u64;
        if schema["maxLength"].as_u64().is_some_and(|most| length > most) {
            let says = format!("Must be {} or fewer in length.", schema["maxLength"]);
            self.says("BASE_TYPE_MAX_LENGTH", says);
        }
        if schema["minLength"].as_u64().is_some_and(|least| length < least) {
            let says = format!("Must be {} or more in length.", schema["minLength"]);
            self.says("BASE_TYPE_BAD_LENGTH", says);
        }
        let fits = match schema["pattern"].as_str() {
            Some("^(0|[1-9][0-9]*)$") => snowflake(text),
            Some("^#(([0-9a-fA-F]{2}){3}|([0-9a-fA-F]){3})$") => {
                text.strip_prefix('#').is_some_and(|digits| {
                    [3, 6].contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_hexdigit())
                })
            }
            Some(other) => panic!("the description has a new pattern: {other}"),
            None => true,
        };
        if !fits {
            self.says("NUMBER_TYPE_COERCE", format!("Value \"{text}\" is not snowflake."));
        }
        match schema["format"].as_str() {
            Some("date-time") if crate::clock::read_iso(text).is_none() => {
                self.says("DATE_TIME_TYPE_PARSE", format!("{text} is no time"));
            }
            Some("uri") if !is_uri(text) => {
                self.says("URL_TYPE_INVALID_URL", "Not a well formed URL.");
            }
            _ => {}
        }
    }

    fn number(&mut self, schema: &'static Value, value: &Value) {
        let Some(number) = value.as_f64() else { return };
        if schema["minimum"].as_f64().is_some_and(|least| number < least) {
            let says = format!("int value should be greater than or equal to {}.", schema["minimum"]);
            self.says("NUMBER_TYPE_MIN", says);
        }
        if schema["maximum"].as_f64().is_some_and(|most| number > most) {
            let says = format!("int value should be less than or equal to {}.", schema["maximum"]);
            self.says("NUMBER_TYPE_MAX", says);
        }
        if schema["format"] == "int32" && value.as_i64().is_none_or(|it| i32::try_from(it).is_err()) {
            self.says("NUMBER_TYPE_MAX", format!("{value} has more than 32 bits"));
        }
    }

    fn items(&mut self, schema: &'static Value, items: &[Value]) {
        let count = items.len() as u64;
        let (least, most) = (schema["minItems"].as_u64(), schema["maxItems"].as_u64());
        if least.is_some_and(|least| count < least) || most.is_some_and(|most| count > most) {
            self.says("BASE_TYPE_BAD_LENGTH", format!("{count} items"));
        }
        if schema["uniqueItems"] == true && (1..items.len()).any(|at| items[..at].contains(&items[at])) {
            self.says("SET_TYPE_ALREADY_CONTAINS_VALUE", "The set already contains this value");
        }
        let Some(each) = schema.get("items") else { return };
        for (at, item) in items.iter().enumerate() {
            self.at.push(at.to_string());
            self.check(each, item);
            self.at.pop();
        }
    }

    fn fields(&mut self, schema: &'static Value, fields: &Map<String, Value>) {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                self.at.push(name.to_owned());
                self.says(REQUIRED, format!("{name}: This field is required"));
                self.at.pop();
            }
        }
        let count = fields.len() as u64;
        let (least, most) = (schema["minProperties"].as_u64(), schema["maxProperties"].as_u64());
        if least.is_some_and(|least| count < least) || most.is_some_and(|most| count > most) {
            self.says("BASE_TYPE_BAD_LENGTH", format!("{count} fields"));
        }
        for (name, value) in fields {
            let described = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
            let Some(described) = described.filter(|it| it.is_object()) else { continue };
            self.at.push(name.clone());
            self.check(described, value);
            self.at.pop();
        }
    }
}

/// A number that a snowflake can be.
pub fn snowflake(text: &str) -> bool {
    let plain = text == "0" || (!text.starts_with('0') && text.bytes().all(|it| it.is_ascii_digit()));
    plain && text.parse::<u64>().is_ok()
}

fn is_uri(text: &str) -> bool {
    let known = ["https://", "http://", "attachment://", "ws://", "wss://"];
    let rest = known.iter().find_map(|scheme| text.strip_prefix(scheme));
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || "<>\"\\".contains(c);
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/')) && !text.contains(forbidden)
}

fn is_of(types: &Value, value: &Value) -> bool {
    match types {
        Value::Array(types) => types.iter().any(|one| is_of(one, value)),
        Value::String(name) => match name.as_str() {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            "number" => value.is_number(),
            "integer" => value.is_i64() || value.is_u64(),
            _ => false,
        },
        _ => false,
    }
}

fn base_type(types: &Value) -> &'static str {
    let is =
        |name: &str| types == name || types.as_array().is_some_and(|all| all.iter().any(|it| it == name));
    match () {
        () if is("string") => "STRING_TYPE_CONVERT",
        () if is("integer") || is("number") => "NUMBER_TYPE_COERCE",
        () if is("boolean") => "BOOLEAN_TYPE_CONVERT",
        () if is("array") => "LIST_TYPE_CONVERT",
        () => "DICT_TYPE_CONVERT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(method: &str, path: &str, body: &Value) -> Vec<String> {
        let (operation, _) = operation(method, path).expect("an operation");
        let wrong = operation.body("application/json", Some(body));
        wrong.iter().map(|it| format!("{} {}", it.at.join("."), it.code)).collect()
    }

    #[test]
    fn a_path_finds_its_operation_and_its_names() {
        let (it, names) = operation("GET", "/channels/1/messages/2").expect("there");
        assert_eq!(
            (it.id, names),
            ("get_message", vec![("channel_id", "1".into()), ("message_id", "2".into())])
        );
        assert_eq!(operation("GET", "/channels/1/messages/pins").expect("there").0.id, "list_pins");
        assert_eq!(operation("PUT", "/channels/1/messages").err(), Some(true));
        assert_eq!(operation("GET", "/channels/1/nothing").err(), Some(false));
    }

    #[test]
    fn a_body_is_as_described_or_it_is_said_where_it_is_not() {
        let messages = "/channels/1/messages";
        assert_eq!(wrong("POST", messages, &json!({"content": "a", "nonce": "1", "tts": false})), [""; 0]);
        assert_eq!(wrong("POST", messages, &json!({"content": 1})), ["content STRING_TYPE_CONVERT"]);
        assert_eq!(wrong("POST", messages, &json!({"contents": "a"})), ["contents UNKNOWN_FIELD"]);
        let reply = json!({"message_reference": {"message_id": "x"}});
        assert_eq!(wrong("POST", messages, &reply), ["message_reference.message_id NUMBER_TYPE_COERCE"]);
        let twice = json!({"allowed_mentions": {"users": ["1", "1"]}});
        assert_eq!(
            wrong("POST", messages, &twice),
            ["allowed_mentions.users SET_TYPE_ALREADY_CONTAINS_VALUE"]
        );
        let short = json!({"messages": ["1"]});
        assert_eq!(
            wrong("POST", "/channels/1/messages/bulk-delete", &short),
            ["messages BASE_TYPE_BAD_LENGTH"]
        );
    }

    #[test]
    fn a_long_name_does_not_slip_through_the_other_branch() {
        let named = |length: usize| json!({"content": "a", "username": "x".repeat(length)});
        assert_eq!(wrong("POST", "/webhooks/1/t", &named(80)), [""; 0]);
        assert_eq!(wrong("POST", "/webhooks/1/t", &named(81)), ["username BASE_TYPE_MAX_LENGTH"]);
        assert_eq!(wrong("POST", "/webhooks/1/t", &named(0)), ["username BASE_TYPE_BAD_LENGTH"]);
        let nowhere = json!({"content": "a", "avatar_url": "not a url"});
        assert_eq!(wrong("POST", "/webhooks/1/t", &nowhere), ["avatar_url URL_TYPE_INVALID_URL"]);
    }

    #[test]
    fn a_query_is_read_as_what_it_should_be() {
        let (it, _) = operation("GET", "/channels/1/messages").expect("there");
        let ask = |name: &str, text: &str| it.query(&[(name.into(), text.into())]).len();
        assert_eq!((ask("limit", "100"), ask("limit", "101"), ask("limit", "x")), (0, 1, 1));
        assert_eq!((ask("after", "175928847299117063"), ask("after", "-1"), ask("since", "1")), (0, 1, 1));
    }
}
