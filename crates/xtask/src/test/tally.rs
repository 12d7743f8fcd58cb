//! Counting the results that cargo's tests print.

/// Sums over `test result:` lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl Tally {
    /// Counts a line if it is a result; others are let by.
    pub(crate) fn read(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else {
            return self.read_vitest(line);
        };
        // `ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s`
        let numbers = result.split_once(". ").map_or(result, |(_, rest)| rest);
        for part in numbers.split("; ") {
            let Some((number, what)) = part.split_once(' ') else {
                continue;
            };
            let number = number.parse().unwrap_or(0);
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }

    /// The last lines of the web app's tests: `      Tests  2 failed | 45 passed | 1 skipped (48)`.
    fn read_vitest(&mut self, line: &str) {
        let Some(result) = line.trim_start().strip_prefix("Tests  ") else {
            return;
        };
        for part in result.split(" | ") {
            let mut words = part.split_whitespace();
            let number = words.next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0);
            match words.next() {
                Some("passed") => self.passed += number,
                Some("failed") => self.failed += number,
                Some("skipped" | "todo") => self.ignored += number,
                _ => {}
            }
        }
    }

    /// Adds another sum to this one.
    pub(crate) fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_summed_and_other_lines_let_by() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test a::result: 5 passed ... ok",
            "      Tests  1 failed | 4 passed | 2 skipped (7)",
            "   Duration  53.57s (tests 40.01s)",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 4 filtered out; finished in 1.01s",
        ] {
            tally.read(line);
        }
        let expected = Tally { passed: 19, failed: 3, ignored: 3 };
        assert_eq!(tally, expected);
        let mut twice = Tally::default();
        twice.add(&tally);
        twice.add(&tally);
        assert_eq!(twice.passed, 38);
    }
}
