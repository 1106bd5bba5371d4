//! What crosses functions, each test with a database of its own.

mod architecture;
