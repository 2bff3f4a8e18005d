//! What is computed has no value until somebody asks, and then has it in the format that was asked for.

mod support;

use bus::{Error, FixedStr, Refusal};
use support::{LIMIT, Place, Process, Test, roles};

roles!(weather);

type Words = FixedStr<64>;

/// Computes the weather of any place that it knows, in three formats; one place has a value that is stored.
fn weather(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("weather").unwrap();
    let now = service.topic::<f64>("now").open().unwrap();
    now.item("stored").unwrap().publish(&1.5).unwrap();
    now.item("Bern").unwrap();
    let clouds = service.topic::<[u32]>("clouds").open().unwrap();
    service.topic::<u64>("plain").open().unwrap();
    let mut handlers = service.handlers().unwrap();
    handlers
        .compute("now", |_: &mut u64, caller| {
            Ok(Words::truncated(&format!("mild in {}, known: {}", caller.item(), caller.item_id().is_some())))
        })
        .unwrap();
    handlers
        .compute("now", |asked, caller| match caller.item() {
            "nowhere" => Err(Refusal::NoSuchItem),
            "storm" => Err(Refusal::new(3, "the station is down")),
            _ => {
                *asked += 1;
                Ok(*asked as f64)
            }
        })
        .unwrap();
    handlers
        .compute_boxed::<[u32]>("now", |_, caller| {
            let count: u32 = caller.item().parse().map_err(|_| "not a number")?;
            Ok((0..count).collect())
        })
        .unwrap();
    handlers.compute_boxed::<[u32]>(clouds.name(), |_, _| Ok(Box::new([1, 2, 3]))).unwrap();
    let stopper = handlers.stopper();
    service.ready().unwrap();
    test.say("ready");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            test.hear();
            stopper.stop();
        });
        handlers.run(&mut 0).unwrap();
    });
}

fn start(place: &Place) -> Process {
    let mut process = place.start("weather");
    process.await_line("ready");
    process
}

fn now(place: &Place) -> bus::Conversation<f64> {
    place.bus().connect("weather/now").open().unwrap().with_timeout(LIMIT)
}

#[test]
fn an_item_without_a_value_is_computed_and_one_with_a_value_is_read() {
    let place = Place::new();
    let _weather = start(&place);
    let now = now(&place);
    for _ in 0..3 {
        let update = now.request("stored").unwrap();
        assert_eq!((update.value, update.seq), (1.5, 1));
    }
    // One that the topic has, and one that it has not.
    for (number, item) in ["Bern", "Basel", "Bern", "Basel"].into_iter().enumerate() {
        let update = now.request(item).unwrap();
        assert_eq!((update.value, update.seq, update.missed), (number as f64 + 1.0, 0, 0));
    }
    let value = support::executor::run("by hand", now.request_async("Chur")).unwrap().value;
    assert_eq!(value, 5.0);
    // Asked for by its format it is computed in any case.
    assert_eq!(now.request_as::<f64>("stored").unwrap(), 6.0);
    assert_eq!(now.begin_request_as::<f64>("stored").unwrap().wait().unwrap(), 7.0);
}

#[test]
fn the_client_chooses_among_formats_of_which_the_richest_comes_first() {
    let place = Place::new();
    let _weather = start(&place);
    let now = now(&place);
    let formats = now.formats().unwrap();
    assert_eq!(smol::block_on(now.formats_async()).unwrap(), formats);
    assert_eq!(formats.len(), 3);
    assert_eq!(formats[0].fingerprint, <Words as bus::Message>::FINGERPRINT);
    assert_eq!(formats[1].fingerprint, <f64 as bus::Message>::FINGERPRINT);
    assert_eq!(now.request_as::<Words>("Bern").unwrap(), *"mild in Bern, known: true");
    assert_eq!(now.request_as::<Words>("Genf").unwrap(), *"mild in Genf, known: false");
    match now.request_as::<u16>("Bern") {
        Err(Error::NotSupported { verb: "request", what, supported, .. }) => {
            assert_eq!(what, "weather/now/Bern");
            assert!(formats.iter().all(|format| supported.contains(&format.name)), "{supported}");
        }
        other => panic!("{other:?}"),
    }
    let plain = place.bus().connect::<u64>("weather/plain").open().unwrap();
    assert!(plain.formats().unwrap().is_empty());
    // Where nothing is computed, that there is no such item is the answer.
    assert!(matches!(plain.request("item"), Err(Error::NoSuchItem { .. })));
}

#[test]
fn slices_come_in_boxes_and_what_is_longer_than_expected_is_said_with_its_length() {
    let place = Place::new();
    let _weather = start(&place);
    let now = now(&place);
    for count in [0, 1, 7, 100] {
        let expected: Box<[u32]> = (0..count).collect();
        assert_eq!(now.request_boxed_as::<[u32]>(&count.to_string(), 400).unwrap(), expected);
    }
    match now.request_boxed_as::<[u32]>("1000", 400) {
        Err(Error::Failed { detail, .. }) => assert!(detail.contains("4000 bytes"), "{detail}"),
        other => panic!("{other:?}"),
    }
    let large = now.request_boxed_as::<[u32]>("250000", 1_000_000).unwrap();
    assert!(large.len() == 250_000 && large[249_999] == 249_999);
    let begun = ["3", "5"].map(|count| now.begin_request_boxed_as::<[u32]>(count, 100).unwrap());
    assert_eq!(begun.map(|begun| begun.wait().unwrap().len()), [3, 5]);
    for executor in support::executor::EXECUTORS {
        let value = support::executor::run(executor, now.request_boxed_as_async::<[u32]>("30000", 120_000));
        assert_eq!(value.unwrap().len(), 30_000);
    }
    let clouds = place.bus().connect::<[u32]>("weather/clouds").open().unwrap().with_timeout(LIMIT);
    assert_eq!(*clouds.request_boxed_as::<[u32]>("any", 100).unwrap(), [1, 2, 3]);
}

#[test]
fn an_answer_may_have_sixteen_mebibytes_and_more_is_refused_with_the_reason() {
    let place = Place::new();
    let _weather = start(&place);
    let now = now(&place);
    let most = 16 << 20;
    let large = now.request_boxed_as::<[u32]>(&(most / 4).to_string(), most).unwrap();
    assert!((0..).zip(&large).all(|(number, &word)| number == word) && large.len() == most / 4);
    for more in [most + 1, 1 << 30] {
        match now.request_boxed_as::<[u32]>("1", more) {
            Err(Error::Refused { verb: "request", what, reason, .. }) => {
                assert!(what.contains("weather/now/1"), "{what}");
                assert!(reason.contains("no memory") && reason.contains("at most 67108864"), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(now.request_boxed_as::<[u32]>("1", usize::MAX), Err(Error::InvalidOption { .. })));
    assert_eq!(*now.request_boxed_as::<[u32]>("1", 4).unwrap(), [0]);
}

#[test]
fn a_handler_that_does_not_know_the_item_or_cannot_says_so() {
    let place = Place::new();
    let _weather = start(&place);
    let now = now(&place);
    for _ in 0..2 {
        assert!(matches!(now.request("nowhere"), Err(Error::NoSuchItem { .. })));
        match now.request("storm") {
            Err(Error::Refused { code: 3, reason, .. }) => assert_eq!(reason, "the station is down"),
            other => panic!("{other:?}"),
        }
    }
}

/// Two versions of one type, as two programs would have them.
mod older {
    #[derive(bus::Message, Debug, Clone, Copy)]
    #[repr(C)]
    pub(crate) struct Reading {
        pub(crate) value: f64,
    }
}

mod newer {
    #[derive(bus::Message, Debug, Clone, Copy)]
    #[repr(C)]
    pub(crate) struct Reading {
        pub(crate) value: f64,
        #[message(since = 2)]
        pub(crate) count: u64,
    }
}

#[test]
fn what_is_computed_in_another_version_of_a_type_is_not_said_to_be_nothing() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("meter").unwrap();
    let topic = service.topic::<newer::Reading>("now").open().unwrap();
    topic.item("stored").unwrap().publish(&newer::Reading { value: 1.5, count: 1 }).unwrap();
    topic.item("computed").unwrap();
    let serving = service.serve((), |handlers| {
        handlers.compute("now", |(), _| Ok(newer::Reading { value: 2.5, count: 2 }))?;
        Ok(())
    });
    let _serving = serving.unwrap();
    service.ready().unwrap();
    let older = bus.connect::<older::Reading>("meter/now").open().unwrap().with_timeout(LIMIT);
    assert_eq!(older.request("stored").unwrap().value.value, 1.5);
    let error = older.request("computed").unwrap_err();
    assert!(matches!(&error, Error::NotSupported { .. }), "{error}");
    assert!(error.to_string().contains("as `Reading`, as the service defines that"), "{error}");
    let newer = bus.connect::<newer::Reading>("meter/now").open().unwrap().with_timeout(LIMIT);
    assert_eq!(newer.request("computed").unwrap().value.count, 2);
}
