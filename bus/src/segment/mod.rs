//! Segments: the mapped memory of a topic, and what is where in it.
//!
//! ```text
//! topic segment       written by the service, mapped read-only by everybody else
//!   header            16 words: magic, version, fingerprint, parameters; the ready flag is stored last
//!   journal           head line, then a ring of two-word slots {mark, item << 32 | number}
//!   count line        number of items in this segment's directory; in a first segment, what the service offers on the topic
//!   schema            the self-description of the message type
//!   directory         a word an item: where its name is
//!   names             the names' bytes
//!   items             each a head line and a ring of `depth` slots (crate::ring)
//! bell segment        writable by all who connect; a 64-byte line for the topic, then one for each item
//! pool memory         written by the service; values that links may hold, where the slots say
//! ```
//!
//! A topic grows by *extents*: further segments of the same form without journal and schema, each with a
//! bell segment beside it. So there is no fixed number of items, and memory follows use.
//!
//! What a reader takes from the header are [`Parameters`]: a few numbers that are copied out once and range
//! checked. Every offset is then computed from them ([`Geometry`]), by the same code on both sides, and must
//! add up to the exact size of the mapping: nothing that a publisher writes later can move an access out of it.
//!
//! Files: [`mapping`] is memory and views of it, [`geometry`] the arithmetic, [`header`] the header words,
//! [`directory`] names of items, [`pool`] memory for values that are held, [`text`] bytes in words, [`view`] a checked segment as reader and writer see it.

pub(crate) mod directory;
pub(crate) mod geometry;
pub(crate) mod header;
pub(crate) mod mapping;
pub(crate) mod pool;
pub(crate) mod text;
pub(crate) mod view;

pub(crate) use geometry::{Geometry, ItemShape, Parameters};
pub(crate) use view::{ItemMemory, OpenError, SegmentFds, SegmentView};
