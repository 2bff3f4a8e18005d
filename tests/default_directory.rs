//! Where nothing else is said a user's buses are in `/tmp`, where anyone may create names: what is not that user's own is not used.

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use bus::Bus;
use support::process::Process;
use support::users::{self, THIRD};
use support::{Test, roles};

roles!(user);

/// A user whom no other test has.
const USER: u32 = 54_321;
const DEFAULT: &str = "/tmp/bus-54321";

/// Opens a bus in the default directory whenever it is told to.
fn user(test: &mut Test) {
    users::obey(test);
    for variable in ["BUS_DIR", "XDG_RUNTIME_DIR"] {
        // SAFETY: no other thread of this process looks at its environment: the test's own waits for this one.
        unsafe { std::env::remove_var(variable) };
    }
    loop {
        assert_eq!(test.hear(), "open");
        match Bus::open("lab") {
            Ok(bus) => test.say(bus.directory().display()),
            Err(error) => test.say(error),
        }
    }
}

/// Removes what is there, also where an assertion fails.
struct Cleaned;

impl Drop for Cleaned {
    fn drop(&mut self) {
        let _ = fs::remove_file(DEFAULT);
        let _ = fs::remove_dir_all(DEFAULT);
    }
}

/// A directory of this user's, with this mode.
fn directory(path: &Path, uid: u32, mode: u32) {
    fs::create_dir(path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    chown(path, Some(uid), Some(uid)).unwrap();
}

#[test]
fn a_name_in_tmp_is_used_where_it_is_the_users_own_and_no_link() {
    if !users::can_become_others("a_name_in_tmp_is_used_where_it_is_the_users_own_and_no_link") {
        return;
    }
    let _cleaned = Cleaned;
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut process = Process::start("user", place.path());
    process.say(USER);
    process.await_line("ready");
    // A link to something private of the same user's.
    let private = place.path().join("private");
    directory(&private, USER, 0o700);
    symlink(&private, DEFAULT).unwrap();
    let refused = process.ask("open");
    assert!(refused.contains(DEFAULT) && refused.contains("it is a symbolic link"), "{refused}");
    assert_eq!(fs::read_dir(&private).unwrap().count(), 0, "nothing is created by way of it");
    fs::remove_file(DEFAULT).unwrap();
    symlink(place.path().join("nowhere"), DEFAULT).unwrap();
    let refused = process.ask("open");
    assert!(refused.contains("it is a symbolic link"), "{refused}");
    fs::remove_file(DEFAULT).unwrap();
    // A directory of another's, and one that others may write to.
    for (uid, mode) in [(THIRD, 0o777), (USER, 0o777), (USER, 0o750)] {
        directory(Path::new(DEFAULT), uid, mode);
        let refused = process.ask("open");
        assert!(refused.contains("expected uid 54321 and mode 700"), "{refused}");
        assert_eq!(fs::read_dir(DEFAULT).unwrap().count(), 0);
        fs::remove_dir(DEFAULT).unwrap();
    }
    assert_eq!(process.ask("open"), format!("{DEFAULT}/lab"));
    assert_eq!(fs::metadata(DEFAULT).unwrap().permissions().mode() & 0o777, 0o700);
    process.finish();
}
