use std::time::{SystemTime, UNIX_EPOCH};

/// Nanoseconds since the epoch, as the columns have them: the years 1677 to 2262, and for a time beyond them the nearest.
pub(crate) fn nanos(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
    }
}

/// Seconds since the epoch, as `oauth2_client` has them.
pub(crate) fn seconds(time: SystemTime) -> i64 {
    nanos(time).div_euclid(1_000_000_000)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_beyond_the_column_are_the_nearest_that_it_holds() {
        assert_eq!(nanos(UNIX_EPOCH + Duration::new(1, 5)), 1_000_000_005);
        assert_eq!(nanos(UNIX_EPOCH - Duration::new(1, 0)), -1_000_000_000);
        assert_eq!(nanos(UNIX_EPOCH + Duration::from_secs(1 << 40)), i64::MAX);
        assert_eq!(nanos(UNIX_EPOCH - Duration::from_secs(1 << 40)), i64::MIN);
    }
}
