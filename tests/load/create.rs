//! Creating tasks, against pgbench with the same SQL.

fn main() {}
