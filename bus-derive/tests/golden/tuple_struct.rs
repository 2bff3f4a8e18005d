#[allow(
    deprecated,
    drop_bounds,
    trivial_bounds,
    non_camel_case_types,
    unreachable_code,
    clippy::all
)]
const _: () = {
    trait MessagesCannotImplementDrop {}
    impl<T: ::core::ops::Drop + ?::core::marker::Sized> MessagesCannotImplementDrop
    for T {}
    impl MessagesCannotImplementDrop for Pair {}
    #[automatically_derived]
    unsafe impl ::bus::message::Message for Pair
    where
        Side: ::bus::message::Message,
    {
        const TYPE: &'static ::bus::message::TypeDescriptor = &::bus::message::TypeDescriptor::structure::<
            Self,
        >(
            ::bus::message::Declaration::new(
                ::bus::message::Name::hashed(
                    "Pair",
                    139567169175484664383988168422138352801u128,
                ),
            ),
            const {
                &[
                    ::bus::message::FieldDescriptor::of::<
                        u8,
                    >(
                        ::bus::message::Name::hashed(
                            "0",
                            279349696657119468769843863450121031567u128,
                        ),
                        ::core::mem::offset_of!(Self, 0),
                        "",
                    ),
                    ::bus::message::FieldDescriptor::of::<
                        Side,
                    >(
                        ::bus::message::Name::hashed(
                            "1",
                            279349696656809983760022518381396250196u128,
                        ),
                        ::core::mem::offset_of!(Self, 1),
                        "",
                    ),
                ]
            },
        );
        #[inline]
        unsafe fn write_fields(&self, __out: *mut ::core::primitive::u8) {
            if <Self as ::bus::message::Message>::PADDING_FREE {
                return unsafe { ::bus::message::__private::write_whole(self, __out) };
            }
            let Self { 0: __field_0, 1: __field_1 } = self;
            unsafe {
                ::bus::message::__private::write_primitive::<
                    ::core::primitive::u8,
                >(&raw const *__field_0, __out, ::core::mem::offset_of!(Self, 0));
                ::bus::message::__private::write_field(
                    __field_1,
                    __out,
                    ::core::mem::offset_of!(Self, 1),
                );
            }
        }
        unsafe fn write_absent(__out: *mut ::core::primitive::u8) {
            unsafe {
                <Side as ::bus::message::Message>::write_absent(
                    __out.add(::core::mem::offset_of!(Self, 1)),
                )
            };
        }
        #[inline]
        fn validate(
            __bytes: &[::core::primitive::u8],
        ) -> ::core::result::Result<(), ::bus::message::Invalid> {
            if !<Self as ::bus::message::Message>::ANY_BITS {
                ::bus::message::__private::validate_field::<
                    Side,
                >(__bytes, ::core::mem::offset_of!(Self, 1), "1")?;
            }
            ::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl Pair {
        /// The field `0`, to be read or written alone.
        #[allow(dead_code, non_upper_case_globals)]
        pub const FIELD_0: ::bus::message::Field<Self, u8> = unsafe {
            ::bus::message::Field::new(
                "0",
                ::core::mem::offset_of!(Self, 0),
                ::core::option::Option::None,
            )
        };
        /// The field `1`, to be read or written alone.
        #[allow(dead_code, non_upper_case_globals)]
        pub(crate) const FIELD_1: ::bus::message::Field<Self, Side> = unsafe {
            ::bus::message::Field::new(
                "1",
                ::core::mem::offset_of!(Self, 1),
                ::core::option::Option::None,
            )
        };
    }
};
