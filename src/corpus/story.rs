//! One story's people and things: a push to a pull request, its files, runs and their signature.

use super::desk::Desk;
use super::dice::Dice;
use super::names::{self, MODELS, MODES, TASK_CLASSES};
use super::time::{MINUTE, Millis, SECOND};

/// What a story's rows share.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) pr_number: u64,
    pub(crate) head_sha: String,
    pub(crate) signature: Signature,
    pub(crate) files: Vec<Subject>,
    pub(crate) runs: Vec<Run>,
    pub(crate) contract: Run,
    /// Moves on with each thing that happens.
    pub(crate) now: Millis,
}

/// A file, with the prompts that reviewers and runs are given for it; attempts at one prompt share its hash.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) path: String,
    pub(crate) review_prompt: String,
    pub(crate) run_prompt: String,
}

/// The shape of a task, by which runs are told to be of one kind.
#[derive(Debug, Clone)]
pub(crate) struct Signature {
    pub(crate) hash: String,
    pub(crate) task_class: &'static str,
}

/// One run of a model in a mode.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) id: String,
    pub(crate) model: &'static str,
    pub(crate) mode: &'static str,
    pub(crate) file: String,
    pub(crate) prompt_hash: String,
    pub(crate) at: Millis,
    pub(crate) failed: bool,
}

/// One review of a file, and the attempt that was taken.
#[derive(Debug)]
pub(crate) struct Review {
    pub(crate) file: String,
    pub(crate) prompt_hash: String,
    pub(crate) model: &'static str,
    pub(crate) attempt: u64,
    pub(crate) at: Millis,
    pub(crate) run_id: Option<String>,
    pub(crate) accepted: bool,
}

impl Story {
    /// Begins a story of `files` files with `runs_a_file` runs on each.
    pub(crate) fn begin(desk: &mut Desk, files: u64, runs_a_file: u64) -> Self {
        let start = desk.clock;
        desk.clock += desk.pen.dice.between(8, 34) * MINUTE + desk.pen.dice.below(MINUTE);
        let dice = &mut desk.pen.dice;
        // A pull request is pushed to more than once, so its number often stays while the head moves on.
        if dice.often(60) {
            desk.pr_number += dice.between(1, 2);
        }
        let signature = match dice.pick(&desk.signatures).filter(|_| desk.signatures.len() > 4) {
            Some(known) if dice.often(45) => known.clone(),
            _ => Signature { hash: dice.hex(64), task_class: dice.word(&TASK_CLASSES) },
        };
        let mut story = Self {
            pr_number: desk.pr_number,
            head_sha: dice.hex(40),
            signature: signature.clone(),
            files: (0..files).map(|_| Subject::draw(dice)).collect(),
            runs: Vec::new(),
            contract: Run::draw(dice, start, String::new(), String::new()),
            now: start,
        };
        for file in story.files.clone() {
            for _ in 0..runs_a_file {
                story.pass(dice, 20);
                story.runs.push(Run::draw(dice, story.now, file.path.clone(), file.run_prompt.clone()));
            }
        }
        desk.remember(signature);
        story
    }

    /// Lets up to `seconds` go by.
    pub(crate) fn pass(&mut self, dice: &mut Dice, seconds: u64) -> Millis {
        self.now += dice.between(SECOND, seconds.max(1) * SECOND);
        self.now
    }

    /// The run that gives the story its signature.
    pub(crate) fn main_run(&self) -> &Run {
        self.runs.first().unwrap_or(&self.contract)
    }

    /// Any of the story's runs; the contract's when it has no other.
    pub(crate) fn any_run(&self, dice: &mut Dice) -> &Run {
        match dice.below(5) {
            0 => &self.contract,
            _ => dice.pick(&self.runs).unwrap_or(&self.contract),
        }
    }
}

impl Subject {
    fn draw(dice: &mut Dice) -> Self {
        Self { path: names::file(dice), review_prompt: dice.hex(64), run_prompt: dice.hex(64) }
    }
}

impl Review {
    /// The review of one of the story's files, a little after what was told last.
    pub(crate) fn draw(desk: &mut Desk, story: &mut Story, file: usize, attempt: u64) -> Self {
        let dice = &mut desk.pen.dice;
        let at = story.pass(dice, 180);
        let (file, prompt_hash) = story
            .files
            .get(file)
            .map(|subject| (subject.path.clone(), subject.review_prompt.clone()))
            .unwrap_or_default();
        let run = story.runs.iter().find(|run| run.file == file).filter(|_| dice.often(35));
        Self {
            file,
            prompt_hash,
            model: dice.word(&MODELS),
            attempt,
            at,
            run_id: run.map(|run| run.id.clone()),
            accepted: dice.often(78),
        }
    }
}

impl Run {
    fn draw(dice: &mut Dice, at: Millis, file: String, prompt_hash: String) -> Self {
        let id = match dice.below(10) {
            0..4 => format!("run_{}", dice.hex(12)),
            4..7 => {
                format!("{}-{}-4{}-a{}-{}", dice.hex(8), dice.hex(4), dice.hex(3), dice.hex(3), dice.hex(12))
            }
            7..9 => format!("mode-{at}-{}", dice.hex(6)),
            _ => format!("llm_team:{}", dice.below(1 << 50)),
        };
        Self {
            id,
            model: dice.word(&MODELS),
            mode: dice.word(&MODES),
            file,
            prompt_hash,
            at,
            failed: dice.often(4),
        }
    }
}
