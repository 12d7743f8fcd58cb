//! Figure 13: what anonymous cards say, with small numbers hidden.

use serde::Serialize;
use utoipa::ToSchema;

use super::{SmallCount, quotient};
use crate::reports::facts::VisitFact;

/// Cards of held visits.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SatisfactionFigures {
    /// Held visits where cards were collected.
    pub visits_with_cards: i64,
    /// Cards; null if so few answered that a count would point at somebody.
    pub very_satisfied: Option<SmallCount>,
    /// Cards.
    pub satisfied: Option<SmallCount>,
    /// Cards.
    pub neutral: Option<SmallCount>,
    /// Cards.
    pub dissatisfied: Option<SmallCount>,
    /// Cards.
    pub very_dissatisfied: Option<SmallCount>,
    /// Handed out and not answered.
    pub no_answer: i64,
    /// Cards with an answer.
    pub answered: SmallCount,
    /// Very satisfied and satisfied, of the answered; null if nobody answered, or if either part is one to four cards.
    pub satisfied_rate: Option<f64>,
    /// Answered, of all handed out.
    pub response_rate: Option<f64>,
    /// What to print in place of a rate: "không thu thập" if no visit collected cards.
    pub note: Option<&'static str>,
}

impl SatisfactionFigures {
    /// The figures from the sums: `answers` from very satisfied to very dissatisfied.
    pub fn of(visits: i64, answers: [i64; 5], no_answer: i64) -> Self {
        let answered: i64 = answers.iter().sum();
        let content = answers[0] + answers[1];
        let few = |count: i64| (1..5).contains(&count);
        let [very_satisfied, satisfied, neutral, dissatisfied, very_dissatisfied] = hidden(answers);
        Self {
            visits_with_cards: visits,
            very_satisfied,
            satisfied,
            neutral,
            dissatisfied,
            very_dissatisfied,
            no_answer,
            answered: SmallCount::of(answered),
            // The rate gives away the parts it is made of.
            satisfied_rate: quotient(content, answered).filter(|_| !few(content) && !few(answered - content)),
            response_rate: quotient(answered, answered + no_answer).filter(|_| !few(answered)),
            note: (answered == 0).then_some("không thu thập"),
        }
    }
}

/// The answers as they may be shown. One hidden count beside a shown total could be reckoned back, so the smallest
/// shown count is hidden with it (as null).
fn hidden(answers: [i64; 5]) -> [Option<SmallCount>; 5] {
    let answered: i64 = answers.iter().sum();
    if (1..5).contains(&answered) {
        return [None; 5];
    }
    let mut shown = answers.map(|count| Some(SmallCount::of(count)));
    let few = shown.iter().filter(|count| **count == Some(SmallCount::Few)).count();
    if few == 1 {
        let smallest = (0..5).filter(|place| answers[*place] >= 5).min_by_key(|place| answers[*place]);
        if let Some(place) = smallest {
            shown[place] = None;
        }
    }
    shown
}

/// Counts visit by visit.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    visits: i64,
    answers: [i64; 5],
    no_answer: i64,
}

impl Tally {
    pub(crate) fn add_visit(&mut self, visit: &VisitFact<'_>) {
        let Some((answers, no_answer)) = visit.cards.filter(|_| visit.held()) else { return };
        self.visits += 1;
        self.no_answer += no_answer;
        for (sum, cards) in self.answers.iter_mut().zip(answers) {
            *sum += cards;
        }
    }

    pub(crate) fn finish(self) -> SatisfactionFigures {
        SatisfactionFigures::of(self.visits, self.answers, self.no_answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_counts_are_told_as_they_are() {
        let figures = SatisfactionFigures::of(20, [218, 528, 227, 64, 14], 111);
        assert_eq!(figures.satisfied_rate, Some(0.7098));
        assert_eq!(figures.response_rate, Some(0.9045));
        assert_eq!(figures.very_dissatisfied, Some(SmallCount::Exact(14)));
        assert_eq!(figures.note, None);
    }

    #[test]
    fn a_hidden_count_cannot_be_reckoned_back() {
        let figures = SatisfactionFigures::of(1, [10, 8, 6, 5, 1], 0);
        assert_eq!(figures.very_dissatisfied, Some(SmallCount::Few));
        assert_eq!(figures.dissatisfied, None, "total less the others would give the hidden count");
        let two_hidden = SatisfactionFigures::of(1, [10, 8, 6, 2, 1], 0);
        assert_eq!(two_hidden.neutral, Some(SmallCount::Exact(6)));
    }

    #[test]
    fn a_rate_made_of_few_is_not_told() {
        assert_eq!(SatisfactionFigures::of(1, [10, 8, 0, 0, 2], 0).satisfied_rate, None);
        assert_eq!(SatisfactionFigures::of(1, [1, 1, 0, 6, 2], 0).satisfied_rate, None);
        assert_eq!(SatisfactionFigures::of(1, [10, 8, 0, 0, 0], 0).satisfied_rate, Some(1.0));
    }

    #[test]
    fn very_few_answers_tell_nothing() {
        let figures = SatisfactionFigures::of(1, [3, 1, 0, 0, 0], 9);
        assert_eq!(figures.answered, SmallCount::Few);
        assert_eq!((figures.very_satisfied, figures.satisfied_rate, figures.response_rate), (None, None, None));
    }

    #[test]
    fn nothing_collected_is_told_as_such() {
        assert_eq!(SatisfactionFigures::of(0, [0; 5], 0).note, Some("không thu thập"));
    }
}
