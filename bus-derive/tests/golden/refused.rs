::core::compile_error! {
    "field `name`: `String` keeps its text on the heap of one process; use `FixedStr<N>`, which holds up to N bytes in place"
}
#[automatically_derived]
unsafe impl ::bus::message::Message for Order {
    const TYPE: &'static ::bus::message::TypeDescriptor = &::bus::message::TypeDescriptor::structure::<
        Self,
    >(::bus::message::Declaration::new(::bus::message::Name::new("Order")), &[]);
    unsafe fn write_fields(&self, _: *mut ::core::primitive::u8) {
        ::core::unreachable!()
    }
    fn validate(
        _: &[::core::primitive::u8],
    ) -> ::core::result::Result<(), ::bus::message::Invalid> {
        ::core::unreachable!()
    }
}
#[automatically_derived]
impl Order {
    /// The field `name`, to be read or written alone.
    #[allow(dead_code, non_upper_case_globals)]
    const NAME: ::bus::message::Field<Self, String> = unsafe {
        ::bus::message::Field::new(
            "name",
            ::core::mem::offset_of!(Self, name),
            ::core::option::Option::None,
        )
    };
    /// The field `price`, to be read or written alone.
    #[allow(dead_code, non_upper_case_globals)]
    const PRICE: ::bus::message::Field<Self, f64> = unsafe {
        ::bus::message::Field::new(
            "price",
            ::core::mem::offset_of!(Self, price),
            ::core::option::Option::None,
        )
    };
}
