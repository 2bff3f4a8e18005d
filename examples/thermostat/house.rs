//! The house: rooms that are heated, and cool by themselves, minute by minute.
//!
//! A room loses heat in proportion to what it is warmer than outside, and much more while a window is open. Which windows
//! are opened when is drawn from the seed, so that two houses of one seed to which the same is done in the same minutes are
//! the same at all times.

use crate::rooms::{Alarm, ROOMS};

/// °C outside.
const OUTSIDE: f64 = 5.0;
/// °C that the heating adds in a minute.
const HEATING: f64 = 0.15;
/// The part of the difference to outside that is lost in a minute, with windows closed and with one open.
const LOSS: [f64; 2] = [0.002, 0.04];
/// Minutes for which a window stays open.
const AIRING: u64 = 25;
/// °C by which a boost is above the setpoint.
const BOOST: f64 = 3.0;
/// °C between the heating's going on and off, around what is wanted.
const HYSTERESIS: f64 = 0.2;
/// A room below the first or above the second raises an alarm, in °C.
const ALARMING: (f64, f64) = (14.0, 32.0);
/// °C by which a room must be back before the alarm is over.
const RECOVERED: f64 = 0.5;

pub(crate) struct House {
    /// Minutes since the beginning.
    pub(crate) minute: u64,
    pub(crate) rooms: [Room; ROOMS.len()],
    random: u64,
}

pub(crate) struct Room {
    pub(crate) celsius: f64,
    pub(crate) setpoint: f64,
    pub(crate) alarm: Alarm,
    /// Whether that came with the last minute.
    pub(crate) is_alarm_new: bool,
    /// Until which minute it is boosted, and serviced.
    pub(crate) boosted_until: u64,
    pub(crate) serviced_until: u64,
    pub(crate) is_halted: bool,
    is_heating: bool,
    /// In which minute a window is opened next, or was last.
    airing: u64,
}

impl House {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = seed;
        let rooms = ROOMS.map(|_| Room {
            celsius: 18.0 + draw(&mut random, 30) as f64 / 10.0,
            setpoint: 20.0,
            alarm: Alarm::None,
            is_alarm_new: false,
            boosted_until: 0,
            serviced_until: 0,
            is_halted: false,
            is_heating: false,
            airing: 15 + draw(&mut random, 30),
        });
        House { minute: 0, rooms, random }
    }

    /// A minute passes.
    pub(crate) fn pass_minute(&mut self) {
        self.minute += 1;
        for room in &mut self.rooms {
            if self.minute == room.airing + AIRING {
                room.airing = self.minute + 120 + draw(&mut self.random, 120);
            }
            room.pass_minute(self.minute);
        }
    }
}

impl Room {
    fn pass_minute(&mut self, minute: u64) {
        let wanted = self.setpoint + if minute < self.boosted_until { BOOST } else { 0.0 };
        self.is_heating = match self.celsius - wanted {
            _ if self.is_halted || minute < self.serviced_until => false,
            above if above > HYSTERESIS => false,
            above if above < -HYSTERESIS => true,
            _ => self.is_heating,
        };
        let airs = (self.airing..self.airing + AIRING).contains(&minute);
        self.celsius -= (self.celsius - OUTSIDE) * LOSS[usize::from(airs)];
        self.celsius += if self.is_heating { HEATING } else { 0.0 };
        let before = self.alarm;
        self.alarm = match (before, self.celsius) {
            (_, celsius) if celsius < ALARMING.0 => Alarm::TooCold,
            (_, celsius) if celsius > ALARMING.1 => Alarm::TooHot,
            (Alarm::TooCold, celsius) if celsius < ALARMING.0 + RECOVERED => Alarm::TooCold,
            (Alarm::TooHot, celsius) if celsius > ALARMING.1 - RECOVERED => Alarm::TooHot,
            _ => Alarm::None,
        };
        self.is_alarm_new = self.alarm != before;
    }
}

/// A number below `below`, by SplitMix64 (Steele, Lea and Flood 2014).
fn draw(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % below
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Minutes of a day.
    const DAY: u64 = 24 * 60;

    fn temperatures(seed: u64) -> Vec<f64> {
        let mut house = House::new(seed);
        (0..DAY)
            .flat_map(|_| {
                house.pass_minute();
                house.rooms.each_ref().map(|room| room.celsius)
            })
            .collect()
    }

    #[test]
    fn a_seed_is_a_house() {
        assert_eq!(temperatures(7), temperatures(7));
        assert_ne!(temperatures(7), temperatures(8));
    }

    #[test]
    fn a_room_is_heated_to_its_setpoint_and_a_boost_goes_beyond() {
        let mut house = House::new(1);
        house.rooms.iter_mut().for_each(|room| room.airing = u64::MAX - AIRING);
        house.rooms[1].boosted_until = u64::MAX;
        (0..DAY).for_each(|_| house.pass_minute());
        assert!((house.rooms[0].celsius - 20.0).abs() < 0.5, "{}", house.rooms[0].celsius);
        assert!((house.rooms[1].celsius - 23.0).abs() < 0.5, "{}", house.rooms[1].celsius);
    }

    #[test]
    fn a_room_that_is_halted_or_serviced_cools_and_raises_the_alarm() {
        let mut house = House::new(1);
        house.rooms[0].is_halted = true;
        house.rooms[1].serviced_until = u64::MAX;
        (0..DAY).for_each(|_| house.pass_minute());
        for room in &house.rooms[..2] {
            assert!(room.celsius < 8.0 && room.alarm == Alarm::TooCold, "{}", room.celsius);
        }
    }

    #[test]
    fn an_open_window_raises_the_alarm_in_every_house_for_a_while() {
        for seed in 0..100 {
            let mut house = House::new(seed);
            let mut seen = [0; 3];
            for _ in 0..DAY {
                house.pass_minute();
                seen[house.rooms[0].alarm as usize] += 1;
            }
            assert!(seen[0] > 0 && seen[1] > 0 && seen[2] == 0, "{seed}: {seen:?}");
        }
    }
}
