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
    /// What is wanted.
    pub setpoint: ::bus::Topic<f64>,
    /// The topic `mean`.
    pub mean: ::bus::Topic<f64>,
}
/// The topics of [`Thermostat`] that are being set up, each with its options.
#[derive(::core::fmt::Debug)]
#[must_use = "topics are created by `open`"]
#[allow(dead_code, unnameable_types)]
pub struct ThermostatTopicsBuilder<'s> {
    /// What was measured.
    pub temperature: ::bus::TopicBuilder<'s, f64>,
    /// What is wanted.
    pub setpoint: ::bus::TopicBuilder<'s, f64>,
    /// The topic `mean`.
    pub mean: ::bus::TopicBuilder<'s, f64>,
    __service: &'s ::bus::Service,
}
#[automatically_derived]
#[allow(dead_code, deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
impl ThermostatTopics {
    /// What a service that implements [`Thermostat`] says of itself.
    pub const HELP: &'static ::core::primitive::str = "Thermostat\n\nKeeps rooms warm.\n\nTopics\n  temperature: f64, in °C (request, advise)\n      What was measured.\n  setpoint: f64 (request, advise, poke)\n      What is wanted.\n  mean: f64 (request, advise, compute as f64)\n\nCommands\n  halt(minutes: u64, hard: bool) -> Halted\n      Stops.\n  order(order: Order) -> Filled\n";
    /// Opens the topics at a service, and adds to its help what they and the commands are.
    ///
    /// # Errors
    /// As `TopicBuilder::open`, where the service has one of the topics already.
    pub fn open(service: &::bus::Service) -> ::bus::Result<Self> {
        Self::builder(service).open()
    }
    /// Begins the topics at a service, to give them options; finish with `open`.
    ///
    /// An option is given as in `topics.rooms = topics.rooms.stamps(true)`.
    pub fn builder(service: &::bus::Service) -> ThermostatTopicsBuilder<'_> {
        ThermostatTopicsBuilder {
            temperature: ::bus::Service::topic::<f64>(service, "temperature"),
            setpoint: ::bus::Service::topic::<f64>(service, "setpoint"),
            mean: ::bus::Service::topic::<f64>(service, "mean"),
            __service: service,
        }
    }
    /// Has the methods of the state answer pokes, computed requests and commands: those of one interface, beside
    /// whatever else there are handlers of. The topics have to be open.
    ///
    /// # Errors
    /// `NoSuchTopic` where they are not.
    pub fn handle<'h, __State: Thermostat + 'h>(
        handlers: &mut ::bus::Handlers<'h, __State>,
    ) -> ::bus::Result<()> {
        let _ = ::bus::Handlers::<
            'h,
            __State,
        >::poke::<
            f64,
        >(
            handlers,
            "setpoint",
            |__state: &mut __State, __value: &f64, __caller: &::bus::Caller<'_>| ::core::result::Result::map_err(
                ::core::result::Result::map(
                    <__State as Thermostat>::setpoint(__state, __value, __caller),
                    |()| (),
                ),
                <::bus::Refusal as ::core::convert::From<_>>::from,
            ),
        )?;
        let _ = ::bus::Handlers::<
            'h,
            __State,
        >::compute::<
            f64,
        >(
            handlers,
            "mean",
            |__state: &mut __State, __caller: &::bus::Caller<'_>| ::core::result::Result::Ok(
                <__State as Thermostat>::mean(__state),
            ),
        )?;
        {
            let _ = ::bus::Client::require::<ThermostatHalt>;
            let _ = ::bus::Handlers::<
                'h,
                __State,
            >::execute::<
                ThermostatHalt,
            >(
                handlers,
                |
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
                ),
            )?;
        }
        {
            type __Command = Order;
            let _ = ::bus::Client::require::<__Command>;
            let _ = ::bus::Handlers::<
                'h,
                __State,
            >::execute_later::<
                __Command,
            >(
                handlers,
                |
                    __state: &mut __State,
                    __value: &__Command,
                    __caller: &::bus::Caller<'_>,
                    __reply: ::bus::Reply<Filled>|
                {
                    <__State as Thermostat>::order(__state, __value, __reply);
                },
            )?;
        }
        let _ = handlers;
        ::core::result::Result::Ok(())
    }
}
#[automatically_derived]
#[allow(dead_code, clippy::all, clippy::pedantic, clippy::nursery)]
impl ThermostatTopicsBuilder<'_> {
    /// Opens the topics, and adds to the service's help what they and the commands are.
    ///
    /// # Errors
    /// As `TopicBuilder::open`, where the service has one of the topics already, or an option cannot be served.
    pub fn open(self) -> ::bus::Result<ThermostatTopics> {
        fn open<T: ::bus::Payload + ?::core::marker::Sized>(
            topic: ::bus::TopicBuilder<'_, T>,
        ) -> ::bus::Result<::bus::Topic<T>> {
            topic.open()
        }
        let __topics = ThermostatTopics {
            temperature: open::<f64>(self.temperature)?,
            setpoint: open::<f64>(self.setpoint)?,
            mean: open::<f64>(self.mean)?,
        };
        let __before = ::bus::Service::help(self.__service);
        ::bus::Service::set_help(
            self.__service,
            if __before.is_empty() {
                <::core::primitive::str as ::std::borrow::ToOwned>::to_owned(
                    ThermostatTopics::HELP,
                )
            } else {
                ::std::format!("{}\n{}", __before, ThermostatTopics::HELP)
            },
        );
        ::core::result::Result::Ok(__topics)
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
        {
            let _ = ::bus::Client::require::<ThermostatHalt>;
            ::bus::Client::require::<ThermostatHalt>(&self.client)?;
        }
        {
            type __Command = Order;
            let _ = ::bus::Client::require::<__Command>;
            ::bus::Client::require::<__Command>(&self.client)?;
        }
        ::core::result::Result::Ok(())
    }
    /// As `check`, without blocking a thread.
    ///
    /// # Errors
    /// As `check`.
    pub async fn check_async(&self) -> ::bus::Result<()> {
        fn required<C: ::bus::Command>(
            client: &::bus::Client,
        ) -> ::core::pin::Pin<
            ::std::boxed::Box<
                dyn ::core::future::Future<
                    Output = ::bus::Result<()>,
                > + ::core::marker::Send + '_,
            >,
        > {
            ::std::boxed::Box::pin(client.require_async::<C>())
        }
        {
            let _ = ::bus::Client::require::<ThermostatHalt>;
            required::<ThermostatHalt>(&self.client).await?;
        }
        {
            type __Command = Order;
            let _ = ::bus::Client::require::<__Command>;
            required::<__Command>(&self.client).await?;
        }
        ::core::result::Result::Ok(())
    }
    /// The same client, whose transactions wait for their answers at most so long. Default: 2 s.
    #[must_use]
    pub fn with_timeout(self, timeout: ::core::time::Duration) -> Self {
        fn timed<T: ::bus::Payload + ?::core::marker::Sized>(
            topic: ::bus::Conversation<T>,
            timeout: ::core::time::Duration,
        ) -> ::bus::Conversation<T> {
            topic.with_timeout(timeout)
        }
        Self {
            client: ::bus::Client::with_timeout(self.client, timeout),
            topic_0: timed::<f64>(self.topic_0, timeout),
            topic_1: timed::<f64>(self.topic_1, timeout),
            topic_2: timed::<f64>(self.topic_2, timeout),
        }
    }
    /// The same client, which waits for answers in this way.
    #[must_use]
    pub fn with_wait(self, wait: ::bus::Wait) -> Self {
        fn waiting<T: ::bus::Payload + ?::core::marker::Sized>(
            topic: ::bus::Conversation<T>,
            wait: ::bus::Wait,
        ) -> ::bus::Conversation<T> {
            topic.with_wait(wait)
        }
        Self {
            client: ::bus::Client::with_wait(self.client, wait),
            topic_0: waiting::<f64>(self.topic_0, wait),
            topic_1: waiting::<f64>(self.topic_1, wait),
            topic_2: waiting::<f64>(self.topic_2, wait),
        }
    }
    /// What was measured.
    pub fn temperature(&self) -> &::bus::Conversation<f64> {
        &self.topic_0
    }
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
        let _ = ::bus::Client::require::<ThermostatHalt>;
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
        let _ = ::bus::Client::require::<ThermostatHalt>;
        ::bus::Client::begin_execute::<
            ThermostatHalt,
        >(&self.client, &ThermostatHalt { minutes, hard })
    }
    /// As [`halt`](Self::halt), without blocking a thread.
    ///
    /// # Errors
    /// As `Client::execute_async`.
    pub async fn halt_async(&self, minutes: u64, hard: bool) -> ::bus::Result<Halted> {
        let _ = ::bus::Client::require::<ThermostatHalt>;
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
        type __Command = Order;
        let _ = ::bus::Client::require::<__Command>;
        ::bus::Client::execute::<__Command>(&self.client, order)
    }
    /// As [`order`](Self::order), without waiting for the reply.
    ///
    /// # Errors
    /// As `Client::begin_execute`.
    pub fn begin_order(&self, order: &Order) -> ::bus::Result<::bus::Pending<Filled>> {
        type __Command = Order;
        let _ = ::bus::Client::require::<__Command>;
        ::bus::Client::begin_execute::<__Command>(&self.client, order)
    }
    /// As [`order`](Self::order), without blocking a thread.
    ///
    /// # Errors
    /// As `Client::execute_async`.
    pub async fn order_async(&self, order: &Order) -> ::bus::Result<Filled> {
        type __Command = Order;
        let _ = ::bus::Client::require::<__Command>;
        ::bus::Client::execute_async::<__Command>(&self.client, order).await
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
        let __client = self.service().open()?;
        ::core::result::Result::Ok(ThermostatClient {
            client: __client,
            topic_0: self.open_topic::<f64>("temperature", __began)?,
            topic_1: self.open_topic::<f64>("setpoint", __began)?,
            topic_2: self.open_topic::<f64>("mean", __began)?,
        })
    }
    /// As `open`, without blocking a thread. Dropping the future gives the connect up.
    ///
    /// # Errors
    /// As `open`.
    pub async fn open_async(self) -> ::bus::Result<ThermostatClient> {
        let __began = ::std::time::Instant::now();
        let __client = self.service().open_async().await?;
        ::core::result::Result::Ok(ThermostatClient {
            client: __client,
            topic_0: self.open_topic_async::<f64>("temperature", __began).await?,
            topic_1: self.open_topic_async::<f64>("setpoint", __began).await?,
            topic_2: self.open_topic_async::<f64>("mean", __began).await?,
        })
    }
    fn service(&self) -> ::bus::ClientBuilder<'_> {
        let service = ::bus::Bus::client(self.bus, self.service).timeout(self.timeout);
        match self.wait {
            ::core::option::Option::Some(wait) => service.wait(wait),
            ::core::option::Option::None => service,
        }
    }
    fn topic<T: ::bus::Payload + ?::core::marker::Sized>(
        &self,
        name: &::core::primitive::str,
        began: ::std::time::Instant,
    ) -> ::bus::ConnectBuilder<'_, T> {
        let address = ::std::format!("{}/{}", self.service, name);
        let topic = ::bus::Bus::connect::<T>(self.bus, &address).timeout(self.timeout);
        match self.wait {
            ::core::option::Option::Some(wait) => {
                topic.wait(wait.saturating_sub(began.elapsed()))
            }
            ::core::option::Option::None => topic,
        }
    }
    fn open_topic<T: ::bus::Payload + ?::core::marker::Sized>(
        &self,
        name: &::core::primitive::str,
        began: ::std::time::Instant,
    ) -> ::bus::Result<::bus::Conversation<T>> {
        self.topic::<T>(name, began).open()
    }
    fn open_topic_async<'t, T: ::bus::Payload + ?::core::marker::Sized>(
        &'t self,
        name: &'t ::core::primitive::str,
        began: ::std::time::Instant,
    ) -> ::core::pin::Pin<
        ::std::boxed::Box<
            dyn ::core::future::Future<
                Output = ::bus::Result<::bus::Conversation<T>>,
            > + ::core::marker::Send + 't,
        >,
    > {
        ::std::boxed::Box::pin(async move {
            self.topic::<T>(name, began).open_async().await
        })
    }
}
