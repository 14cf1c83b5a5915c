//! Makes the calls: each as soon as the parts that it needs are there, and all others meanwhile.

use std::collections::{BTreeMap, VecDeque};

use torana_plugin_sdk::{
    host::{FetchError, Incoming, Level},
    prelude::*,
};

use crate::{
    answer,
    call::Caller,
    calls::Calls,
    fault::{Blame, Fault},
    fields::Policy,
    json,
    plan::{Plan, Progress},
    refusal::{self, Stop},
    settings::{Part, Settings},
    values::{Results, Trouble, Values},
};

/// What came of a part.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// The results of its calls, as JSON; None for those that are left out.
    pub(crate) results: Vec<Option<String>>,
    /// With `each`: which of the results belongs to each element.
    pub(crate) elements: Vec<usize>,
    /// What went wrong, one for each call that did.
    pub(crate) faults: Vec<Fault>,
    /// With `each`: the results as one array, if others read it.
    array: Option<String>,
}

impl Done {
    /// A word for the client.
    pub(crate) fn label(&self) -> &'static str {
        match self.faults.first() {
            None => "ok",
            Some(_) if self.faults.len() < self.results.len() => "partial",
            Some(fault) => fault.label(),
        }
    }

    /// Whether there is nothing of it, not even an element that is left out.
    pub(crate) fn is_left_out(&self) -> bool {
        !self.faults.is_empty()
            && self.results.iter().all(Option::is_none)
            && self.elements.is_empty()
    }

    /// The results as one array, with `null` for those that are left out. None if it would have
    /// more bytes than `cap`: elements may share a result, so a short list can make a long one.
    fn as_array(&self, cap: usize) -> Option<String> {
        let results =
            || self.elements.iter().map(|&at| self.results[at].as_deref().unwrap_or("null"));
        let bytes = results().fold(2_usize, |sum, result| sum.saturating_add(result.len() + 1));
        (bytes <= cap).then(|| json::list(results()))
    }
}

/// A part whose calls are under way.
struct Running {
    done: Done,
    waits_for: usize,
}

/// Whose answer a call brings.
#[derive(Clone, Copy)]
struct Waiting {
    part: usize,
    call: usize,
}

/// What the parts have answered so far.
struct Answered<'a> {
    settings: &'a Settings,
    done: Vec<Option<Done>>,
}

impl Results for Answered<'_> {
    fn of(&self, part: &str) -> Option<&str> {
        let at = self.settings.parts.0.iter().position(|(name, _)| name == part)?;
        let done = self.done[at].as_ref()?;
        match self.settings.parts.0[at].1.each {
            Some(_) => done.array.as_deref(),
            None => done.results.first()?.as_deref(),
        }
    }
}

/// One exchange.
struct Run<'a, H> {
    host: &'a H,
    settings: &'a Settings,
    plan: &'a Plan,
    progress: Progress<'a>,
    answered: Answered<'a>,
    ready: VecDeque<usize>,
    running: BTreeMap<usize, Running>,
    waiting: BTreeMap<u32, Waiting>,
    bytes_left: usize,
    /// On the monotonic clock.
    deadline: u64,
}

/// Calls every part and gives what came of each. It ends early where a part fails that the reply
/// cannot go without; the host drops the calls that are under way then.
pub(crate) fn run(settings: &Settings, plan: &Plan, host: &impl Host) -> Result<Vec<Done>, Stop> {
    let progress = plan.begin();
    let parts = settings.parts.0.len();
    let nanos = u64::from(settings.timeout.0) * 1_000_000;
    let mut run = Run {
        host,
        settings,
        plan,
        ready: progress.ready().into(),
        progress,
        answered: Answered { settings, done: (0..parts).map(|_| None).collect() },
        running: BTreeMap::new(),
        waiting: BTreeMap::new(),
        bytes_left: settings.max_bytes.bytes(),
        deadline: host.clock().monotonic_nanos().saturating_add(nanos),
    };
    loop {
        while let Some(part) = run.ready.pop_front() {
            run.begin(part)?;
        }
        let Some((number, answer)) = host.fetch().wait_any() else { break };
        run.arrived(number, answer)?;
    }
    Ok(run.answered.done.into_iter().map(Option::unwrap_or_default).collect())
}

impl<'a, H: Host> Run<'a, H> {
    fn begin(&mut self, part: usize) -> Result<(), Stop> {
        let Calls { calls, elements, .. } = match self.calls(part) {
            Ok(calls) => calls,
            Err(Trouble::Failure(failure)) => return Err(failure.into()),
            Err(Trouble::Fault(fault)) => return self.without_calls(part, fault),
        };
        let results = calls.iter().map(|_| None).collect();
        let done = Done { results, elements, ..Done::default() };
        self.running.insert(part, Running { done, waits_for: calls.len() });
        if calls.is_empty() {
            return self.finished(part);
        }
        for (call, outgoing) in calls.into_iter().enumerate() {
            let waiting = Waiting { part, call };
            match outgoing {
                Ok(outgoing) => {
                    self.waiting.insert(self.host.fetch().start(&outgoing), waiting);
                }
                Err(fault) => self.settle(waiting, Err(fault))?,
            }
        }
        Ok(())
    }

    fn calls(&self, part: usize) -> Result<Calls, Trouble> {
        let part = self.part(part);
        let timeout = self.time_for(part)?;
        let values = Values::new(self.host, &self.answered);
        let caller = Caller { part, host: self.host, values, timeout };
        Calls::of(&caller, self.settings.max_bytes.bytes())
    }

    /// Milliseconds that a call may take.
    fn time_for(&self, part: &Part) -> Result<u32, Fault> {
        let nanos = self.deadline.saturating_sub(self.host.clock().monotonic_nanos());
        let left = u32::try_from(nanos / 1_000_000).unwrap_or(u32::MAX);
        match part.timeout.map_or(left, |timeout| timeout.0.min(left)) {
            0 => Err(Fault::Timeout),
            time => Ok(time),
        }
    }

    /// A part that has nothing to ask for.
    fn without_calls(&mut self, part: usize, fault: Fault) -> Result<(), Stop> {
        let result = self.in_the_place_of(part, &fault)?;
        // With `each` there are no elements to give it to.
        let done = Done { results: vec![result], faults: vec![fault], ..Done::default() };
        self.running.insert(part, Running { done, waits_for: 0 });
        self.finished(part)
    }

    fn arrived(
        &mut self,
        number: u32,
        answer: Result<Incoming, Refused<FetchError>>,
    ) -> Result<(), Stop> {
        let Some(waiting) = self.waiting.remove(&number) else { return Ok(()) };
        let judged = answer::judge(self.part(waiting.part), answer, self.bytes_left);
        // What is not kept takes no room from the others.
        let kept = judged.as_ref().map_or(0, String::len);
        self.bytes_left = self.bytes_left.saturating_sub(kept);
        self.settle(waiting, judged)
    }

    /// One call of a part has its end.
    fn settle(&mut self, waiting: Waiting, judged: Result<String, Fault>) -> Result<(), Stop> {
        let (result, fault) = match judged {
            Ok(result) => (Some(result), None),
            Err(fault) => (self.in_the_place_of(waiting.part, &fault)?, Some(fault)),
        };
        let Some(running) = self.running.get_mut(&waiting.part) else { return Ok(()) };
        running.done.results[waiting.call] = result;
        running.done.faults.extend(fault);
        running.waits_for -= 1;
        if running.waits_for > 0 { Ok(()) } else { self.finished(waiting.part) }
    }

    /// All calls of a part have their end: who waited for it may be ready.
    fn finished(&mut self, part: usize) -> Result<(), Stop> {
        let Some(Running { mut done, .. }) = self.running.remove(&part) else { return Ok(()) };
        if self.part(part).each.is_some() && self.plan.feeds_others(part) {
            done.array = done.as_array(self.settings.max_bytes.bytes());
            if done.array.is_none() {
                self.in_the_place_of(part, &Fault::TooLarge)?;
                done = Done { faults: vec![Fault::TooLarge], ..Done::default() };
            }
        }
        self.log(part, &done.faults);
        self.answered.done[part] = Some(done);
        self.ready.extend(self.progress.finished(part));
        Ok(())
    }

    /// What stands in the place of a result that did not come.
    fn in_the_place_of(&self, part: usize, fault: &Fault) -> Result<Option<String>, Stop> {
        match self.policy(part, fault) {
            Policy::Omit => Ok(None),
            Policy::Default(value) => Ok(Some(value.clone())),
            Policy::Pass => {
                self.log(part, std::slice::from_ref(fault));
                Err(refusal::passed_on(self.name(part), fault))
            }
            Policy::Fail => {
                self.log(part, std::slice::from_ref(fault));
                Err(refusal::of(self.name(part), fault))
            }
        }
    }

    fn policy(&self, part: usize, fault: &Fault) -> &'a Policy {
        self.expected(part, fault).unwrap_or(&self.part(part).on_error.0)
    }

    /// What the settings say of a status by its number.
    fn expected(&self, part: usize, fault: &Fault) -> Option<&'a Policy> {
        let (part, status) = (self.part(part), fault.status()?);
        if part.pass.iter().any(|passed| passed.0 == status) {
            return Some(&Policy::Pass);
        }
        part.not_found.as_ref().filter(|_| status == 404).map(|not_found| &not_found.0)
    }

    /// One line for a part, however many of its calls went wrong.
    fn log(&self, part: usize, faults: &[Fault]) {
        let Some(fault) = faults.first() else { return };
        let is_expected = self.expected(part, fault).is_some();
        // Clients could fill the log.
        let level = match fault.blame() {
            _ if is_expected => Level::Debug,
            Blame::Client => Level::Debug,
            Blame::Operator | Blame::Service => Level::Warn,
        };
        let (name, to) = (self.name(part), &self.part(part).to);
        let more = match faults.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        self.host.log().at(level, format_args!("part `{name}` from `{to}`: {fault}{more}"));
    }

    fn part(&self, part: usize) -> &'a Part {
        &self.settings.parts.0[part].1
    }

    fn name(&self, part: usize) -> &'a str {
        &self.settings.parts.0[part].0
    }
}
