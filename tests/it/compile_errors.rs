//! A mistake in a model is a compile error that names the field and the attribute that mends it.

#[test]
fn compile_errors() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
