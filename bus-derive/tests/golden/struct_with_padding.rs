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
    impl MessagesCannotImplementDrop for Quote {}
    #[automatically_derived]
    unsafe impl ::bus::message::Message for Quote
    where
        Side: ::bus::message::Message,
    {
        const TYPE: &'static ::bus::message::TypeDescriptor = &::bus::message::TypeDescriptor::structure::<
            Self,
        >(
            ::bus::message::Declaration::new(
                    ::bus::message::Name::hashed(
                        "Quote",
                        167717683801055201909259001007066502831u128,
                    ),
                )
                .with_docs("The best bid."),
            const {
                &[
                    ::bus::message::FieldDescriptor::of::<
                        f64,
                    >(
                        ::bus::message::Name::hashed(
                            "bid",
                            221386267239264804790711961835344589904u128,
                        ),
                        ::core::mem::offset_of!(Self, bid),
                        "In dollars.",
                    ),
                    ::bus::message::FieldDescriptor::of::<
                        Side,
                    >(
                        ::bus::message::Name::hashed(
                            "side",
                            140861159932555729899135778126808136678u128,
                        ),
                        ::core::mem::offset_of!(Self, side),
                        "",
                    ),
                    ::bus::message::FieldDescriptor::of::<
                        [u32; 3],
                    >(
                        ::bus::message::Name::hashed(
                            "sizes",
                            8100752594027081109363419312407326637u128,
                        ),
                        ::core::mem::offset_of!(Self, sizes),
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
            let Self { bid: __field_0, side: __field_1, sizes: __field_2 } = self;
            unsafe {
                ::bus::message::__private::write_primitive::<
                    ::core::primitive::f64,
                >(&raw const *__field_0, __out, ::core::mem::offset_of!(Self, bid));
                ::bus::message::__private::write_field(
                    __field_1,
                    __out,
                    ::core::mem::offset_of!(Self, side),
                );
                ::bus::message::__private::write_primitive::<
                    [::core::primitive::u32; _],
                >(&raw const *__field_2, __out, ::core::mem::offset_of!(Self, sizes));
            }
        }
        unsafe fn write_absent(__out: *mut ::core::primitive::u8) {
            unsafe {
                <Side as ::bus::message::Message>::write_absent(
                    __out.add(::core::mem::offset_of!(Self, side)),
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
                >(__bytes, ::core::mem::offset_of!(Self, side), "side")?;
            }
            ::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl Quote {
        /// The field `bid`, to be read or written alone.
        #[allow(dead_code, non_upper_case_globals)]
        const BID: ::bus::message::Field<Self, f64> = unsafe {
            ::bus::message::Field::new(
                "bid",
                ::core::mem::offset_of!(Self, bid),
                ::core::option::Option::None,
            )
        };
        /// The field `side`, to be read or written alone.
        #[allow(dead_code, non_upper_case_globals)]
        const SIDE: ::bus::message::Field<Self, Side> = unsafe {
            ::bus::message::Field::new(
                "side",
                ::core::mem::offset_of!(Self, side),
                ::core::option::Option::None,
            )
        };
        /// The field `sizes`, to be read or written alone.
        #[allow(dead_code, non_upper_case_globals)]
        const SIZES: ::bus::message::Field<Self, [u32; 3]> = unsafe {
            ::bus::message::Field::new(
                "sizes",
                ::core::mem::offset_of!(Self, sizes),
                ::core::option::Option::None,
            )
        };
    }
};
