//! Where tables are drawn: over each other on a terminal, and one below the other in a file or a pipe.
//!
//! On a terminal the tables have a page of their own, as an editor has, which is gone when the screen is
//! dropped, however that comes about; what is to stay is printed after it. The control sequences are those
//! of ECMA-48 and xterm's private modes, which every terminal has that is in use, except `dumb` ones.

use std::env;
use std::io::{self, IsTerminal, Write};

use rustix::termios::tcgetwinsize;

/// To a page of its own, without cursor, and long lines cut.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
/// Back again.
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
/// To the top.
const HOME: &str = "\x1b[H";
/// Clears what is right of the cursor.
const CLEAR_LINE: &str = "\x1b[K";
/// Clears what is below the cursor.
const CLEAR_BELOW: &str = "\x1b[J";

/// Standard output, as a place for tables.
pub(crate) struct Screen {
    terminal: bool,
}

impl Screen {
    pub(crate) fn new() -> io::Result<Self> {
        let dumb = env::var_os("TERM").is_none_or(|terminal| terminal == "dumb");
        let screen = Screen { terminal: io::stdout().is_terminal() && !dumb };
        if screen.terminal {
            print(ENTER)?;
        }
        Ok(screen)
    }

    /// Shows a page: in place of the last one on a terminal, else after it.
    pub(crate) fn show(&mut self, page: &str) -> io::Result<()> {
        if !self.terminal {
            return print(&format!("{page}\n"));
        }
        // A page that is too high would scroll; some pseudo-terminals say that they have no height at all.
        let rows = tcgetwinsize(io::stdout()).map_or(0, |size| usize::from(size.ws_row));
        let fitting = if rows == 0 { usize::MAX } else { rows - 1 };
        let mut frame = HOME.to_owned();
        for line in page.lines().take(fitting) {
            frame.extend([line, CLEAR_LINE, "\n"]);
        }
        match page.lines().count().saturating_sub(fitting) {
            0 => {}
            hidden => frame.push_str(&format!("({hidden} more lines need a higher window){CLEAR_LINE}")),
        }
        frame.push_str(CLEAR_BELOW);
        print(&frame)
    }

    /// Ends the show: leaves the last page and a line below it.
    pub(crate) fn finish(self, page: &str, line: &str) -> io::Result<()> {
        let terminal = self.terminal;
        drop(self);
        // Elsewhere than on a terminal, the page is there already.
        print(&if terminal { format!("{page}\n{line}\n") } else { format!("{line}\n") })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.terminal {
            // A terminal that is gone needs no tidying.
            let _ = print(LEAVE);
        }
    }
}

/// Prints at once. Unlike `print!` it is no panic if nobody reads any more, as in `vitals | head`.
fn print(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.flush()
}
