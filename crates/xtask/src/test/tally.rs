//! Counting the results that cargo's tests print.

/// Sums over `test result:` lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl Tally {
    /// Counts a line if it is a result; others are let by.
    pub(crate) fn read(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else {
            self.read_vitest(line);
            self.read_surefire(line);
            return self.read_pytest(line);
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

    /// The last line of Maven's tests, and not those of single classes:
    /// `[INFO] Tests run: 12, Failures: 0, Errors: 0, Skipped: 0`.
    fn read_surefire(&mut self, line: &str) {
        let Some((_, result)) = line.split_once("Tests run: ").filter(|(_, rest)| !rest.contains("Time elapsed"))
        else {
            return;
        };
        let numbers: Vec<u64> =
            result.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
        if let [run, failures, errors, skipped] = numbers[..] {
            self.failed += failures + errors;
            self.ignored += skipped;
            self.passed += run.saturating_sub(failures + errors + skipped);
        }
    }

    /// The last line of pytest: `1 failed, 11 passed, 2 skipped in 4.20s`.
    fn read_pytest(&mut self, line: &str) {
        let Some((result, time)) = line.trim_matches(['=', ' ']).rsplit_once(" in ") else { return };
        if !time.starts_with(|c: char| c.is_ascii_digit()) {
            return;
        }
        for part in result.split(", ") {
            match part.split_once(' ').map(|(number, what)| (number.parse::<u64>(), what)) {
                Some((Ok(number), "passed")) => self.passed += number,
                Some((Ok(number), "failed" | "error" | "errors")) => self.failed += number,
                Some((Ok(number), "skipped")) => self.ignored += number,
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
            "[INFO] Tests run: 9, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 3.1 s -- in vn.gandan.BorderTest",
            "[ERROR] Tests run: 20, Failures: 1, Errors: 2, Skipped: 3",
            "1 failed, 11 passed, 1 skipped in 4.20s",
            "2 visits in 3 units",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 4 filtered out; finished in 1.01s",
        ] {
            tally.read(line);
        }
        let expected = Tally { passed: 44, failed: 7, ignored: 7 };
        assert_eq!(tally, expected);
        let mut twice = Tally::default();
        twice.add(&tally);
        twice.add(&tally);
        assert_eq!(twice.passed, 88);
    }
}
