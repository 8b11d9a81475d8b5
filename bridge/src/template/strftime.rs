//! `datetime.now().strftime(format)` in the C locale, for a time that the caller gives.

use std::fmt::Write;

use minijinja::{Error, ErrorKind};

/// Local time without a zone, as `datetime.now()` has it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    pub year: i32,
    pub month: i32,
    pub day: i32,
    pub hour: i32,
    pub minute: i32,
    pub second: i32,
    pub microsecond: i32,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

impl Clock {
    /// The first field that is out of range, by name.
    pub fn bad_field(&self) -> Option<&'static str> {
        let leap = is_leap(self.year);
        let days = match self.month {
            4 | 6 | 9 | 11 => 30,
            2 => 28 + i32::from(leap),
            _ => 31,
        };
        let fields = [
            ("year", self.year, 1, 9999),
            ("month", self.month, 1, 12),
            ("day", self.day, 1, days),
            ("hour", self.hour, 0, 23),
            ("minute", self.minute, 0, 59),
            ("second", self.second, 0, 59),
            ("microsecond", self.microsecond, 0, 999_999),
        ];
        fields.iter().find(|(_, v, low, high)| v < low || v > high).map(|(name, ..)| *name)
    }

    /// Day of the year from 0.
    fn year_day(&self) -> i32 {
        const BEFORE: [i32; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
        let leap_day = i32::from(self.month > 2 && is_leap(self.year));
        BEFORE[(self.month - 1) as usize] + self.day - 1 + leap_day
    }

    /// Day of the week, Sunday is 0.
    fn week_day(&self) -> i32 {
        let past = self.year - 1;
        (past * 365 + past / 4 - past / 100 + past / 400 + self.year_day() + 1).rem_euclid(7)
    }

    /// ISO 8601 year and week.
    fn iso_week(&self) -> (i32, i32) {
        let monday_based = (self.week_day() + 6) % 7;
        let week = (self.year_day() - monday_based + 10) / 7;
        if week < 1 {
            let last_day = Clock { year: self.year - 1, month: 12, day: 31, ..*self };
            return (last_day.year, last_day.iso_week().1);
        }
        let year_length = 365 + i32::from(is_leap(self.year));
        if week == 53 && self.year_day() - monday_based + 3 >= year_length {
            return (self.year + 1, 1);
        }
        (self.year, week)
    }
}

fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub fn now(clock: Option<Clock>, format: &str) -> Result<String, Error> {
    let clock = clock.ok_or_else(|| {
        Error::new(ErrorKind::InvalidOperation, "strftime_now: the caller gave no clock")
    })?;
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut pad = None;
        let mut directive = chars.next();
        if let Some(flag @ ('-' | '_' | '0')) = directive {
            pad = Some(flag);
            directive = chars.next();
        }
        match directive {
            Some(d) => write_directive(&mut out, &clock, d, pad)?,
            None => out.push('%'),
        }
    }
    Ok(out)
}

fn write_directive(
    out: &mut String,
    clock: &Clock,
    directive: char,
    pad: Option<char>,
) -> Result<(), Error> {
    let weekday = clock.week_day();
    let hour12 = if clock.hour % 12 == 0 { 12 } else { clock.hour % 12 };
    let monday_based = (weekday + 6) % 7;
    let (number, width, fill) = match directive {
        'Y' => (clock.year, 4, '0'),
        'C' => (clock.year / 100, 2, '0'),
        'y' => (clock.year % 100, 2, '0'),
        'm' => (clock.month, 2, '0'),
        'd' => (clock.day, 2, '0'),
        'e' => (clock.day, 2, ' '),
        'H' => (clock.hour, 2, '0'),
        'k' => (clock.hour, 2, ' '),
        'I' => (hour12, 2, '0'),
        'l' => (hour12, 2, ' '),
        'M' => (clock.minute, 2, '0'),
        'S' => (clock.second, 2, '0'),
        'f' => (clock.microsecond, 6, '0'),
        'j' => (clock.year_day() + 1, 3, '0'),
        'U' => ((clock.year_day() + 7 - weekday) / 7, 2, '0'),
        'W' => ((clock.year_day() + 7 - monday_based) / 7, 2, '0'),
        'V' => (clock.iso_week().1, 2, '0'),
        'G' => (clock.iso_week().0, 4, '0'),
        'g' => (clock.iso_week().0 % 100, 2, '0'),
        'u' => (monday_based + 1, 1, '0'),
        'w' => (weekday, 1, '0'),
        _ => return write_text_directive(out, clock, directive),
    };
    // glibc writes %Y as it is, so years before 1000 are not padded.
    let width = if directive == 'Y' && pad.is_none() { 1 } else { width };
    let fill = match pad {
        Some('_') => ' ',
        Some('0') => '0',
        _ => fill,
    };
    let digits = number.to_string();
    if pad != Some('-') {
        out.extend(std::iter::repeat_n(fill, width - digits.len().min(width)));
    }
    out.push_str(&digits);
    Ok(())
}

fn write_text_directive(out: &mut String, clock: &Clock, directive: char) -> Result<(), Error> {
    let weekday = WEEKDAYS[clock.week_day() as usize];
    let month = MONTHS[(clock.month - 1) as usize];
    let expansion = match directive {
        'A' => weekday,
        'a' => &weekday[..3],
        'B' => month,
        'b' | 'h' => &month[..3],
        'p' if clock.hour < 12 => "AM",
        'p' => "PM",
        'P' if clock.hour < 12 => "am",
        'P' => "pm",
        'n' => "\n",
        't' => "\t",
        '%' => "%",
        // A time without a zone has no name and no offset.
        'Z' | 'z' => "",
        'c' => return push_now(out, clock, "%a %b %e %H:%M:%S %Y"),
        'D' | 'x' => return push_now(out, clock, "%m/%d/%y"),
        'F' => return push_now(out, clock, "%Y-%m-%d"),
        'R' => return push_now(out, clock, "%H:%M"),
        'r' => return push_now(out, clock, "%I:%M:%S %p"),
        'T' | 'X' => return push_now(out, clock, "%H:%M:%S"),
        other => {
            write!(out, "%{other}").expect("writing to a string");
            return Ok(());
        }
    };
    out.push_str(expansion);
    Ok(())
}

fn push_now(out: &mut String, clock: &Clock, format: &str) -> Result<(), Error> {
    out.push_str(&now(Some(*clock), format)?);
    Ok(())
}
