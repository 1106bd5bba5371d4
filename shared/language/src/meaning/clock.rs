//! Times of day; which half of the day is meant is decided in [`super::compose`].

use chrono::NaiveTime;

/// A reading of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clock {
    /// 0–23; 1–12 while open.
    pub(crate) hour: u32,
    /// 0–59.
    pub(crate) minute: u32,
    /// Whether it was not said which half of the day is meant.
    pub(crate) is_open: bool,
}

/// A part of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// From 9:00.
    Morning,
    /// At 12:00, and the hours around it.
    Noon,
    /// From 15:00.
    Afternoon,
    /// From 19:00.
    Evening,
    /// From 21:00.
    Night,
}

impl Part {
    /// Gives the hour that stands for it.
    pub(crate) const fn hour(self) -> u32 {
        match self {
            Self::Morning => 9,
            Self::Noon => 12,
            Self::Afternoon => 15,
            Self::Evening => 19,
            Self::Night => 21,
        }
    }
}

impl Part {
    /// Gives the hour when it begins for who asks what is due in it, and how many hours it has.
    pub(crate) const fn span(self) -> (u32, u32) {
        match self {
            Self::Morning => (5, 7),
            Self::Noon => (11, 4),
            Self::Afternoon => (12, 5),
            Self::Evening => (17, 5),
            Self::Night => (18, 6),
        }
    }
}

impl Clock {
    /// Gives a reading that says its half of the day.
    pub(crate) const fn exact(hour: u32, minute: u32) -> Self {
        Self { hour, minute, is_open: false }
    }

    /// Gives the time on a day other than today: 1–7 is afternoon, 8–11 morning, 12 noon.
    pub(crate) fn plain(self) -> NaiveTime {
        let hour = if self.is_open && self.hour < 8 { self.hour + 12 } else { self.hour };
        time(hour, self.minute)
    }

    /// Gives the time in a part of the day; the small hours are part of the night.
    pub(crate) fn in_part(self, part: Part) -> NaiveTime {
        let hour = match (self.is_open, part) {
            (false, _) => self.hour,
            (true, Part::Morning) => self.hour % 12,
            (true, Part::Noon) if matches!(self.hour, 10 | 11) => self.hour,
            (true, Part::Night) if self.hour == 12 || self.hour < 5 => self.hour % 12,
            (true, _) => self.hour % 12 + 12,
        };
        time(hour, self.minute)
    }

    /// Gives both readings, the earlier one first.
    pub(crate) fn readings(self) -> [NaiveTime; 2] {
        if self.is_open && self.hour < 12 {
            [time(self.hour, self.minute), time(self.hour + 12, self.minute)]
        } else {
            [time(self.hour, self.minute); 2]
        }
    }
}

/// Gives a time of day.
pub(crate) fn time(hour: u32, minute: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(hour, minute, 0).expect("hours and minutes are checked when they are read")
}
