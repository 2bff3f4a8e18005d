/// Keeps rooms warm.
pub trait Thermostat {
    /// What is wanted.
    fn setpoint(&mut self, value: &f64, room: &Caller<'_>) -> Result<(), Refusal>;
    fn mean(&self) -> f64;
    /// Stops.
    fn halt(&mut self, minutes: u64, hard: bool) -> Result<Halted, Refusal>;
    fn order(&mut self, order: &Order, reply: Reply<Filled>);
}
/// Stops.
#[derive(::bus::Message)]
#[message(crate = ":: bus", name = "Thermostat::halt", reply = Halted)]
#[repr(C)]
#[allow(
    dead_code,
    missing_debug_implementations,
    missing_copy_implementations,
    unnameable_types
)]
pub struct ThermostatHalt {
    /// The argument `minutes`.
    pub minutes: u64,
    /// The argument `hard`.
    pub hard: bool,
}
/// The topics of [`Thermostat`], as its server has them.
#[derive(::core::fmt::Debug)]
#[allow(dead_code, unnameable_types)]
pub struct ThermostatTopics {
    /// What was measured.
    pub temperature: ::bus::Topic<f64>,
    /// The topic `setpoint`.
    pub setpoint: ::bus::Topic<f64>,
    /// The topic `mean`.
    pub mean: ::bus::Topic<f64>,
}
#[automatically_derived]
#[allow(dead_code, clippy::all, clippy::pedantic, clippy::nursery)]
impl ThermostatTopics {
    /// What a service that implements [`Thermostat`] says of itself.
    pub const HELP: &'static ::core::primitive::str = "Thermostat\n\nKeeps rooms warm.\n\nTopics\n  temperature: f64, in °C (request, advise)\n      What was measured.\n  setpoint: f64 (request, advise, poke)\n      What is wanted.\n  mean: f64 (request, advise, compute as f64)\n\nCommands\n  halt(minutes: u64, hard: bool) -> Halted\n      Stops.\n  order(order: Order) -> Filled\n";
    /// Opens the topics at a service, and adds to its help what they and the commands are.
    ///
    /// Topics with options of their own are opened by hand, as the fields of this.
    ///
    /// # Errors
    /// As `TopicBuilder::open`, where the service has one of the topics already.
    pub fn open(service: &::bus::Service) -> ::bus::Result<Self> {
        let __topics = Self {
            temperature: ::bus::Service::topic::<f64>(service, "temperature").open()?,
            setpoint: ::bus::Service::topic::<f64>(service, "setpoint").open()?,
            mean: ::bus::Service::topic::<f64>(service, "mean").open()?,
        };
        let __before = ::bus::Service::help(service);
        ::bus::Service::set_help(
            service,
            if __before.is_empty() {
                <::core::primitive::str as ::std::borrow::ToOwned>::to_owned(Self::HELP)
            } else {
                ::std::format!("{}\n{}", __before, Self::HELP)
            },
        );
        ::core::result::Result::Ok(__topics)
    }
    /// Has the methods of the state answer pokes, computed requests and commands: those of one interface, beside
    /// whatever else there are handlers of. The topics have to be open.
    ///
    /// # Errors
    /// `NoSuchTopic` where they are not.
    pub fn handle<'h, __State: Thermostat + 'h>(
        handlers: &mut ::bus::Handlers<'h, __State>,
    ) -> ::bus::Result<()> {
        let _ = handlers
            .poke(
                "setpoint",
                |__state: &mut __State, __value: &f64, __caller: &::bus::Caller<'_>| ::core::result::Result::map_err(
                    ::core::result::Result::map(
                        <__State as Thermostat>::setpoint(__state, __value, __caller),
                        |()| (),
                    ),
                    <::bus::Refusal as ::core::convert::From<_>>::from,
                ),
            )?;
        let _ = handlers
            .compute::<
                f64,
            >(
                "mean",
                |__state: &mut __State, __caller: &::bus::Caller<'_>| ::core::result::Result::Ok(
                    <__State as Thermostat>::mean(__state),
                ),
            )?;
        let _ = handlers
            .execute(|
                __state: &mut __State,
                __value: &ThermostatHalt,
                __caller: &::bus::Caller<'_>|
            ::core::result::Result::map_err(
                <__State as Thermostat>::halt(
                    __state,
                    <u64 as ::core::clone::Clone>::clone(&__value.minutes),
                    <bool as ::core::clone::Clone>::clone(&__value.hard),
                ),
                <::bus::Refusal as ::core::convert::From<_>>::from,
            ))?;
        let _ = handlers
            .execute_later(|
                __state: &mut __State,
                __value: &Order,
                __caller: &::bus::Caller<'_>,
                __reply: ::bus::Reply<Filled>|
            {
                <__State as Thermostat>::order(__state, __value, __reply);
            })?;
        let _ = handlers;
        ::core::result::Result::Ok(())
    }
}
/// A client of services that implement [`Thermostat`].
///
/// Cheap to clone, and usable from all threads.
#[derive(::core::fmt::Debug, ::core::clone::Clone)]
#[allow(dead_code, unnameable_types)]
pub struct ThermostatClient {
    client: ::bus::Client,
    topic_0: ::bus::Conversation<f64>,
    topic_1: ::bus::Conversation<f64>,
    topic_2: ::bus::Conversation<f64>,
}
/// A [`ThermostatClient`] that is being set up.
#[derive(::core::fmt::Debug)]
#[must_use = "a client begins by `open`"]
#[allow(dead_code, unnameable_types)]
pub struct ThermostatClientBuilder<'b> {
    bus: &'b ::bus::Bus,
    service: &'b ::core::primitive::str,
    wait: ::core::option::Option<::core::time::Duration>,
    timeout: ::core::time::Duration,
}
#[automatically_derived]
#[allow(dead_code, clippy::all, clippy::pedantic, clippy::nursery)]
impl ThermostatClient {
    /// Begins a client of the service with this name; finish with `open`.
    pub fn connect<'b>(
        bus: &'b ::bus::Bus,
        service: &'b ::core::primitive::str,
    ) -> ThermostatClientBuilder<'b> {
        ThermostatClientBuilder {
            bus,
            service,
            wait: ::core::option::Option::None,
            timeout: ::core::time::Duration::from_secs(2),
        }
    }
    /// The conversation with the service as a whole, which commands are executed by.
    pub fn client(&self) -> &::bus::Client {
        &self.client
    }
    /// Whether the service carries out all commands of the interface now.
    ///
    /// # Errors
    /// `NotSupported` with the first that it does not, and those that it does; as `Client::commands`.
    pub fn check(&self) -> ::bus::Result<()> {
        ::bus::Client::require::<ThermostatHalt>(&self.client)?;
        ::bus::Client::require::<Order>(&self.client)?;
        ::core::result::Result::Ok(())
    }
    /// The same client, whose transactions wait for their answers at most so long. Default: 2 s.
    #[must_use]
    pub fn with_timeout(self, timeout: ::core::time::Duration) -> Self {
        Self {
            client: ::bus::Client::with_timeout(self.client, timeout),
            topic_0: ::bus::Conversation::with_timeout(self.topic_0, timeout),
            topic_1: ::bus::Conversation::with_timeout(self.topic_1, timeout),
            topic_2: ::bus::Conversation::with_timeout(self.topic_2, timeout),
        }
    }
    /// The same client, which waits for answers in this way.
    #[must_use]
    pub fn with_wait(self, wait: ::bus::Wait) -> Self {
        Self {
            client: ::bus::Client::with_wait(self.client, wait),
            topic_0: ::bus::Conversation::with_wait(self.topic_0, wait),
            topic_1: ::bus::Conversation::with_wait(self.topic_1, wait),
            topic_2: ::bus::Conversation::with_wait(self.topic_2, wait),
        }
    }
    /// What was measured.
    pub fn temperature(&self) -> &::bus::Conversation<f64> {
        &self.topic_0
    }
    /// The topic `setpoint`.
    ///
    /// What is wanted.
    pub fn setpoint(&self) -> &::bus::Conversation<f64> {
        &self.topic_1
    }
    /// The topic `mean`.
    pub fn mean(&self) -> &::bus::Conversation<f64> {
        &self.topic_2
    }
    /// Stops.
    ///
    /// # Errors
    /// As `Client::execute`.
    pub fn halt(&self, minutes: u64, hard: bool) -> ::bus::Result<Halted> {
        ::bus::Client::execute::<
            ThermostatHalt,
        >(&self.client, &ThermostatHalt { minutes, hard })
    }
    /// As [`halt`](Self::halt), without waiting for the reply.
    ///
    /// # Errors
    /// As `Client::begin_execute`.
    pub fn begin_halt(
        &self,
        minutes: u64,
        hard: bool,
    ) -> ::bus::Result<::bus::Pending<Halted>> {
        ::bus::Client::begin_execute::<
            ThermostatHalt,
        >(&self.client, &ThermostatHalt { minutes, hard })
    }
    /// As [`halt`](Self::halt), without blocking a thread.
    ///
    /// # Errors
    /// As `Client::execute_async`.
    pub async fn halt_async(&self, minutes: u64, hard: bool) -> ::bus::Result<Halted> {
        ::bus::Client::execute_async::<
            ThermostatHalt,
        >(&self.client, &ThermostatHalt { minutes, hard })
            .await
    }
    /// Has the service carry out `order`.
    ///
    /// # Errors
    /// As `Client::execute`.
    pub fn order(&self, order: &Order) -> ::bus::Result<Filled> {
        ::bus::Client::execute::<Order>(&self.client, order)
    }
    /// As [`order`](Self::order), without waiting for the reply.
    ///
    /// # Errors
    /// As `Client::begin_execute`.
    pub fn begin_order(&self, order: &Order) -> ::bus::Result<::bus::Pending<Filled>> {
        ::bus::Client::begin_execute::<Order>(&self.client, order)
    }
    /// As [`order`](Self::order), without blocking a thread.
    ///
    /// # Errors
    /// As `Client::execute_async`.
    pub async fn order_async(&self, order: &Order) -> ::bus::Result<Filled> {
        ::bus::Client::execute_async::<Order>(&self.client, order).await
    }
}
#[automatically_derived]
#[allow(dead_code, clippy::all, clippy::pedantic, clippy::nursery)]
impl ThermostatClientBuilder<'_> {
    /// Waits up to `wait` in all for the service and its topics to appear, instead of failing at once where they are not
    /// there.
    pub fn wait(mut self, wait: ::core::time::Duration) -> Self {
        self.wait = ::core::option::Option::Some(wait);
        self
    }
    /// How long a service that is there may take to answer each connect, before it fails. Default: 2 s.
    pub fn timeout(mut self, timeout: ::core::time::Duration) -> Self {
        self.timeout = timeout;
        self
    }
    /// Connects to the service and to each of its topics.
    ///
    /// # Errors
    /// `NoSuchService`; `NoSuchTopic` and `TypeMismatch` where the service does not have what the interface
    /// declares; otherwise as `ConnectBuilder::open`. Whether it has the commands is for `check` to say, since a service
    /// may be visible before it has handlers.
    pub fn open(self) -> ::bus::Result<ThermostatClient> {
        let __began = ::std::time::Instant::now();
        let mut __client = ::bus::Bus::client(self.bus, self.service)
            .timeout(self.timeout);
        if let ::core::option::Option::Some(__wait) = self.wait {
            __client = __client.wait(__wait);
        }
        let __client = __client.open()?;
        ::core::result::Result::Ok(ThermostatClient {
            client: __client,
            topic_0: {
                let __address = ::std::format!("{}/{}", self.service, "temperature");
                let mut __topic = ::bus::Bus::connect::<f64>(self.bus, &__address)
                    .timeout(self.timeout);
                if let ::core::option::Option::Some(__wait) = self.wait {
                    __topic = __topic.wait(__wait.saturating_sub(__began.elapsed()));
                }
                __topic.open()?
            },
            topic_1: {
                let __address = ::std::format!("{}/{}", self.service, "setpoint");
                let mut __topic = ::bus::Bus::connect::<f64>(self.bus, &__address)
                    .timeout(self.timeout);
                if let ::core::option::Option::Some(__wait) = self.wait {
                    __topic = __topic.wait(__wait.saturating_sub(__began.elapsed()));
                }
                __topic.open()?
            },
            topic_2: {
                let __address = ::std::format!("{}/{}", self.service, "mean");
                let mut __topic = ::bus::Bus::connect::<f64>(self.bus, &__address)
                    .timeout(self.timeout);
                if let ::core::option::Option::Some(__wait) = self.wait {
                    __topic = __topic.wait(__wait.saturating_sub(__began.elapsed()));
                }
                __topic.open()?
            },
        })
    }
    /// As `open`, without blocking a thread. Dropping the future gives the connect up.
    ///
    /// # Errors
    /// As `open`.
    pub async fn open_async(self) -> ::bus::Result<ThermostatClient> {
        let __began = ::std::time::Instant::now();
        let mut __client = ::bus::Bus::client(self.bus, self.service)
            .timeout(self.timeout);
        if let ::core::option::Option::Some(__wait) = self.wait {
            __client = __client.wait(__wait);
        }
        let __client = __client.open_async().await?;
        ::core::result::Result::Ok(ThermostatClient {
            client: __client,
            topic_0: {
                let __address = ::std::format!("{}/{}", self.service, "temperature");
                let mut __topic = ::bus::Bus::connect::<f64>(self.bus, &__address)
                    .timeout(self.timeout);
                if let ::core::option::Option::Some(__wait) = self.wait {
                    __topic = __topic.wait(__wait.saturating_sub(__began.elapsed()));
                }
                __topic.open_async().await?
            },
            topic_1: {
                let __address = ::std::format!("{}/{}", self.service, "setpoint");
                let mut __topic = ::bus::Bus::connect::<f64>(self.bus, &__address)
                    .timeout(self.timeout);
                if let ::core::option::Option::Some(__wait) = self.wait {
                    __topic = __topic.wait(__wait.saturating_sub(__began.elapsed()));
                }
                __topic.open_async().await?
            },
            topic_2: {
                let __address = ::std::format!("{}/{}", self.service, "mean");
                let mut __topic = ::bus::Bus::connect::<f64>(self.bus, &__address)
                    .timeout(self.timeout);
                if let ::core::option::Option::Some(__wait) = self.wait {
                    __topic = __topic.wait(__wait.saturating_sub(__began.elapsed()));
                }
                __topic.open_async().await?
            },
        })
    }
}
