//! Writes the AsyncAPI document to standard output, as `asyncapi.json` has it.

fn main() {
    let document = events::asyncapi::document();
    println!("{}", serde_json::to_string_pretty(&document).expect("a document can be written as JSON"));
}
