//! A job before it is computed: its size, its work, its memory and time, and what would change them.

mod calibrate;
mod estimate;
mod extrapolate;
mod ladder;
mod profile;
mod rates;
mod size;
mod survey;

pub use self::{
    calibrate::{Step, Workload},
    estimate::{Forecast, Memory, Outlook, Remedy, Setting, cap_that_fits, remedies},
    extrapolate::{Extrapolated, Seen, extrapolate},
    ladder::{
        Bytes, Ladder, Limits, Missing, Needs, RATES, Report, Rung, Span, Stop, Surroundings,
        Verdict, Why, pick_tiles,
    },
    profile::{Degrees, HEAVIEST_USER, HeavyUser, Profile, find_heavy_user},
    rates::Rates,
    size::Size,
};
