//! The parent: starts the processes, kills clients, and in the end has the books checked.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use bus::{Bus, Conversation, Payload};

use crate::audit::Audit;
use crate::flow::{Flow, draw};
use crate::orders::{AUDIT, BUS, COUNTS, Close, Counts, PAGE, SERVICE, SYMBOLS, TOPS, Top};
use crate::report::{self, Traded};
use crate::support::child::Child;
use crate::{Plan, Result, summary};

/// How long the gateway may take to do what it does at once.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn run(plan: &Plan) -> Result<()> {
    if let Some(path) = &plan.flow {
        // What is wrong with it is said once, and not by each client.
        Flow::recorded(path)?;
    }
    let directory = tempfile::Builder::new().prefix("exchange-").tempdir()?;
    let path = directory.path();
    let mut gateway = start(path, &["gateway"])?;
    gateway.begin()?;
    let risk = start(path, &["risk"])?;
    let mut clients = Clients { directory: path, started: 0, there: Vec::new() };
    (0..plan.clients).try_for_each(|_| clients.start())?;

    let bus = Bus::builder().directory(path).open(BUS)?;
    let desk = bus.client(SERVICE).open()?.with_timeout(PATIENCE);
    let audit = bus.connect::<Counts>(&format!("{SERVICE}/{AUDIT}")).timeout(PATIENCE).open()?;
    let begun = Instant::now();
    clients.begin()?;
    clients.kill(plan, begun)?;
    // Nobody dies any more. Once the gateway knows of all who did, nothing of theirs may rest.
    let mut counts = audit.advise(COUNTS).latest().hot()?;
    while counts.recv_timeout(PATIENCE)?.value.gone < u64::from(plan.kills) {}
    desk.execute(&Close {})?;
    let elapsed = begun.elapsed();

    let tops = bus.connect::<Top>(&format!("{SERVICE}/{TOPS}")).timeout(PATIENCE).open()?;
    let top = |symbol| Ok(tops.request(symbol)?.value);
    let tops: Result<Vec<Top>> = SYMBOLS.into_iter().map(top).collect();
    let (records, positions) = (read(&audit)?, read(&audit)?);
    let mut found = Audit { records, positions, tops: tops?, ..Audit::default() };
    let traded = clients.finish(&mut found)?;
    found.counts = audit.request(COUNTS)?.value;
    gateway.finish()?;
    found.watched = risk.report()?;
    let volumes = found.check().map_err(|wrong| format!("the books do not balance: {wrong}"))?;
    Ok(summary::print(elapsed, &found, &volumes, &traded)?)
}

fn start(directory: &Path, role: &[&str]) -> Result<Child> {
    Child::start("exchange", directory, role)
}

/// All pages of the audit in one format.
fn read<T: Copy>(audit: &Conversation<Counts>) -> Result<Vec<T>>
where
    [T]: Payload,
{
    let mut all = Vec::new();
    loop {
        let number = (all.len() / PAGE).to_string();
        let page = audit.request_boxed_as::<[T]>(&number, PAGE * size_of::<T>())?;
        all.extend_from_slice(&page);
        if page.len() < PAGE {
            return Ok(all);
        }
    }
}

/// The client processes that there are.
struct Clients<'d> {
    directory: &'d Path,
    /// How many there have been.
    started: u64,
    there: Vec<(Child, PathBuf)>,
}

impl Clients<'_> {
    /// Starts another, and leaves it waiting.
    fn start(&mut self) -> Result<()> {
        let number = self.started.to_string();
        let acknowledged = self.directory.join(format!("client-{number}.acknowledged"));
        let words = ["client", &number, acknowledged.to_str().ok_or("a path that is no text")?];
        self.there.push((start(self.directory, &words)?, acknowledged));
        self.started += 1;
        Ok(())
    }

    fn begin(&mut self) -> Result<()> {
        self.there.iter_mut().try_for_each(|(client, _)| client.begin())
    }

    /// Kills clients at random times until the time is over, and starts one in place of each.
    fn kill(&mut self, plan: &Plan, begun: Instant) -> Result<()> {
        let mut random = plan.seed;
        let mut times: Vec<Duration> =
            (0..plan.kills).map(|_| plan.seconds * draw(&mut random, 1000) as u32 / 1000).collect();
        times.sort();
        for time in times {
            thread::sleep((begun + time).saturating_duration_since(Instant::now()));
            let victim = draw(&mut random, self.there.len() as u64) as usize;
            // That kills it, with SIGKILL, whatever it is doing.
            drop(self.there.swap_remove(victim));
            self.start()?;
            self.there.last_mut().map_or(Ok(()), |(client, _)| client.begin())?;
        }
        thread::sleep((begun + plan.seconds).saturating_duration_since(Instant::now()));
        Ok(())
    }

    /// Ends those that are left, and takes what was acknowledged to them; what they counted.
    fn finish(self, found: &mut Audit) -> Result<Vec<Traded>> {
        let mut counted = Vec::new();
        for (mut client, acknowledged) in self.there {
            client.end();
            counted.push(client.report()?);
            found.acknowledged.push(report::read(&acknowledged)?);
        }
        Ok(counted)
    }
}
