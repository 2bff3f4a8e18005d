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
    impl<T: Copy, const N: usize> MessagesCannotImplementDrop for Window<T, N>
    where
        T: PartialOrd,
    {}
    #[automatically_derived]
    unsafe impl<
        T: Copy + ::bus::message::Message,
        const N: usize,
    > ::bus::message::Message for Window<T, N>
    where
        T: PartialOrd,
        [T; N]: ::bus::message::Message,
    {
        const TYPE: &'static ::bus::message::TypeDescriptor = &::bus::message::TypeDescriptor::structure::<
            Self,
        >(
            ::bus::message::Declaration::new(
                    ::bus::message::Name::hashed(
                        "Window",
                        109256715204101527433554257686737552133u128,
                    ),
                )
                .with_arguments(const {
                    &[
                        ::bus::message::Argument::of::<T>(),
                        ::bus::message::Argument::Value(N as ::core::primitive::i128),
                    ]
                }),
            const {
                &[
                    ::bus::message::FieldDescriptor::of::<
                        [T; N],
                    >(
                        ::bus::message::Name::hashed(
                            "values",
                            66903993157079259215989084200980399819u128,
                        ),
                        ::core::mem::offset_of!(Self, values),
                        "",
                    ),
                    ::bus::message::FieldDescriptor::of::<
                        u32,
                    >(
                        ::bus::message::Name::hashed(
                            "count",
                            99747088668921737670797988288597699924u128,
                        ),
                        ::core::mem::offset_of!(Self, count),
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
            let Self { values: __field_0, count: __field_1 } = self;
            unsafe {
                ::bus::message::__private::write_field(
                    __field_0,
                    __out,
                    ::core::mem::offset_of!(Self, values),
                );
                ::bus::message::__private::write_primitive::<
                    ::core::primitive::u32,
                >(&raw const *__field_1, __out, ::core::mem::offset_of!(Self, count));
            }
        }
        unsafe fn write_absent(__out: *mut ::core::primitive::u8) {
            unsafe {
                <[T; N] as ::bus::message::Message>::write_absent(
                    __out.add(::core::mem::offset_of!(Self, values)),
                )
            };
        }
        #[inline]
        fn validate(
            __bytes: &[::core::primitive::u8],
        ) -> ::core::result::Result<(), ::bus::message::Invalid> {
            if !<Self as ::bus::message::Message>::ANY_BITS {
                ::bus::message::__private::validate_field::<
                    [T; N],
                >(__bytes, ::core::mem::offset_of!(Self, values), "values")?;
            }
            ::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl<T: Copy + ::bus::message::Message, const N: usize> Window<T, N>
    where
        T: PartialOrd,
    {
        /// The field `values`, to be read or written alone.
        #[allow(dead_code, non_upper_case_globals)]
        const VALUES: ::bus::message::Field<Self, [T; N]> = unsafe {
            ::bus::message::Field::new(
                "values",
                ::core::mem::offset_of!(Self, values),
                ::core::option::Option::None,
            )
        };
        /// The field `count`, to be read or written alone.
        #[allow(dead_code, non_upper_case_globals)]
        const COUNT: ::bus::message::Field<Self, u32> = unsafe {
            ::bus::message::Field::new(
                "count",
                ::core::mem::offset_of!(Self, count),
                ::core::option::Option::None,
            )
        };
    }
};
