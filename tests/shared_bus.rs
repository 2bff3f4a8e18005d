//! A bus that several users share is safe to use, whoever else may write to its directory.
//!
//! Nobody is fooled by whoever takes a name, lays a link, or leaves a socket where another is expected; nobody keeps an
//! owner out by locks; nobody's files are written or removed by mistake; and what a dead service leaves goes when its own user
//! looks. A bus that nobody shares stays one user's own.

mod support;

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use bus::{Access, Bus, Error, Service, Verbs, Who};
use support::users::{self, SECOND, SharedPlace, THIRD};
use support::{LIMIT, Place, Process, Test, roles, wire};

roles!(other_user, discreet);

/// Everybody may have services here.
const OPEN: u32 = 0o1777;

/// A service whose only value says whose it is; all may read it.
fn serve(bus: &Bus, name: &str, value: u64) -> Result<(Service, bus::Topic<u64>), Error> {
    let service = bus.service(name)?;
    let topic = service.topic("topic").access(Access::same_user().allow(Who::Anyone, Verbs::READ)).open()?;
    topic.item("item")?.publish(&value)?;
    service.ready()?;
    Ok((service, topic))
}

/// What is read there, or what kind of error there is.
fn read(bus: &Bus, name: &str) -> String {
    let topic = bus.connect::<u64>(&format!("{name}/topic")).timeout(LIMIT).open();
    said(topic.and_then(|topic| topic.request("item")).map(|update| update.value))
}

fn said(result: Result<impl ToString, Error>) -> String {
    match result {
        Ok(value) => value.to_string(),
        Err(Error::Untrusted { uid, .. }) => format!("untrusted {uid}"),
        Err(Error::NameTaken { uid, .. }) => format!("taken by {uid}"),
        Err(Error::NoSuchService { .. }) => "no such service".to_owned(),
        Err(Error::AlreadyServed { .. }) => "already served".to_owned(),
        Err(other) => other.to_string(),
    }
}

/// With a umask by which nothing is for others: has a service on a bus that it creates, in a directory that is not there yet.
fn discreet(test: &mut Test) {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let bus = Bus::builder()
        .directory(test.directory().join("not/there/yet"))
        .shared(0o755)
        .open("shared")
        .unwrap();
    let _served = serve(&bus, "market", 7).unwrap();
    test.say("serves");
    test.await_line("end");
}

/// Does as it is told, with a bus of its own opening.
fn other_user(test: &mut Test) {
    users::obey(test);
    let place = Path::new(test.directory()).join("shared");
    let mut kept = Vec::new();
    let mut sockets = Vec::new();
    loop {
        let line = test.hear();
        let words: Vec<&str> = line.split(' ').collect();
        let open = |trusted: &[u32]| users::open(test, trusted);
        let answer = match words[..] {
            ["open"] => said(open(&[]).map(|_| "opened")),
            ["open-trusting", uid] => said(open(&[uid.parse().unwrap()]).map(|_| "opened")),
            ["open-private"] => said(users::builder(test.directory()).open("shared").map(|_| "opened")),
            ["read", name] => read(&open(&[]).unwrap(), name),
            ["read-trusting", uid, name] => read(&open(&[uid.parse().unwrap()]).unwrap(), name),
            ["services"] => {
                let services = open(&[]).unwrap().services().unwrap();
                services.into_iter().map(|service| service.name).collect::<Vec<_>>().join(" ")
            }
            ["serve", name, value] => match serve(&open(&[]).unwrap(), name, value.parse().unwrap()) {
                Ok(served) => {
                    kept.push(served);
                    "served".to_owned()
                }
                Err(error) => said(Err::<String, _>(error)),
            },
            ["stop"] => {
                kept.clear();
                sockets.clear();
                "stopped".to_owned()
            }
            ["file", name] => {
                File::create_new(place.join(name)).map_or_else(|error| error.to_string(), |_| "made".into())
            }
            ["pipe", name] => {
                let mode = rustix::fs::Mode::from_raw_mode(0o666);
                let path = place.join(name);
                rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
                "made".to_owned()
            }
            ["listen", name] => {
                sockets.push(wire::listen(&place.join(name)));
                "listens".to_owned()
            }
            ["link", to, name] => {
                symlink(to, place.join(name)).unwrap();
                "linked".to_owned()
            }
            ["remove", name] => fs::remove_file(place.join(name))
                .map_or_else(|error| error.kind().to_string(), |()| "removed".into()),
            ["lock", name] => lock(&place.join(name)),
            _ => panic!("{line}"),
        };
        test.say(answer);
    }
}

/// Takes a lock for reading on all of a file, for which it is enough to be able to read it, and keeps it.
fn lock(path: &Path) -> String {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => return error.kind().to_string(),
    };
    // SAFETY: `flock` is a plain C struct of integers, for which zero is a valid value.
    let mut lock: libc::flock = unsafe { core::mem::zeroed() };
    lock.l_type = libc::F_RDLCK as _;
    // SAFETY: the descriptor is open and `lock` is a valid `flock`.
    assert_eq!(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &lock) }, 0);
    core::mem::forget(file);
    "locked".to_owned()
}

fn second(place: &SharedPlace) -> Process {
    place.start("other_user", SECOND, &[])
}

#[test]
fn whoever_takes_a_name_fools_nobody_who_does_not_trust_him() {
    if !users::can_become_others("whoever_takes_a_name_fools_nobody_who_does_not_trust_him") {
        return;
    }
    let place = SharedPlace::new(OPEN);
    let (mut squatter, mut third) = (second(&place), place.start("other_user", THIRD, &[]));
    assert_eq!(squatter.ask("serve market 666"), "served");
    let bus = place.bus(OPEN);
    assert_eq!(read(&bus, "market"), format!("untrusted {SECOND}"), "root");
    assert_eq!(third.ask("read market"), format!("untrusted {SECOND}"));
    assert_eq!(third.ask(format!("read-trusting {SECOND} market")), "666", "for those who say so");
    assert_eq!(bus.services().unwrap(), []);
    assert_eq!(third.ask("services"), "");
    // Nor do others get the name: they are told who has it.
    assert_eq!(said(serve(&bus, "market", 1).map(|_| 0)), format!("taken by {SECOND}"));
    assert_eq!(third.ask("serve market 1"), format!("taken by {SECOND}"));
    assert_eq!(squatter.ask("stop"), "stopped");
    let served = serve(&bus, "market", 1).unwrap();
    for process in [&mut squatter, &mut third] {
        assert_eq!(process.ask("read market"), "1", "root is trusted");
        assert_eq!(process.ask("services"), "market");
        for file in ["market.sock", "market.lock"] {
            assert_ne!(process.ask(format!("remove {file}")), "removed");
        }
    }
    assert_eq!(squatter.ask("serve market 2"), "taken by 0");
    drop(served);
    squatter.finish();
    third.finish();
}

#[test]
fn what_is_laid_in_the_way_is_neither_followed_nor_written() {
    if !users::can_become_others("what_is_laid_in_the_way_is_neither_followed_nor_written") {
        return;
    }
    let place = SharedPlace::new(OPEN);
    let mut attacker = second(&place);
    let bus = place.bus(OPEN);
    let precious = place.root().join("precious");
    fs::write(&precious, "as it was").unwrap();
    let (_other, _topic) = serve(&bus, "other", 7).unwrap();

    // Links and pipes where the lock file and the sockets will be.
    for kind in ["lock", "sock", "new"] {
        let name = format!("market.{kind}");
        for trap in
            [format!("link {} {name}", precious.display()), format!("pipe {name}"), format!("file {name}")]
        {
            attacker.ask(&trap);
            // Neither waits for the pipe.
            assert_eq!(bus.services().unwrap().len(), 1, "after `{trap}`");
            assert_eq!(attacker.ask("services"), "other");
            // Root may remove what others laid where its sockets go, and does; it never writes to it.
            let served = said(serve(&bus, "market", 1).map(|_| "served"));
            let expected = if kind == "lock" { format!("taken by {SECOND}") } else { "served".to_owned() };
            assert_eq!(served, expected, "after `{trap}`");
            assert_eq!(fs::read_to_string(&precious).unwrap(), "as it was");
            let _ = fs::remove_file(place.path().join(&name));
        }
    }
    // A link to a service of a trusted user is not the service of this name, nor is one that was bound elsewhere.
    attacker.ask("link other.sock market.sock");
    assert_eq!(read(&bus, "market"), format!("untrusted {SECOND}"));
    attacker.ask("remove market.sock");
    let mut third = place.start("other_user", THIRD, &[]);
    attacker.ask("link other.sock market.sock");
    assert_eq!(third.ask("read market"), format!("untrusted {SECOND}"));
    assert_eq!(third.ask("read other"), "7");
    attacker.ask("remove market.sock");
    attacker.ask("listen market.sock");
    assert_eq!(third.ask("read market"), format!("untrusted {SECOND}"));
    attacker.ask("remove market.sock");
    // A second name of a trusted service's socket, where the system lets somebody give it one.
    fs::hard_link(place.path().join("other.sock"), place.path().join("market.sock")).unwrap();
    assert_eq!(third.ask("read market"), "no such service");
    fs::remove_file(place.path().join("market.sock")).unwrap();
    assert_eq!(third.ask("read other"), "7");
    attacker.finish();
    third.finish();
}

#[test]
fn a_service_that_is_not_ready_is_not_listed_for_a_socket_that_somebody_laid() {
    if !users::can_become_others("a_service_that_is_not_ready_is_not_listed_for_a_socket_that_somebody_laid")
    {
        return;
    }
    let place = SharedPlace::new(OPEN);
    let (mut attacker, mut third) = (second(&place), place.start("other_user", THIRD, &[]));
    let bus = place.bus(OPEN);
    let service = bus.service("market").unwrap();
    assert_eq!(attacker.ask("listen market.sock"), "listens");
    assert_eq!(bus.services().unwrap(), [], "its own socket is not there yet");
    assert_eq!(attacker.ask("link market.sock other.sock"), "linked");
    assert_eq!(third.ask("services"), "");
    // Whoever trusts him sees his, and no other.
    let trusting = users::builder(place.root()).shared(OPEN).trust(SECOND).open("shared").unwrap();
    let listed: Vec<_> = trusting.services().unwrap().into_iter().map(|info| (info.name, info.pid)).collect();
    assert_eq!(listed, [("market".to_owned(), attacker.pid())]);
    assert_eq!(attacker.ask("remove market.sock"), "removed");
    assert_eq!(attacker.ask("remove other.sock"), "removed");
    drop(service);
    attacker.finish();
    third.finish();
}

#[test]
fn nobody_keeps_an_owner_out_or_seems_to_be_one_by_locks() {
    if !users::can_become_others("nobody_keeps_an_owner_out_or_seems_to_be_one_by_locks") {
        return;
    }
    let place = SharedPlace::new(OPEN);
    let mut attacker = second(&place);
    let bus = place.bus(OPEN);
    let (service, topic) = serve(&bus, "market", 1).unwrap();
    assert_eq!(attacker.ask("lock market.lock"), "permission denied");
    drop((topic, service));
    // What a dead service has left, with a lock that is not its owner's.
    assert_eq!(attacker.ask("file market.lock"), "made");
    assert_eq!(attacker.ask("listen market.sock"), "listens");
    assert_eq!(attacker.ask("lock market.lock"), "locked");
    assert_eq!(bus.services().unwrap(), []);
    assert_eq!(read(&bus, "market"), format!("untrusted {SECOND}"));
    for file in ["market.lock", "market.sock"] {
        fs::remove_file(place.path().join(file)).unwrap();
    }
    let _served = serve(&bus, "market", 2).unwrap();
    assert_eq!(attacker.ask("read market"), "2");
    attacker.finish();
}

#[test]
fn a_dead_service_of_another_user_is_not_there_and_is_swept_by_its_own() {
    if !users::can_become_others("a_dead_service_of_another_user_is_not_there_and_is_swept_by_its_own") {
        return;
    }
    let place = SharedPlace::new(OPEN);
    let mut dying = second(&place);
    let mut same = second(&place);
    let mut third = place.start("other_user", THIRD, &[]);
    assert_eq!(dying.ask("serve market 1"), "served");
    assert_eq!(third.ask(format!("read-trusting {SECOND} market")), "1");
    assert_eq!(same.ask("services"), "market");
    dying.kill();
    assert_eq!(place.bus(OPEN).services().unwrap(), []);
    assert_eq!(third.ask(format!("read-trusting {SECOND} market")), "no such service");
    assert_eq!(third.ask("services"), "");
    assert_eq!(place.files(), ["market.lock", "market.sock"], "others leave it alone");
    assert_eq!(same.ask("services"), "");
    assert_eq!(place.files(), [""; 0]);
    same.finish();
    third.finish();
}

#[test]
fn a_umask_keeps_nobody_from_what_is_shared() {
    if !users::can_become_others("a_umask_keeps_nobody_from_what_is_shared") {
        return;
    }
    let place = SharedPlace::without_bus();
    let mut server = Process::start("discreet", place.root());
    server.await_line("serves");
    let root = place.root().join("not/there/yet");
    let mut other = Process::start("other_user", &root);
    other.say(SECOND);
    other.await_line("ready");
    assert_eq!(other.ask("read market"), "7");
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!([mode(&root), mode(&root.join("shared"))], [0o755; 2]);
    server.say("end");
    server.finish();
    other.finish();
}

#[test]
fn sockets_are_for_others_where_a_list_is() {
    if !users::can_become_others("sockets_are_for_others_where_a_list_is") {
        return;
    }
    let place = SharedPlace::new(0o755);
    let bus = place.bus(0o755);
    let mode = || fs::metadata(place.path().join("service.sock")).unwrap().mode() & 0o777;
    let service = bus.service("service").unwrap();
    service.ready().unwrap();
    assert_eq!(mode(), 0o600);
    let own = service.topic::<u64>("own").access(Access::same_user().allow(Who::Uid(0), Verbs::ALL)).open();
    assert_eq!(mode(), 0o600, "root needs no leave");
    let group = Access::same_user().allow(Who::Gid(SECOND), Verbs::READ);
    let others = service.topic::<u64>("others").access(group).open();
    assert_eq!(mode(), 0o666);
    assert_eq!(fs::metadata(place.path().join("service.lock")).unwrap().mode() & 0o777, 0o600);
    drop((own, others, service));
    let _served = serve(&bus, "service", 1).unwrap();
    assert_eq!(mode(), 0o666, "from the start");
}

#[test]
fn a_directory_in_which_others_could_remove_files_is_no_bus() {
    if !users::can_become_others("a_directory_in_which_others_could_remove_files_is_no_bus") {
        return;
    }
    for mode in [0o777, 0o775, 0o757, 0o500, 0o4755, 0o10755] {
        let place = SharedPlace::without_bus();
        let error = users::builder(place.root()).shared(mode).open("shared").unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option: "shared", .. }), "{error}");
        assert!(!place.path().exists());
    }
    let place = SharedPlace::new(0o755);
    let mut other = second(&place);
    assert_eq!(other.ask("open"), "opened");
    let denied = other.ask("serve market 1");
    assert!(denied.contains("Permission denied"), "{denied}");
    // An administrator's mistakes, and what others see of them.
    let mode = |mode| fs::set_permissions(place.path(), fs::Permissions::from_mode(mode)).unwrap();
    mode(0o777);
    assert!(other.ask("open").contains("it has mode 777, by which users remove each other's files"));
    mode(0o711);
    let unreadable = other.ask("open");
    assert!(unreadable.contains("user 12345 has to be able to read and search it"), "{unreadable}");
    mode(0o755);
    rustix::fs::chown(place.path(), Some(rustix::fs::Uid::from_raw(THIRD)), None).unwrap();
    let owned = other.ask("open");
    assert!(owned.contains("it belongs to user 12346") && owned.contains(".trust(12346)"), "{owned}");
    assert_eq!(other.ask("open-trusting 12346"), "opened");
    rustix::fs::chown(place.path(), Some(rustix::fs::Uid::ROOT), None).unwrap();
    // A link to a bus is not one.
    fs::rename(place.path(), place.root().join("elsewhere")).unwrap();
    symlink("elsewhere", place.path()).unwrap();
    assert_ne!(other.ask("open"), "opened");
    fs::remove_file(place.path()).unwrap();
    let nowhere = other.ask("open");
    assert!(nowhere.contains("No such file"), "{nowhere}");
    // This user's own gets its mode back.
    fs::rename(place.root().join("elsewhere"), place.path()).unwrap();
    mode(0o700);
    place.bus(0o755);
    assert_eq!(other.ask("open"), "opened");
    other.finish();
}

#[test]
fn a_bus_that_is_not_shared_is_one_users_own() {
    if !users::can_become_others("a_bus_that_is_not_shared_is_one_users_own") {
        return;
    }
    let place = SharedPlace::new(0o755);
    let mut other = second(&place);
    let refused = other.ask("open-private");
    assert!(refused.contains("uid 0 and mode 755, expected uid 12345 and mode 700"), "{refused}");
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o700)).unwrap();
    for how in ["open", "open-private"] {
        let refused = other.ask(how);
        assert!(
            refused.contains("ermission denied") && refused.contains("shared by him"),
            "{how}: {refused}"
        );
    }
    other.finish();
    let private = Place::new();
    drop(private.bus());
    assert_eq!(fs::metadata(private.path()).unwrap().mode() & 0o7777, 0o700);
}
