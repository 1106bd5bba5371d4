//! How long to wait before the next attempt.

use std::time::Duration;

/// Gives the wait before attempt number `attempt` (0 is the first retry): exponential with full jitter.
///
/// `random` is a number from 0 to 1 that the caller drew; the result lies between zero and
/// `min(cap, base × 2^attempt)`. Any `attempt` is fine: the power saturates. Values of `random` outside 0–1 are
/// clamped. The rule is "full jitter" of the AWS Architecture Blog, "Exponential Backoff And Jitter".
///
/// ```
/// use std::time::Duration;
/// let (base, cap) = (Duration::from_millis(100), Duration::from_secs(60));
/// assert_eq!(runtime::backoff::delay(0, base, cap, 1.0), Duration::from_millis(100));
/// assert_eq!(runtime::backoff::delay(3, base, cap, 0.5), Duration::from_millis(400));
/// assert_eq!(runtime::backoff::delay(4_000_000, base, cap, 1.0), cap);
/// ```
pub fn delay(attempt: u32, base: Duration, cap: Duration, random: f64) -> Duration {
    let factor = 2_u32.checked_pow(attempt).unwrap_or(u32::MAX);
    let ceiling = base.saturating_mul(factor).min(cap);
    let random = if random.is_nan() { 0.0 } else { random.clamp(0.0, 1.0) };
    ceiling.mul_f64(random)
}

/// How long a loop waits after something that it needs was away.
pub const PAUSE: Duration = Duration::from_millis(500);

/// Gives the wait of one event for something that is away: a fifth to a half of [`PAUSE`], so that all go on soon after that is back,
/// and not at once. `random` is a number from 0 to 1 that the caller drew.
pub fn until_back(random: f64) -> Duration {
    PAUSE.mul_f64(0.2 + 0.3 * random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_never_exceeds_the_cap() {
        let cap = Duration::from_secs(30);
        for attempt in 0..200 {
            assert!(delay(attempt, Duration::from_millis(250), cap, 1.0) <= cap);
        }
        assert_eq!(delay(40, Duration::from_nanos(1), cap, 1.0), Duration::from_nanos(u64::from(u32::MAX)));
    }

    #[test]
    fn a_random_number_out_of_range_is_clamped() {
        let base = Duration::from_secs(1);
        assert_eq!(delay(0, base, base, 7.0), base);
        assert_eq!(delay(0, base, base, -1.0), Duration::ZERO);
        assert_eq!(delay(0, base, base, f64::NAN), Duration::ZERO);
    }
}
