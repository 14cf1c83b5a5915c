//! What waits for what. Nothing here knows what a part is: parts are numbers.

/// Who needs whom, without circles.
#[derive(Debug)]
pub(crate) struct Plan {
    /// How many others each part needs.
    needs: Vec<usize>,
    /// Who needs each part.
    feeds: Vec<Vec<usize>>,
    /// An order in which everyone comes after those that it needs.
    order: Vec<usize>,
}

impl Plan {
    /// A plan for parts of which each needs those others; or the circles that make it impossible,
    /// each as the parts on it, in order.
    pub(crate) fn new(needs: &[Vec<usize>]) -> Result<Self, Vec<Vec<usize>>> {
        let mut feeds = vec![Vec::new(); needs.len()];
        for (part, needed) in needs.iter().enumerate() {
            needed.iter().for_each(|&other| feeds[other].push(part));
        }
        let counts = needs.iter().map(Vec::len).collect();
        let mut plan = Self { needs: counts, feeds, order: Vec::new() };
        plan.order = plan.sorted();
        if plan.order.len() == needs.len() { Ok(plan) } else { Err(circles(needs, &plan.order)) }
    }

    /// Those that can be put in order; the rest is on a circle or waits for one.
    fn sorted(&self) -> Vec<usize> {
        let mut progress = self.begin();
        let mut order = progress.ready();
        let mut next = 0;
        while let Some(&part) = order.get(next) {
            order.extend(progress.finished(part));
            next += 1;
        }
        order
    }

    /// An order in which everyone comes after those that it needs.
    pub(crate) fn order(&self) -> &[usize] {
        &self.order
    }

    /// Whether anyone waits for this part.
    pub(crate) fn feeds_others(&self, part: usize) -> bool {
        !self.feeds[part].is_empty()
    }

    /// Nothing has been done yet.
    pub(crate) fn begin(&self) -> Progress<'_> {
        Progress { plan: self, waits_for: self.needs.clone() }
    }
}

/// How far a plan has got.
#[derive(Debug)]
pub(crate) struct Progress<'p> {
    plan: &'p Plan,
    /// For how many others each part still waits.
    waits_for: Vec<usize>,
}

impl Progress<'_> {
    /// Those that need nobody.
    pub(crate) fn ready(&self) -> Vec<usize> {
        (0..self.waits_for.len()).filter(|&part| self.waits_for[part] == 0).collect()
    }

    /// A part is finished. Gives those that need to wait no longer.
    pub(crate) fn finished(&mut self, part: usize) -> Vec<usize> {
        let mut ready = Vec::new();
        for &other in &self.plan.feeds[part] {
            self.waits_for[other] -= 1;
            if self.waits_for[other] == 0 {
                ready.push(other);
            }
        }
        ready
    }
}

/// Every circle is found from the first part that leads to it, and told once.
fn circles(needs: &[Vec<usize>], sorted: &[usize]) -> Vec<Vec<usize>> {
    let mut is_done = vec![false; needs.len()];
    sorted.iter().for_each(|&part| is_done[part] = true);
    let mut circles = Vec::new();
    for first in 0..needs.len() {
        let mut way = Vec::new();
        let mut part = first;
        // Whoever is not in the order needs another one that is not.
        while !is_done[part] {
            is_done[part] = true;
            way.push(part);
            let open = |other: &&usize| !sorted.contains(other);
            let Some(&next) = needs[part].iter().find(open) else { break };
            part = next;
        }
        if let Some(start) = way.iter().position(|&known| known == part) {
            circles.push(way.split_off(start));
        }
    }
    circles
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plan(needs: &[&[usize]]) -> Result<Plan, Vec<Vec<usize>>> {
        Plan::new(&needs.iter().map(|needed| needed.to_vec()).collect::<Vec<_>>())
    }

    #[test]
    fn a_part_is_ready_when_all_that_it_needs_are_finished() {
        // 2 needs 0 and 1; 3 needs 2; 4 needs nobody.
        let plan = plan(&[&[], &[], &[0, 1], &[2], &[]]).unwrap();
        let mut progress = plan.begin();
        assert_eq!(progress.ready(), [0, 1, 4]);
        assert_eq!(progress.finished(0), [0; 0]);
        assert_eq!(progress.finished(4), [0; 0]);
        assert_eq!(progress.finished(1), [2]);
        assert_eq!(progress.finished(2), [3]);
        assert!(plan.feeds_others(2) && !plan.feeds_others(4));
        let place = |part| plan.order().iter().position(|&known| known == part);
        assert!(place(0) < place(2) && place(1) < place(2) && place(2) < place(3));
    }

    #[test]
    fn a_plan_can_be_begun_again() {
        let plan = plan(&[&[], &[0]]).unwrap();
        for _ in 0..2 {
            assert_eq!(plan.begin().finished(0), [1]);
        }
    }

    proptest! {
        /// Whatever the graph and the order of the answers: every part begins once, after those
        /// that it needs.
        #[test]
        fn every_part_begins_once_and_in_time(
            edges in prop::collection::vec((0_usize..12, 0_usize..12), 0..40),
            choices in prop::collection::vec(any::<prop::sample::Index>(), 12),
        ) {
            let mut needs = vec![Vec::new(); 12];
            for (from, to) in edges {
                if from < to && !needs[to].contains(&from) {
                    needs[to].push(from);
                }
            }
            let plan = Plan::new(&needs).unwrap();
            let mut progress = plan.begin();
            let (mut under_way, mut finished) = (progress.ready(), Vec::new());
            for choice in choices {
                prop_assert!(!under_way.is_empty());
                let part = under_way.swap_remove(choice.index(under_way.len()));
                prop_assert!(needs[part].iter().all(|needed| finished.contains(needed)));
                finished.push(part);
                under_way.extend(progress.finished(part));
            }
            prop_assert!(under_way.is_empty());
            finished.sort_unstable();
            prop_assert_eq!(finished, (0..12).collect::<Vec<_>>());
        }
    }

    #[test]
    fn circles_are_told_once_each() {
        assert_eq!(plan(&[&[0]]).unwrap_err(), [[0]]);
        assert_eq!(plan(&[&[1], &[2], &[0]]).unwrap_err(), [[0, 1, 2]]);
        // 0 and 5 only wait for a circle; there are two.
        let two = plan(&[&[1], &[2], &[1], &[4], &[3], &[3], &[]]).unwrap_err();
        assert_eq!(two, [[1, 2], [3, 4]]);
    }
}
