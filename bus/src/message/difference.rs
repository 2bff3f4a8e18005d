//! Why two schemas are not the same type, field by field.
//!
//! "The fingerprints differ" sends a person to compare two programs by eye. Here the two descriptions are
//! walked together, members paired by name, and every pair becomes a row with both sides:
//!
//! ```text
//!                 here                       there
//! ! Quote         struct, size 24, align 8   struct, size 32, align 8
//!   Quote.bid     f64 at 0                   f64 at 0
//! ! Quote.size    u32 at 16                  u64 at 16
//! ! Quote.venue   missing                    u8 at 24
//! ```
//!
//! What decides how bytes are read makes a row differ, and whatever changes a fingerprint is in some row. Versions
//! are shown, and differ without harm; ranges and documentation are left out.
//!
//! Equal types are not entered, and a pair of types is entered once, wherever else it appears. One of the
//! schemas may come from a hostile peer: steps, rows and widths are bounded, and the depth is bounded by that
//! of a schema.

use core::fmt;
use std::collections::{HashMap, HashSet};

use super::schema::{Schema, SchemaField, SchemaKind, SchemaType, SchemaVariant};

/// The most differing rows kept; as many equal ones may stand between them.
const MAX_ROWS: usize = 64;

/// The most members visited on both sides, enough for any schema that people write.
const MAX_STEPS: usize = 1 << 18;

/// The longest text on one side of a row, in characters.
const MAX_TEXT: usize = 160;

/// The widest a path is printed, in characters.
const MAX_PATH: usize = 80;

/// How two types differ, made by [`Schema::difference`]. Displays as a table whose differing lines begin with
/// `!`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// At most `MAX_ROWS` that differ and as many that do not, in the order of the walk.
    rows: Vec<Row>,
    /// How many differing rows were found and not kept.
    omitted: usize,
    /// Whether the walk ended early, so that there may be more.
    unfinished: bool,
}

/// One member of either type, as both sides have it.
///
/// Displays as one line: ``Quote.size: u32 at 16 here, u64 at 16 there``.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    path: String,
    here: Option<String>,
    there: Option<String>,
    differs: bool,
}

impl Schema {
    /// Compares this type, `here`, with the one of a peer, `there`.
    ///
    /// ```
    /// use bus::Message;
    /// use bus::message::Schema;
    ///
    /// mod old {
    ///     #[derive(bus::Message)]
    ///     #[repr(C)]
    ///     pub struct Quote {
    ///         pub size: u32,
    ///     }
    /// }
    ///
    /// #[derive(Message)]
    /// #[repr(C)]
    /// struct Quote {
    ///     size: i32,
    /// }
    ///
    /// let difference = Schema::of::<Quote>().difference(&Schema::of::<old::Quote>());
    /// let lines: Vec<String> = difference.differing().map(|row| row.to_string()).collect();
    /// assert_eq!(lines, ["Quote.size: i32 at 0 here, u32 at 0 there"]);
    /// ```
    pub fn difference(&self, there: &Schema) -> Difference {
        let found = Difference { rows: Vec::new(), omitted: 0, unfinished: false };
        let mut walk = Walk {
            here: self,
            there,
            entered: HashMap::new(),
            path: String::new(),
            steps: 0,
            differing: 0,
            found,
        };
        walk.start();
        walk.found
    }
}

impl Difference {
    /// Whether the types are the same.
    pub fn is_empty(&self) -> bool {
        !self.unfinished && self.differing().next().is_none()
    }

    /// The rows, differing or not, at most 64 of each.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The rows that differ.
    pub fn differing(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.differs)
    }

    /// How many differing rows there are besides [`rows`](Self::rows).
    pub fn omitted(&self) -> usize {
        self.omitted
    }
}

impl Row {
    /// The member, such as `Pose.position.x`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The member on this side; `None` if it is missing.
    pub fn here(&self) -> Option<&str> {
        self.here.as_deref()
    }

    /// The member on the other side; `None` if it is missing.
    pub fn there(&self) -> Option<&str> {
        self.there.as_deref()
    }

    /// Whether the sides differ.
    pub fn differs(&self) -> bool {
        self.differs
    }

    /// The three columns of the table.
    fn columns(&self) -> [String; 3] {
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "missing".to_owned());
        [end_of_path(&self.path), side(&self.here), side(&self.there)]
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [path, here, there] = self.columns();
        if here == there {
            write!(f, "{path}: {here}")
        } else {
            write!(f, "{path}: {here} here, {there} there")
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("no difference");
        }
        // Equal rows give the others their place, but not at the price of leaving some out.
        let context = self.rows.len() <= MAX_ROWS;
        let rows: Vec<_> = self.rows.iter().filter(|row| row.differs || context).collect();
        let header = [String::new(), "here".to_owned(), "there".to_owned()];
        let cells: Vec<_> = core::iter::once(header).chain(rows.iter().map(|row| row.columns())).collect();
        let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths = [width(0), width(1)];
        for (index, [path, here, there]) in cells.iter().enumerate() {
            let (before, mark) = match index {
                0 => ("", ' '),
                row => ("\n", if rows[row - 1].differs { '!' } else { ' ' }),
            };
            write!(f, "{before}{mark} {path:0$}   {here:1$}   {there}", widths[0], widths[1])?;
        }
        match (self.omitted, self.unfinished) {
            (0, false) => Ok(()),
            (0, true) => f.write_str("\n… and perhaps more"),
            (omitted, false) => write!(f, "\n… and {omitted} more"),
            (omitted, true) => write!(f, "\n… and at least {omitted} more"),
        }
    }
}

/// A path as it is printed; what goes of a long one is the beginning, as its end says the most.
fn end_of_path(path: &str) -> String {
    let excess = path.chars().count().saturating_sub(MAX_PATH);
    if excess == 0 { path.to_owned() } else { "…".chars().chain(path.chars().skip(excess + 1)).collect() }
}

/// A text as it is kept.
fn cut(text: String) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// A walk over two schemas at once.
struct Walk<'a> {
    here: &'a Schema,
    there: &'a Schema,
    /// The pairs of types that were entered, and where.
    entered: HashMap<(usize, usize), String>,
    /// The way to the member being looked at.
    path: String,
    steps: usize,
    /// How many differing rows were found.
    differing: usize,
    found: Difference,
}

impl Walk<'_> {
    fn start(&mut self) {
        let (here, there) = (self.here.types().len() - 1, self.there.types().len() - 1);
        self.path = self.here.type_name(here);
        let order = |schema: &Schema| if schema.big_endian() { "big endian" } else { "little endian" };
        if self.here.big_endian() != self.there.big_endian() {
            // With it every number differs, and so each fingerprint: there is nothing to compare by.
            return self.row(Some(Cell::new(order(self.here))), Some(Cell::new(order(self.there))));
        }
        let (name, peer_name) = (self.here.type_name(here), self.there.type_name(there));
        if name != peer_name {
            self.row(Some(Cell::new(name)), Some(Cell::new(peer_name)));
        }
        self.types(here, there, 0);
    }

    /// Compares two types whose names stand in a row already. There were `before` differences before that
    /// row: as the types differ, there must be more after this.
    ///
    /// The recursion follows references to earlier types, and so is as deep as the shallower schema.
    fn types(&mut self, here: usize, there: usize, before: usize) {
        let (one, other) = (&self.here.types()[here], &self.there.types()[there]);
        if one.fingerprint() == other.fingerprint() || self.found.unfinished {
            return;
        }
        if let Some(first) = self.entered.get(&(here, there)) {
            if self.differing == before {
                let same = Cell::new(format!("differs as `{first}` does"));
                self.push(Some(same.clone()), Some(same), true);
            }
            return;
        }
        self.entered.insert((here, there), self.path.clone());
        match (&one.kind, &other.kind) {
            (SchemaKind::Struct { fields }, SchemaKind::Struct { fields: peers })
            | (SchemaKind::Union { fields }, SchemaKind::Union { fields: peers }) => {
                self.layouts(one, other);
                self.fields(fields, peers);
            }
            (SchemaKind::Enum { variants, .. }, SchemaKind::Enum { variants: peers, .. }) => {
                self.layouts(one, other);
                self.variants(variants, peers);
            }
            (SchemaKind::Array { element, .. }, SchemaKind::Array { element: peer, .. })
            | (SchemaKind::List { element, .. }, SchemaKind::List { element: peer, .. })
            | (SchemaKind::Map { entry: element, .. }, SchemaKind::Map { entry: peer, .. }) => {
                self.within("[]", |walk| walk.types(*element, *peer, before));
            }
            _ => {}
        }
        if self.differing == before && !self.found.unfinished {
            // Not in the name and not in a member: then in what is seldom looked at.
            for aspect in [layout, declaration, identity] {
                let (aspect, of_peer) = (aspect(one), aspect(other));
                if aspect.text != of_peer.text {
                    return self.row(Some(aspect), Some(of_peer));
                }
            }
        }
    }

    /// A row for the types as wholes: for the message itself always, else if they differ in that.
    fn layouts(&mut self, one: &SchemaType, other: &SchemaType) {
        let (layout, peer_layout) = (layout(one), layout(other));
        if self.entered.len() == 1 || layout.text != peer_layout.text {
            self.row(Some(layout), Some(peer_layout));
        }
    }

    fn fields(&mut self, fields: &[SchemaField], peers: &[SchemaField]) {
        self.steps += peers.len();
        let (here, there) = (self.here, self.there);
        let by_name: HashMap<_, _> = peers.iter().map(|peer| (&peer.name, peer)).collect();
        for field in fields {
            self.within(&format!(".{}", field.name), |walk| {
                let (peer, before) = (by_name.get(&field.name), walk.differing);
                walk.row(Some(placed(here, field)), peer.map(|peer| placed(there, peer)));
                if let Some(peer) = peer {
                    walk.types(field.type_index, peer.type_index, before);
                }
            });
        }
        let names: HashSet<_> = fields.iter().map(|field| &field.name).collect();
        for peer in peers.iter().filter(|peer| !names.contains(&peer.name)) {
            self.within(&format!(".{}", peer.name), |walk| walk.row(None, Some(placed(there, peer))));
        }
    }

    fn variants(&mut self, variants: &[SchemaVariant], peers: &[SchemaVariant]) {
        self.steps += peers.len();
        let by_name: HashMap<_, _> = peers.iter().map(|peer| (&peer.name, peer)).collect();
        for variant in variants {
            self.within(&format!("::{}", variant.name), |walk| {
                let peer = by_name.get(&variant.name);
                walk.row(Some(valued(variant)), peer.map(|peer| valued(peer)));
                if let Some(peer) = peer {
                    walk.fields(&variant.fields, &peer.fields);
                }
            });
        }
        let names: HashSet<_> = variants.iter().map(|variant| &variant.name).collect();
        for peer in peers.iter().filter(|peer| !names.contains(&peer.name)) {
            self.within(&format!("::{}", peer.name), |walk| walk.row(None, Some(valued(peer))));
        }
    }

    /// Looks at a member, unless the walk has taken all the steps it may.
    fn within(&mut self, segment: &str, look: impl FnOnce(&mut Self)) {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            self.found.unfinished = true;
            return;
        }
        let len = self.path.len();
        self.path.push_str(segment);
        look(self);
        self.path.truncate(len);
    }

    fn row(&mut self, here: Option<Cell>, there: Option<Cell>) {
        let text = |side: &Option<Cell>| side.as_ref().map(|cell| cell.text.clone());
        let differs = text(&here) != text(&there);
        self.push(here, there, differs);
    }

    fn push(&mut self, here: Option<Cell>, there: Option<Cell>, differs: bool) {
        if differs {
            self.differing += 1;
        }
        let Difference { rows, omitted, .. } = &mut self.found;
        if rows.iter().filter(|row| row.differs == differs).count() < MAX_ROWS {
            let shown = |side: Option<Cell>| side.map(|Cell { text, aside }| cut(text + &aside));
            rows.push(Row { path: self.path.clone(), here: shown(here), there: shown(there), differs });
        } else if differs {
            *omitted += 1;
        }
    }
}

/// One side of a row.
#[derive(Clone)]
struct Cell {
    /// What makes the row differ, if it does.
    text: String,
    /// What is shown after it, and may differ without harm.
    aside: String,
}

impl Cell {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), aside: String::new() }
    }
}

/// The type, unit and offset of a field.
fn placed(schema: &Schema, field: &SchemaField) -> Cell {
    let name = schema.type_name(field.type_index);
    let unit = if field.unit.is_empty() { String::new() } else { format!(" in {}", field.unit) };
    let aside = if field.since == 1 { String::new() } else { format!(" since {}", field.since) };
    Cell { text: format!("{name}{unit} at {}", field.offset), aside }
}

/// The value of a variant.
fn valued(variant: &SchemaVariant) -> Cell {
    Cell::new(variant.value.to_string())
}

/// The kind, size and alignment of a type, for a row of its own.
fn layout(r#type: &SchemaType) -> Cell {
    let kind = match &r#type.kind {
        SchemaKind::Primitive(_) => "primitive".to_owned(),
        SchemaKind::Array { .. } => "array".to_owned(),
        SchemaKind::Str { .. } => "string".to_owned(),
        SchemaKind::Struct { .. } => "struct".to_owned(),
        SchemaKind::Enum { tag, .. } => format!("enum of {tag}"),
        SchemaKind::Bytes { .. } => "bytes".to_owned(),
        SchemaKind::List { .. } => "list".to_owned(),
        SchemaKind::Map { .. } => "map".to_owned(),
        SchemaKind::Union { .. } => "union".to_owned(),
    };
    let aside = if r#type.version == 1 { String::new() } else { format!(", version {}", r#type.version) };
    Cell { text: format!("{kind}, size {}, align {}", r#type.size, r#type.align), aside }
}

/// The order of a type's members.
fn declaration(r#type: &SchemaType) -> Cell {
    let names = |fields: &[SchemaField]| {
        fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let variant = |SchemaVariant { name, fields, .. }: &SchemaVariant| match fields.as_slice() {
        [] => name.clone(),
        fields => format!("{name} {{ {} }}", names(fields)),
    };
    let members = match &r#type.kind {
        SchemaKind::Struct { fields } | SchemaKind::Union { fields } => names(fields),
        SchemaKind::Enum { variants, .. } => variants.iter().map(variant).collect::<Vec<_>>().join(", "),
        _ => String::new(),
    };
    Cell::new(format!("in the order {members}"))
}

/// The identity of a type.
fn identity(r#type: &SchemaType) -> Cell {
    Cell::new(format!("fingerprint {}", r#type.fingerprint()))
}

#[cfg(test)]
#[path = "difference_tests.rs"]
mod tests;
