//! Random numbers that can be had again.

/// The SplitMix64 generator (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// A generator with the seed in `BUS_TEST_SEED`, else a new one. Prints it: a test that fails shows it.
    pub(crate) fn seeded() -> Self {
        let seed = match std::env::var("BUS_TEST_SEED") {
            Ok(seed) => seed.parse().expect("BUS_TEST_SEED is a number"),
            Err(_) => {
                let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
                now.as_nanos() as u64
            }
        };
        println!("to have the same again: BUS_TEST_SEED={seed}");
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number less than `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.below_u64(end as u64) as usize
    }

    /// A number less than `end`.
    pub(crate) fn below_u64(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}
