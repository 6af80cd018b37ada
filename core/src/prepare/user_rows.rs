//! Users with their events or interactions, as they travel between memory and disk.

use crate::data::{Id, Ids};

/// Consecutive users with their events, or with their interactions: those of user u are the
/// `degrees[u]` entries after those of the users before.
#[derive(Clone, Debug, PartialEq)]
pub struct UserRows {
    /// The users, ascending.
    pub users: Ids,
    /// How many entries each user has.
    pub degrees: Vec<u32>,
    /// The item of each entry.
    pub items: Vec<u32>,
    /// The weight of each entry, where the job looks at weights.
    pub weights: Option<Vec<f64>>,
    /// The time of each entry, where the job looks at times.
    pub times: Option<Vec<i64>>,
}

impl UserRows {
    /// Keeps the users from `from` up to, but not including, `to`.
    pub fn cut(&mut self, from: Option<&Id>, to: Option<&Id>) {
        let first = from.map_or(0, |id| self.users.count_below(id));
        let last = to.map_or(self.users.len(), |id| self.users.count_below(id)).max(first);
        if (first, last) == (0, self.users.len()) {
            return;
        }
        let entries = |users: &[u32]| users.iter().map(|degree| *degree as usize).sum::<usize>();
        let start = entries(&self.degrees[..first]);
        let range = start..start + entries(&self.degrees[first..last]);
        self.users = self.users.slice(first..last);
        self.degrees = self.degrees[first..last].to_vec();
        self.items = self.items[range.clone()].to_vec();
        self.weights = self.weights.as_ref().map(|all| all[range.clone()].to_vec());
        self.times = self.times.as_ref().map(|all| all[range].to_vec());
    }

    /// Renames the items to `new_codes`, drops entries whose item has none (`u32::MAX`), then
    /// users without entries; returns how many entries and users were dropped.
    pub fn rename(&mut self, new_codes: &[u32]) -> (u64, u64) {
        let (entries, users) = (self.items.len(), self.users.len());
        let (mut next, mut start) = (0, 0);
        for degree in &mut self.degrees {
            let end = start + *degree as usize;
            let before = next;
            for at in start..end {
                let code = new_codes[self.items[at] as usize];
                if code != u32::MAX {
                    self.items[next] = code;
                    self.weights.iter_mut().for_each(|all| all[next] = all[at]);
                    self.times.iter_mut().for_each(|all| all[next] = all[at]);
                    next += 1;
                }
            }
            *degree = (next - before) as u32;
            start = end;
        }
        self.items.truncate(next);
        self.weights.iter_mut().for_each(|all| all.truncate(next));
        self.times.iter_mut().for_each(|all| all.truncate(next));
        self.drop_idle();
        ((entries - next) as u64, (users - self.users.len()) as u64)
    }

    /// Appends the entries of the same single user.
    pub(crate) fn append_to_user(&mut self, mut other: Self) {
        self.degrees[0] += other.degrees[0];
        self.items.append(&mut other.items);
        if let (Some(all), Some(more)) = (&mut self.weights, &mut other.weights) {
            all.append(more);
        }
        if let (Some(all), Some(more)) = (&mut self.times, &mut other.times) {
            all.append(more);
        }
    }

    /// Drops users without entries.
    pub(crate) fn drop_idle(&mut self) {
        if self.degrees.contains(&0) {
            let busy = (0..).zip(&self.degrees).filter(|(_, degree)| **degree > 0);
            self.users = self.users.select(&busy.map(|(user, _)| user).collect::<Vec<_>>());
            self.degrees.retain(|degree| *degree > 0);
        }
    }
}
