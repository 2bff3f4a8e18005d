//! placeholder
use bus::{Bus, Message};
#[derive(Message, Debug, Clone, Copy, PartialEq)]
#[repr(C)]
struct Quote {
    bid: f64,
    ask: f64,
    size: u32,
}

#[test]
fn smoke() {
    let dir = tempfile::tempdir().unwrap();
    let bus = Bus::builder().directory(dir.path()).open("t").unwrap();
    let market = bus.service("market").unwrap();
    let nyse = market.topic::<Quote>("nyse").open().unwrap();
    let apple = nyse.item("AAPL").unwrap();
    market.ready().unwrap();
    apple.publish(&Quote { bid: 1.0, ask: 2.0, size: 300 }).unwrap();
    let other = Bus::builder().directory(dir.path()).open("t").unwrap();
    let c = other.connect::<Quote>("market/nyse").open().unwrap();
    let mut l = c.advise("AAPL").hot().unwrap();
    println!("{:?}", l.recv().unwrap());
    let mut all = c.advise("*").hot().unwrap();
    println!("{:?}", all.recv().unwrap());
    std::thread::scope(|s| {
        s.spawn(|| println!("{:?}", l.recv().unwrap()));
        std::thread::sleep(std::time::Duration::from_millis(50));
        apple.publish(&Quote { bid: 1.0, ask: 2.0, size: 301 }).unwrap();
    });
    for i in 0..100 {
        nyse.item(&format!("x{i}")).unwrap().publish(&Quote { bid: 1.0, ask: 2.0, size: i }).unwrap();
    }
    for _ in 0..101 {
        let u = all.recv().unwrap();
        print!("{} ", all.name(u.item));
    }
    println!("{:?} {:?}", other.services(), other.topics("market"));
    println!("{:?}", c.request("x7"));
    println!("{:?}", c.request("zz").map_err(|e| e.to_string()));
    println!("{:?}", market.clients());
    drop(nyse);
    drop(market);
    println!("{:?}", l.recv().map_err(|e| e.to_string()));
    println!("{:?}", c.request("x7"));
    println!("{:?}", l.recv_timeout(std::time::Duration::from_millis(10)).map_err(|e| e.to_string()));
}
