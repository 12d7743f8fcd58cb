//! Made-up visits in the form of the sample: its words, put together anew.
//!
//! A visit comes to about 3 KB of JSON and 1.8 issues, as in the sample. Its sentences are those of the sample with every
//! other word replaced by another of the sample's words, so that texts share turns of phrase, as real ones do, but not
//! whole sentences, which no real ones do: what they compress to would otherwise be far too good. Names, numbers and times
//! are new each time. The same seed gives the same visits.

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use uuid::Uuid;

/// The sample's words.
struct Words {
    visits: Vec<Value>,
    issues: Vec<Value>,
    sentences: Vec<String>,
    matters: Vec<String>,
    places: Vec<Value>,
    officials: Vec<Value>,
    captions: Vec<String>,
    vocabulary: Vec<String>,
}

impl Words {
    fn of(sample: &[String]) -> Self {
        let visits: Vec<Value> = sample.iter().map(|line| serde_json::from_str(line).expect("a sample line")).collect();
        // What is there to be refused or warned about has no place in a measurement.
        let visits: Vec<Value> = visits.into_iter().filter(is_plain).collect();
        let list = |name: &str| -> Vec<Value> {
            visits.iter().flat_map(|visit| visit[name].as_array().cloned().unwrap_or_default()).collect()
        };
        let issues: Vec<Value> = list("issues")
            .into_iter()
            .filter(|issue| issue["kind"] != "denunciation" && issue["due"].is_object())
            .collect();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let prose = visits.iter().map(|visit| text(&visit["note"]));
        let prose: Vec<String> = prose.chain(issues.iter().map(|issue| text(&issue["description"]))).collect();
        Self {
            vocabulary: prose.iter().flat_map(|text| text.split_whitespace()).map(str::to_owned).collect(),
            sentences: visits.iter().flat_map(|visit| sentences(&text(&visit["note"]))).collect(),
            matters: issues.iter().flat_map(|issue| sentences(&text(&issue["description"]))).collect(),
            places: visits.iter().map(|visit| visit["place"].clone()).collect(),
            officials: list("officials"),
            captions: list("photos").iter().map(|photo| text(&photo["caption"])).collect(),
            issues,
            visits,
        }
    }
}

fn is_plain(visit: &Value) -> bool {
    let edges = visit["edge"].as_array().map_or(&[][..], Vec::as_slice);
    let odd = ["long_note_4000", "nfd", "denunciation_sealed", "consent_withdrawn", "erasure_done", "sensitive_hint"];
    visit["started_at"].is_string()
        && visit["ended_at"].is_string()
        && !edges.iter().any(|edge| edge.as_str().is_some_and(|edge| odd.contains(&edge)))
}

fn sentences(text: &str) -> Vec<String> {
    text.split_inclusive(". ").map(|sentence| sentence.trim().to_owned()).filter(|s| s.len() > 20).collect()
}

/// Makes visits. Endless.
pub struct Generator {
    words: Words,
    rng: ChaCha8Rng,
    made: u64,
}

impl Generator {
    /// A generator for this seed.
    pub fn new(seed: u64) -> Self {
        Self { words: Words::of(&crate::sample_lines()), rng: ChaCha8Rng::seed_from_u64(seed), made: 0 }
    }

    /// A visit of one of these units, as a line of `visit-sample/1`.
    pub fn line(&mut self, units: &[(String, String)]) -> String {
        self.visit(units).to_string()
    }

    fn pick<'a, T>(rng: &mut ChaCha8Rng, list: &'a [T]) -> &'a T {
        list.choose(rng).expect("words to choose from")
    }

    fn id(&mut self) -> String {
        let mut bytes = [0; 16];
        self.rng.fill(&mut bytes[..]);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    fn visit(&mut self, units: &[(String, String)]) -> Value {
        self.made += 1;
        let mut visit = Self::pick(&mut self.rng, &self.words.visits).clone();
        let (unit, unit_name) = Self::pick(&mut self.rng, units).clone();
        let day = format!("2026-{:02}-{:02}", self.rng.random_range(8..=10), self.rng.random_range(1..=28));
        let hour = self.rng.random_range(7..=14);
        let at = |hour: i32, minute: i32| format!("{day}T{hour:02}:{minute:02}:00+07:00");
        let start = at(hour, self.rng.random_range(0..60));
        let end = at(hour + 2, self.rng.random_range(0..60));
        let mut place = Self::pick(&mut self.rng, &self.words.places).clone();
        place["name"] =
            format!("{} {}", place["name"].as_str().unwrap_or_default(), self.rng.random_range(1..20)).into();
        let officials = self.team();
        let recorder = officials[0]["official_id"].clone();
        visit["visit_id"] = self.id().into();
        visit["seq"] = self.made.into();
        visit["unit_code"] = unit.clone().into();
        visit["unit_name"] = unit_name.into();
        visit["planned_on"] = day.clone().into();
        visit["place"] = place;
        visit["gps"] = json!({
            "lat": 11.0 + f64::from(self.rng.random_range(0..99_999)) / 100_000.0,
            "lon": 107.6 + f64::from(self.rng.random_range(0..99_999)) / 100_000.0,
            "accuracy_m": self.rng.random_range(3..40), "source": "device",
        });
        visit["gps_missing_reason"] = Value::Null;
        visit["counts"] = json!({"residents": self.rng.random_range(5..120), "households": null,
            "businesses": self.rng.random_range(0..4)});
        visit["note"] = self.prose(4).into();
        visit["photos"] = self.photos(&start).into();
        visit["issues"] = self.issues(&unit, &day, &start, &recorder).into();
        visit["started_at"] = start.clone().into();
        visit["ended_at"] = end.clone().into();
        visit["created_at"] = start.into();
        visit["updated_at"] = end.into();
        visit["officials"] = officials.into();
        visit["status"] = "submitted".into();
        visit["follow_up_of"] = Value::Null;
        visit["edge"] = json!([]);
        visit
    }

    fn prose(&mut self, most: usize) -> String {
        let count = self.rng.random_range(1..=most);
        let mut text: Vec<String> = Vec::new();
        for _ in 0..count {
            let sentence = Self::pick(&mut self.rng, &self.words.sentences).clone();
            text.push(self.reworded(&sentence));
        }
        text.join(" ")
    }

    /// The sentence with about half of its words exchanged.
    fn reworded(&mut self, sentence: &str) -> String {
        let words = sentence.split_whitespace().map(|word| {
            if self.rng.random_bool(0.5) { Self::pick(&mut self.rng, &self.words.vocabulary).as_str() } else { word }
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn team(&mut self) -> Vec<Value> {
        let count = self.rng.random_range(2..=3);
        let mut team: Vec<Value> = self.words.officials.sample(&mut self.rng, count).cloned().collect();
        team.dedup_by_key(|member| member["official_id"].to_string());
        for (place, member) in team.iter_mut().enumerate() {
            member["role"] = ["lead", "recorder", "member"][place].into();
        }
        team
    }

    fn photos(&mut self, at: &str) -> Vec<Value> {
        let count = self.rng.random_range(0..=2);
        let mut photos = Vec::new();
        for _ in 0..count {
            let caption = Self::pick(&mut self.rng, &self.words.captions).clone();
            photos.push(json!({"photo_id": self.id(), "caption": caption, "taken_at": at,
                "bytes": self.rng.random_range(200_000..900_000), "mime": "image/jpeg", "exif_stripped": true,
                "people_visible": "none", "consent": "not_needed"}));
        }
        photos
    }

    /// 1.8 on average.
    fn issues(&mut self, unit: &str, day: &str, at: &str, by: &Value) -> Vec<Value> {
        let count = *Self::pick(&mut self.rng, &[0, 1, 1, 2, 2, 2, 2, 2, 3, 3]);
        let mut issues = Vec::new();
        for number in 0..count {
            let mut issue = Self::pick(&mut self.rng, &self.words.issues).clone();
            let matter = Self::pick(&mut self.rng, &self.words.matters).clone();
            issue["issue_id"] = self.id().into();
            issue["ticket"] = format!("{unit}-{}{}-{:05}", &day[2..4], &day[5..7], self.made * 10 + number).into();
            issue["description"] = self.reworded(&matter).into();
            let title = issue["title"].as_str().unwrap_or_default().to_owned();
            issue["title"] = self.reworded(&title).into();
            issue["recorded_by"] = by.clone();
            issue["received_on"] = day.into();
            issue["reporter"] = json!({"mode": "group", "consent": "not_needed", "contact_ref": null,
                "consent_at": null, "consent_method": null});
            issue["status"] = "recorded".into();
            issue["events"] = json!([{"at": at, "by": by, "to": "recorded"}]);
            issue["outcome"] = Value::Null;
            issue["reply_channel"] = Value::Null;
            issue["resident_confirmation"] = Value::Null;
            issue["duplicate_of"] = Value::Null;
            issue.as_object_mut().map(|map| map.remove("withdrawal"));
            issues.push(issue);
        }
        issues
    }
}

/// An id that no other call in this test run gives: for records that a test makes.
pub fn fresh_id() -> String {
    Uuid::new_v4().to_string()
}

/// Code and name of every unit.
pub fn units() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(crate::units_file()).expect("the units");
    text.lines()
        .skip(1)
        .map(|line| {
            let mut cells = line.split(',');
            let mut cell = || cells.next().unwrap_or_default().to_owned();
            (cell(), cell())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_visits_are_like_those_of_the_sample() {
        let (seed, units) = (7, units());
        assert_eq!(units.len(), 124);
        let mut generator = Generator::new(seed);
        let lines: Vec<String> = (0..500).map(|_| generator.line(&units)).collect();
        let bytes: usize = lines.iter().map(String::len).sum::<usize>() / lines.len();
        let issues: usize = lines
            .iter()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["issues"].as_array().unwrap().len())
            .sum();
        assert!((2_600..3_600).contains(&bytes), "{bytes} bytes (seed {seed})");
        assert!((800..1_000).contains(&issues), "{issues} issues (seed {seed})");
        let mut again = Generator::new(seed);
        assert!(lines.iter().all(|line| *line == again.line(&units)));
        let mut other = Generator::new(seed + 1);
        assert_ne!(lines[0], other.line(&units));
    }
}
