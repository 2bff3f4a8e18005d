//! What the items say, but the [`counters`](super::counters).

use std::collections::BTreeMap;

use super::counters::Source;
use super::table::{Hex, Table, flag};
use crate::name;
use crate::server::peer::Peer;
use crate::server::shared::ServiceShared;
use crate::server::transactions::{COMPUTES, POKES};

/// The items that every service has.
const ITEMS: [&str; 8] =
    ["SysItems", "Topics", "Formats", "Status", "Help", "Links", "Conversations", "Counters"];

/// `SysItems`: what there is, but the lists, which `Topics` names.
pub(super) fn items() -> Table {
    let mut table = Table::new(&[&"item"]);
    ITEMS.iter().for_each(|item| table.row(&[item]));
    table
}

/// `Topics`: what each is, and the item that lists its items.
pub(super) fn topics(service: &ServiceShared, sources: &BTreeMap<String, Source>) -> Table {
    let mut table = Table::new(&[
        &"topic",
        &"type",
        &"fingerprint",
        &"items",
        &"pokes",
        &"computes",
        &"lossless",
        &"samples",
        &"list",
    ]);
    for Source { topic, listed, list_name, .. } in sources.values() {
        let offers = service.transactions.offers(&topic.name);
        table.row(&[
            &topic.name,
            &topic.type_name,
            &topic.fingerprint,
            listed,
            &flag(offers & POKES != 0),
            &flag(offers & COMPUTES != 0),
            &flag(topic.lossless.is_some()),
            &topic.samples,
            list_name,
        ]);
    }
    table
}

/// `Formats`: the message types; of each topic the one that it holds and then those that it computes, the richest first; then
/// the commands, with the types of their replies. Schemas are in hexadecimal.
pub(super) fn formats(service: &ServiceShared, sources: &BTreeMap<String, Source>) -> Table {
    let mut table = Table::new(&[
        &"topic",
        &"use",
        &"type",
        &"fingerprint",
        &"reply",
        &"reply_fingerprint",
        &"schema",
        &"reply_schema",
    ]);
    let schema = |of| Hex(service.transactions.schema(of).unwrap_or_default());
    for Source { topic, schema: held, .. } in sources.values() {
        table.row(&[&topic.name, &"holds", &topic.type_name, &topic.fingerprint, &"", &"", held, &""]);
        let computed = (0..).map_while(|index| service.transactions.format(&topic.name, index));
        for (format, of) in computed {
            table.row(&[&topic.name, &"computes", &format, &of, &"", &"", &schema(of), &""]);
        }
    }
    for command in (0..).map_while(|index| service.transactions.command(index)) {
        let (of, to) = (command.fingerprint, command.reply_fingerprint);
        let schemas = (schema(of), schema(to));
        table.row(&[&"", &"executes", &command.name, &of, &command.reply, &to, &schemas.0, &schemas.1]);
    }
    table
}

/// `Status`: one row.
pub(super) fn status(service: &ServiceShared, peers: &BTreeMap<u64, Peer>, cut: &str) -> Table {
    let mut table = Table::new(&[
        &"state",
        &"text",
        &"pid",
        &"epoch",
        &"since",
        &"handlers",
        &"connections",
        &"conversations",
        &"links",
        &"spies",
        &"cut",
    ]);
    let waits = peers.values().any(Peer::has_requests);
    let (conversations, links) = peers
        .values()
        .map(Peer::info)
        .fold((0, 0), |(conversations, links), of| (conversations + of.conversations, links + of.links));
    table.row(&[
        &if waits { "busy" } else { "ready" },
        &service.system.status(),
        &std::process::id(),
        &service.epoch,
        &service.system.since.nanoseconds(),
        &flag(service.transactions.is_handled()),
        &peers.len(),
        &conversations,
        &links,
        &service.system.trace.spies.load(std::sync::atomic::Ordering::Relaxed),
        &cut,
    ]);
    table
}

/// `Conversations`, in the order in which they began.
pub(super) fn conversations(peers: &BTreeMap<u64, Peer>) -> Table {
    let mut table = Table::new(&[
        &"conversation",
        &"pid",
        &"uid",
        &"gid",
        &"topic",
        &"links",
        &"lanes",
        &"waiting",
        &"paused",
    ]);
    let mut all: Vec<_> = peers.values().flat_map(Peer::describe).collect();
    all.sort_unstable_by_key(|one| one.counterpart.number);
    for one in all {
        let counterpart = one.counterpart;
        table.row(&[
            &counterpart.number,
            &counterpart.client.pid,
            &counterpart.client.uid,
            &counterpart.client.gid,
            &counterpart.topic.name,
            &one.links,
            &one.lanes,
            &one.waiting,
            &flag(counterpart.gate.is_paused()),
        ]);
    }
    table
}

/// `Links`, by conversation and number.
pub(super) fn links(peers: &BTreeMap<u64, Peer>) -> Table {
    let mut table = Table::new(&[&"conversation", &"link", &"topic", &"item", &"kind", &"waiting", &"pid"]);
    let mut all: Vec<_> = peers.values().flat_map(Peer::describe_links).collect();
    all.sort_unstable_by_key(|one| (one.conversation, one.link));
    for one in all {
        let item = one.item.as_deref().unwrap_or(name::ANY);
        table.row(&[&one.conversation, &one.link, &one.topic, &item, &one.kind, &flag(one.waits), &one.pid]);
    }
    table
}
