//! Which answers an operation may give, beside those that it names itself: they follow from what it takes.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::problem;

const METHODS: [&str; 5] = ["get", "post", "patch", "put", "delete"];
/// The tag of `/health` and `/ready`, which take nothing and know no caller.
const OPERATION: &str = "operation";
/// Entity tags (RFC 9110 §8.8.3) with commas between.
const ENTITY_TAGS: &str = r#"^(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*$"#;
/// 1–255 printable characters, without the blanks around them.
const IDEMPOTENCY_KEY: &str = "^[!-~]([ -~]{0,253}[!-~])?$";

/// Completes the document: every status that can come stands in it, what a POST makes is linked to the operations on
/// it, and the objects that are sent may have no field but those named.
pub(super) fn complete(document: &mut Value) {
    let made = made(document);
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    let operations: Vec<_> = paths.iter().flat_map(|(path, item)| named(path, item)).collect();
    for (path, item) in paths.iter_mut() {
        for method in METHODS {
            let Some(operation) = item.get_mut(method) else { continue };
            describe_headers(operation);
            let statuses = statuses(path, method, operation);
            let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else {
                continue;
            };
            for (status, what) in statuses {
                responses.entry(status).or_insert_with(|| json!({ "description": what }));
            }
            if let Some(response) = responses.get_mut("429") {
                response["headers"]["Retry-After"] =
                    json!({ "description": "Seconds", "schema": { "type": "integer", "minimum": 1 } });
            }
            for (status, response) in responses.iter_mut() {
                if status.starts_with(['4', '5']) && !response["content"]["application/json"].is_object() {
                    response["content"][problem::CONTENT_TYPE] = problem();
                }
            }
            if method == "post" && made.contains(path) {
                responses["200"]["links"] = links(path, &operations);
            }
        }
    }
    close(document);
}

/// Says what the headers that this crate reads may hold.
fn describe_headers(operation: &mut Value) {
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        parameter["schema"] = match parameter["name"].as_str() {
            Some("If-Match" | "If-None-Match") => {
                json!({ "anyOf": [{ "const": "*" }, { "type": "string", "pattern": ENTITY_TAGS }] })
            }
            Some("Idempotency-Key") => json!({ "type": "string", "pattern": IDEMPOTENCY_KEY }),
            _ => continue,
        };
    }
}

/// Gives the path and the name of each operation.
fn named(path: &str, item: &Value) -> Vec<(String, String)> {
    let name = |method: &&str| item.get(*method)?.get("operationId")?.as_str().map(str::to_owned);
    METHODS.iter().filter_map(name).map(|name| (path.to_owned(), name)).collect()
}

/// Gives what every error is, unless an operation says that one of its is no problem (`/ready`).
fn problem() -> Value {
    json!({ "schema": { "$ref": "#/components/schemas/Problem" } })
}

/// Gives each status that can come, and why it comes.
fn statuses(path: &str, method: &str, operation: &Value) -> Vec<(&'static str, &'static str)> {
    let parameters = operation.get("parameters").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let takes = |name: &str| parameters.iter().any(|parameter| parameter["name"] == name);
    let changes = method != "get";
    let takes_body = operation.get("requestBody").is_some();
    let knows_caller =
        operation["tags"].as_array().is_none_or(|tags| tags.iter().all(|tag| tag != OPERATION));
    let of = |is_possible: bool, status, what| is_possible.then_some((status, what));
    [
        of(knows_caller, "400", "A parameter, a header or the JSON can not be read"),
        of(knows_caller && changes, "403", "Not for this caller, or not from a page of this origin"),
        of(path.contains('{'), "404", "There is no such thing, or it is another user's"),
        of(takes_body, "408", "The body took too long to arrive"),
        of(
            knows_caller && changes,
            "409",
            "It contradicts the present state, or the same request is still running",
        ),
        of(takes("If-Match"), "412", "It has another version by now"),
        of(takes_body, "413", "The body is too large"),
        of(takes_body, "415", "The body is of another type, compressed, or not in UTF-8"),
        of(true, "421", "The request names another host, or comes from another machine"),
        of(knows_caller && changes, "422", "Well-formed but not valid; every wrong field is named"),
        of(
            knows_caller,
            "429",
            "Too often, or more than a user may have; `Retry-After` says when to try again",
        ),
        of(true, "500", "A mistake of ours"),
        of(true, "503", "Something that is needed is away; `Retry-After` says when to try again"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Gives the paths whose POST answers with something that has an `id`, by which paths below it name it.
fn made(document: &Value) -> BTreeSet<String> {
    let paths = document.get("paths").and_then(Value::as_object);
    let makes = |(path, item): (&String, &Value)| {
        let schema = &item["post"]["responses"]["200"]["content"]["application/json"]["schema"];
        let schema = document.pointer(schema["$ref"].as_str()?.strip_prefix('#')?)?;
        schema["properties"].get("id").map(|_| path.clone())
    };
    paths.into_iter().flatten().filter_map(makes).collect()
}

/// Gives a link to each operation on the thing that was made.
fn links(path: &str, operations: &[(String, String)]) -> Value {
    let below = format!("{path}/{{id}}");
    let link = |(_, name): &(String, String)| {
        let link = json!({ "operationId": name, "parameters": { "id": "$response.body#/id" } });
        (name.clone(), link)
    };
    operations.iter().filter(|(path, _)| path.starts_with(&below)).map(link).collect::<Map<_, _>>().into()
}

/// Says of every object that can be sent that it has no other fields: what is not known is refused.
fn close(document: &mut Value) {
    let mut sent = BTreeSet::new();
    for item in document.get("paths").and_then(Value::as_object).into_iter().flatten() {
        for method in METHODS {
            refer(&item.1[method]["requestBody"], document, &mut sent);
        }
    }
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    for (_, schema) in schemas.into_iter().flatten().filter(|(name, _)| sent.contains(*name)) {
        if schema.get("properties").is_some() && schema.get("additionalProperties").is_none() {
            schema["additionalProperties"] = Value::Bool(false);
        }
    }
}

/// Collects the names of the schemas that `value` refers to, and of those that these refer to.
fn refer(value: &Value, document: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            let name = object.get("$ref").and_then(Value::as_str);
            let name = name.and_then(|reference| reference.strip_prefix("#/components/schemas/"));
            if let Some(name) = name.filter(|name| found.insert((*name).to_owned())) {
                refer(&document["components"]["schemas"][name], document, found);
            }
            object.values().for_each(|value| refer(value, document, found));
        }
        Value::Array(list) => list.iter().for_each(|value| refer(value, document, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        let task = json!({ "$ref": "#/components/schemas/Task" });
        let input = json!({ "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Input" } } } });
        let made = json!({ "200": { "content": { "application/json": { "schema": task } } } });
        let mut document = json!({
            "paths": {
                "/health": { "get": { "tags": ["operation"], "operationId": "health", "responses": { "200": {} } } },
                "/tasks": { "post": { "operationId": "create", "requestBody": input, "responses": made } },
                "/tasks/{id}": {
                    "get": { "operationId": "get", "responses": { "200": {} } },
                    "delete": { "operationId": "delete", "responses": { "200": {} },
                                "parameters": [{ "name": "If-Match", "in": "header" }] },
                },
            },
            "components": { "schemas": {
                "Task": { "properties": { "id": {} } },
                "Input": { "properties": { "rule": { "oneOf": [{ "$ref": "#/components/schemas/Rule" }] } } },
                "Rule": { "properties": { "input": { "$ref": "#/components/schemas/Input" } } },
            } },
        });
        complete(&mut document);
        document
    }

    fn statuses_of(document: &Value, path: &str, method: &str) -> Vec<String> {
        let responses = document["paths"][path][method]["responses"].as_object().expect("an object");
        responses.keys().cloned().collect()
    }

    #[test]
    fn every_status_that_can_come_is_there_and_is_a_problem() {
        let document = document();
        assert_eq!(statuses_of(&document, "/health", "get"), ["200", "421", "500", "503"]);
        assert_eq!(
            statuses_of(&document, "/tasks/{id}", "get"),
            ["200", "400", "404", "421", "429", "500", "503"]
        );
        let deleted = ["200", "400", "403", "404", "409", "412", "421", "422", "429", "500", "503"];
        assert_eq!(statuses_of(&document, "/tasks/{id}", "delete"), deleted);
        let created = ["200", "400", "403", "408", "409", "413", "415", "421", "422", "429", "500", "503"];
        assert_eq!(statuses_of(&document, "/tasks", "post"), created);
        let too_often = &document["paths"]["/tasks"]["post"]["responses"]["429"];
        assert_eq!(too_often["headers"]["Retry-After"]["schema"]["type"], "integer");
        let refused = &document["paths"]["/tasks"]["post"]["responses"]["422"]["content"];
        assert_eq!(refused["application/problem+json"]["schema"]["$ref"], "#/components/schemas/Problem");
    }

    #[test]
    fn what_is_made_is_linked_to_the_operations_on_it() {
        let links = document()["paths"]["/tasks"]["post"]["responses"]["200"]["links"].clone();
        let link = |name| json!({ "operationId": name, "parameters": { "id": "$response.body#/id" } });
        assert_eq!(links, json!({ "delete": link("delete"), "get": link("get") }));
    }

    #[test]
    fn what_is_sent_has_no_other_fields() {
        let schemas = &document()["components"]["schemas"];
        for (name, is_closed) in [("Input", true), ("Rule", true), ("Task", false)] {
            assert_eq!(schemas[name].get("additionalProperties").is_some(), is_closed, "{name}");
        }
    }
}
