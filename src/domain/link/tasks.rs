//! Task types: the one that a run gives to those of its rows that name none.

use hashbrown::HashTable;

use super::Links;
use super::by_run::{has_own_run, of_run};
use super::facts::Key;
use super::map::spread;
use super::rows::{Place, Rows};

/// Of each run of several rows in which one names a task type: the latest such row. A row that is alone gives to nobody.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    givers: HashTable<Giver>,
}

/// The row that gives its run a task type.
#[derive(Debug, Clone, Copy)]
struct Giver {
    place: Place,
    /// 32 bits of the key of the type: enough to tell whether a run has another one than before.
    task: u32,
}

impl Tasks {
    /// Takes in a row that is not the first of its run; whether the run has another task type now than before.
    pub(super) fn join(&mut self, rows: &Rows, place: Place) -> bool {
        let mut others = of_run(rows, place).skip(1);
        if let (Some(other), None) = (others.next(), others.next()) {
            self.give(rows, other);
        }
        self.give(rows, place)
    }

    /// Takes in a row that is not alone in its run, if it names a task type; whether the run has another one now than before.
    pub(super) fn give(&mut self, rows: &Rows, place: Place) -> bool {
        let (Some(row), Some(task)) = (rows.get(place), rows.task(place)) else { return false };
        let moment = |place: Place| rows.get(place).map(|row| row.moment);
        let run_at = |giver: &Giver| rows.get(giver.place).map_or(0, |row| row.run);
        let now = Giver { place, task };
        match self.givers.find_mut(spread(row.run), |giver| run_at(giver) == row.run) {
            Some(latest) if moment(latest.place) > moment(place) => false,
            Some(latest) => std::mem::replace(latest, now).task != now.task,
            None => {
                self.givers.insert_unique(spread(row.run), now, |giver| spread(run_at(giver)));
                true
            }
        }
    }

    fn of_run(&self, rows: &Rows, run: Key) -> Option<Giver> {
        let same = |giver: &Giver| rows.get(giver.place).is_some_and(|row| row.run == run);
        self.givers.find(spread(run), same).copied()
    }
}

impl Links {
    /// Of a row that names no task type: the latest row of its run that does, and 32 bits of the key of that type.
    pub fn task_giver(&self, place: Place) -> Option<(Place, u32)> {
        let row = self.rows.get(place).filter(|row| !row.gives_task())?;
        if has_own_run(&self.rows, place) {
            return None;
        }
        self.tasks.of_run(&self.rows, row.run).map(|giver| (giver.place, giver.task))
    }
}
