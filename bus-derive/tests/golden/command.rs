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
    impl<T> MessagesCannotImplementDrop for Buy<T> {}
    #[automatically_derived]
    unsafe impl<T: ::bus::message::Message> ::bus::message::Message for Buy<T>
    where
        T: ::bus::message::Message,
    {
        const TYPE: &'static ::bus::message::TypeDescriptor = &::bus::message::TypeDescriptor::structure::<
            Self,
        >(
            ::bus::message::Declaration::new(
                    ::bus::message::Name::hashed(
                        "Buy",
                        221383301240465065368651971967844878115u128,
                    ),
                )
                .with_arguments(const { &[::bus::message::Argument::of::<T>()] }),
            const {
                &[
                    ::bus::message::FieldDescriptor::of::<
                        T,
                    >(
                        ::bus::message::Name::hashed(
                            "what",
                            140706308111349888269268212592235938583u128,
                        ),
                        ::core::mem::offset_of!(Self, what),
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
            let Self { what: __field_0 } = self;
            unsafe {
                ::bus::message::__private::write_field(
                    __field_0,
                    __out,
                    ::core::mem::offset_of!(Self, what),
                );
            }
        }
        unsafe fn write_absent(__out: *mut ::core::primitive::u8) {
            unsafe {
                <T as ::bus::message::Message>::write_absent(
                    __out.add(::core::mem::offset_of!(Self, what)),
                )
            };
        }
        #[inline]
        fn validate(
            __bytes: &[::core::primitive::u8],
        ) -> ::core::result::Result<(), ::bus::message::Invalid> {
            if !<Self as ::bus::message::Message>::ANY_BITS {
                ::bus::message::__private::validate_field::<
                    T,
                >(__bytes, ::core::mem::offset_of!(Self, what), "what")?;
            }
            ::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl<T: ::bus::message::Message> Buy<T> {
        /// The field `what`, to be read or written alone.
        #[allow(dead_code, non_upper_case_globals)]
        const WHAT: ::bus::message::Field<Self, T> = unsafe {
            ::bus::message::Field::new(
                "what",
                ::core::mem::offset_of!(Self, what),
                ::core::option::Option::None,
            )
        };
    }
    #[automatically_derived]
    impl<T: ::bus::message::Message> ::bus::Command for Buy<T>
    where
        T: ::bus::message::Message,
    {
        type Reply = Filled<T>;
    }
};
