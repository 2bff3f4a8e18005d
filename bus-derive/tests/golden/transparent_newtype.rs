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
    impl MessagesCannotImplementDrop for Price {}
    #[automatically_derived]
    unsafe impl ::bus::message::Message for Price {
        const TYPE: &'static ::bus::message::TypeDescriptor = &::bus::message::TypeDescriptor::structure::<
            Self,
        >(
            ::bus::message::Declaration::new(
                ::bus::message::Name::hashed(
                    "Price",
                    179288786509986755025957686967347639914u128,
                ),
            ),
            const {
                &[
                    ::bus::message::FieldDescriptor::of::<
                        i64,
                    >(
                        ::bus::message::Name::hashed(
                            "0",
                            279349696657119468769843863450121031567u128,
                        ),
                        ::core::mem::offset_of!(Self, 0),
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
            let Self { 0: __field_0 } = self;
            unsafe {
                ::bus::message::__private::write_primitive::<
                    ::core::primitive::i64,
                >(&raw const *__field_0, __out, ::core::mem::offset_of!(Self, 0));
            }
        }
        #[inline]
        fn validate(
            __bytes: &[::core::primitive::u8],
        ) -> ::core::result::Result<(), ::bus::message::Invalid> {
            ::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl Price {
        /// The field `0`, to be read or written alone.
        #[allow(dead_code, non_upper_case_globals)]
        pub const FIELD_0: ::bus::message::Field<Self, i64> = unsafe {
            ::bus::message::Field::new(
                "0",
                ::core::mem::offset_of!(Self, 0),
                ::core::option::Option::None,
            )
        };
    }
};
