//! Scopes: sets written as words separated by spaces (RFC 6749 section 3.3).

use crate::types::is_vschar;

pub(crate) const NOT_PRINTABLE: &str =
    "scopes are printable ASCII characters (RFC 6749 section 3.3)";

/// Whether scopes can be stored.
pub(crate) fn is_printable(scopes: &str) -> bool {
    scopes.is_empty() || is_vschar(scopes)
}

/// The requested scopes that are among the allowed ones, in the order requested.
pub(crate) fn intersect(requested: &str, allowed: &str) -> String {
    let kept: Vec<&str> = requested
        .split_ascii_whitespace()
        .filter(|scope| contains(allowed, scope))
        .collect();
    kept.join(" ")
}

/// Whether the granted scopes satisfy one of the required alternatives. Each alternative is a set of scopes that must
/// be wholly present; no alternatives means that no scope is required. A token without any scope satisfies none, not
/// even the empty one (as authlib's `scope_insufficient`).
pub(crate) fn is_sufficient(granted: &str, required: &[&str]) -> bool {
    if required.is_empty() {
        return true;
    }
    if granted.split_ascii_whitespace().next().is_none() {
        return false;
    }
    required.iter().any(|all| {
        all.split_ascii_whitespace()
            .all(|scope| contains(granted, scope))
    })
}

/// Whether every scope of `part` is one of `whole`.
pub(crate) fn is_subset(part: &str, whole: &str) -> bool {
    part.split_ascii_whitespace()
        .all(|scope| contains(whole, scope))
}

fn contains(scopes: &str, wanted: &str) -> bool {
    scopes.split_ascii_whitespace().any(|scope| scope == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_requested_order_is_kept() {
        assert_eq!(intersect("c a b", "a b c"), "c a b");
        assert_eq!(intersect("c x a", "a b c"), "c a");
        assert_eq!(intersect("", "a"), "");
        assert_eq!(intersect("a", ""), "");
    }

    #[test]
    fn alternatives_are_sets_that_must_be_wholly_present() {
        assert!(is_sufficient("a b", &[]));
        assert!(is_sufficient("", &[]));
        assert!(is_sufficient("a b", &["x", "b a"]));
        assert!(!is_sufficient("a b", &["a c", "x"]));
        assert!(is_sufficient("a", &[""]));
        assert!(!is_sufficient("", &[""]));
        assert!(!is_sufficient("ab", &["a"]));
    }
}
