//! What derives cost where they are used: the time of `cargo check`.
//!
//! A workspace in a temporary directory has one crate per contestant. All hold the same types, without padding,
//! so that each contestant can describe them; they differ in what is derived besides `Clone` and `Copy`. The
//! versions of dependencies are those of our lock file, and nothing is downloaded.
//!
//! Incremental compilation is off: what is measured is the first check, or that after a change of the types.

use std::fmt::Write;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Failure;
use crate::report::median;

/// Structs in a crate.
const STRUCTS: usize = 400;
/// A new enum comes with each so many structs.
const STRUCTS_PER_ENUM: usize = 20;
/// Each so many structs, one is not within the next.
const NESTED: usize = 4;

/// What is derived.
struct Contestant {
    name: &'static str,
    /// Attributes of a struct and of an enum, besides `repr`.
    attributes: &'static str,
    dependency: Option<&'static str>,
}

impl Contestant {
    /// The name of its crate.
    fn package(&self) -> String {
        format!("with_{}", self.name)
    }
}

/// The first is what the others are compared with.
const CONTESTANTS: [Contestant; 4] = [
    Contestant { name: "no_derive", attributes: "", dependency: None },
    Contestant { name: "message", attributes: "#[derive(bus::Message)]", dependency: Some("bus") },
    Contestant {
        name: "serde",
        attributes: "#[derive(serde::Serialize, serde::Deserialize)]",
        dependency: Some("serde"),
    },
    Contestant {
        name: "bytemuck",
        attributes: "#[derive(bytemuck::NoUninit, bytemuck::CheckedBitPattern)]",
        dependency: Some("bytemuck"),
    },
];

/// The figures of all contestants, which are also printed.
pub(crate) fn measure(rounds: usize) -> Result<Vec<Value>, Failure> {
    let workspace = Workspace::create()?;
    for contestant in &CONTESTANTS {
        eprint!("\rbuilding the dependencies of {:<12}", contestant.name);
        workspace.check(contestant)?;
    }
    let mut times = vec![Vec::new(); CONTESTANTS.len()];
    for round in 0..rounds {
        eprint!("\rround {} of {rounds}                               ", round + 1);
        for (contestant, times) in CONTESTANTS.iter().zip(&mut times) {
            times.push(workspace.check(contestant)?.as_secs_f64());
        }
    }
    eprintln!();
    println!("{rounds} rounds of `cargo check`, {STRUCTS} structs of 20 fields");
    println!(
        "{:<12} {:>8} {:>15} {:>14} {:>18}",
        "derive", "p50 s", "÷ no derive", "per struct µs", "÷ serde's share"
    );
    let serde = &times[2];
    let mut figures = Vec::new();
    for (contestant, own) in CONTESTANTS.iter().zip(&times) {
        let pairs = || own.iter().zip(&times[0]);
        let seconds = median(own.iter().copied());
        let ratio = median(pairs().map(|(own, none)| own / none));
        let share = median(pairs().map(|(own, none)| (own - none) / STRUCTS as f64 * 1e6));
        let to_serde = median(pairs().zip(serde).map(|((own, none), serde)| (own - none) / (serde - none)));
        println!("{:<12} {seconds:>8.3} {ratio:>15.3} {share:>14.0} {to_serde:>18.3}", contestant.name);
        figures.push(json!({
            "figure": "compile",
            "derive": contestant.name,
            "structs": STRUCTS,
            "p50_s": seconds,
            "ratio_to_no_derive": ratio,
            "us_per_struct": share,
            "share_to_serde": to_serde,
        }));
    }
    Ok(figures)
}

/// The temporary workspace.
struct Workspace {
    directory: TempDir,
}

impl Workspace {
    fn create() -> Result<Self, Failure> {
        let ours = Path::new(env!("CARGO_MANIFEST_DIR"));
        let directory = tempfile::tempdir()?;
        let root = directory.path();
        let mut manifest = "[workspace]\nresolver = \"3\"\nmembers = [".to_owned();
        for contestant in &CONTESTANTS {
            write!(manifest, "\"{}\", ", contestant.package())?;
            write_crate(&root.join(contestant.package()), contestant)?;
        }
        manifest.push_str("]\n");
        let bus = ours.join("bus");
        write!(
            manifest,
            "[workspace.dependencies]\nbus = {{ path = {bus:?} }}\n\
             serde = {{ version = \"1\", features = [\"derive\"] }}\n\
             bytemuck = {{ version = \"1\", features = [\"derive\"] }}\n"
        )?;
        fs::write(root.join("Cargo.toml"), manifest)?;
        fs::copy(ours.join("Cargo.lock"), root.join("Cargo.lock"))?;
        Ok(Self { directory })
    }

    fn source(&self, contestant: &Contestant) -> PathBuf {
        self.directory.path().join(contestant.package()).join("src/lib.rs")
    }

    /// Checks the crate of a contestant as after a change of it.
    fn check(&self, contestant: &Contestant) -> Result<Duration, Failure> {
        File::options().append(true).open(self.source(contestant))?.set_modified(SystemTime::now())?;
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command
            .args(["check", "--quiet", "--offline", "--package", &contestant.package()])
            .current_dir(&self.directory)
            .env("CARGO_TARGET_DIR", self.directory.path().join("target"))
            .env("CARGO_INCREMENTAL", "0");
        let start = Instant::now();
        let output = command.output()?;
        let time = start.elapsed();
        match output.status.success() {
            true => Ok(time),
            false => {
                let words = String::from_utf8_lossy(&output.stderr);
                Err(format!("checking the crate `{}`:\n{words}", contestant.name).into())
            }
        }
    }
}

fn write_crate(directory: &Path, contestant: &Contestant) -> Result<(), Failure> {
    fs::create_dir_all(directory.join("src"))?;
    let mut manifest =
        format!("[package]\nname = \"{}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n", contestant.package());
    if let Some(dependency) = contestant.dependency {
        write!(manifest, "[dependencies]\n{dependency} = {{ workspace = true }}\n")?;
    }
    fs::write(directory.join("Cargo.toml"), manifest)?;
    fs::write(directory.join("src/lib.rs"), source(contestant.attributes)?)?;
    Ok(())
}

/// The types of a crate.
fn source(attributes: &str) -> Result<String, Failure> {
    let mut source = "//! Types.\n".to_owned();
    for index in 0..STRUCTS {
        let number = index / STRUCTS_PER_ENUM;
        if index % STRUCTS_PER_ENUM == 0 {
            write!(
                source,
                "\n/// Which way.\n{attributes}\n#[derive(Clone, Copy)]\n#[repr(u8)]\npub enum Side{number} {{\n    \
                 /// In.\n    Buy,\n    /// Out.\n    Sell,\n    /// Neither.\n    Hold,\n}}\n"
            )?;
        }
        let previous = match index % NESTED {
            0 => "u64".to_owned(),
            _ => format!("Record{}", index - 1),
        };
        write!(
            source,
            "
/// What was seen.
{attributes}
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Record{index} {{
    /// In ticks.
    pub price: f64,
    pub quantity: u64,
    /// Since the beginning.
    pub time: u64,
    pub offset: i64,
    /// In metres.
    pub position: [f64; 3],
    pub previous: {previous},
    pub counts: [u32; 4],
    pub identifier: u32,
    pub sequence: u32,
    pub gain: f32,
    pub bias: f32,
    pub channels: [u16; 4],
    pub width: u16,
    pub height: u16,
    pub level: i16,
    pub limit: i16,
    pub label: [u8; 4],
    /// Which way it went.
    pub side: Side{number},
    pub urgent: bool,
    pub flags: [u8; 2],
}}
"
        )?;
    }
    Ok(source)
}
