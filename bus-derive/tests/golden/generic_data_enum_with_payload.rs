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
    impl<L, R, const N: usize> MessagesCannotImplementDrop for Either<L, R, N>
    where
        L: Copy,
    {}
    const __DISCRIMINANT_0: ::core::primitive::u16 = 0;
    const __DISCRIMINANT_1: ::core::primitive::u16 = __DISCRIMINANT_0 + 1;
    const __DISCRIMINANT_2: ::core::primitive::u16 = __DISCRIMINANT_1 + 1;
    #[repr(C)]
    #[allow(dead_code)]
    struct __Variant0<L, R, const N: usize>
    where
        L: Copy,
    {
        marker: ::core::marker::PhantomData<(fn() -> L, fn() -> R)>,
    }
    #[repr(C)]
    #[allow(dead_code)]
    struct __Variant1<L, R, const N: usize>
    where
        L: Copy,
    {
        field_0: L,
        marker: ::core::marker::PhantomData<(fn() -> L, fn() -> R)>,
    }
    #[repr(C)]
    #[allow(dead_code)]
    struct __Variant2<L, R, const N: usize>
    where
        L: Copy,
    {
        field_0: [R; N],
        marker: ::core::marker::PhantomData<(fn() -> L, fn() -> R)>,
    }
    #[repr(C)]
    #[allow(dead_code)]
    union __Payload<L, R, const N: usize>
    where
        L: Copy,
    {
        variant_0: ::core::mem::ManuallyDrop<__Variant0<L, R, N>>,
        variant_1: ::core::mem::ManuallyDrop<__Variant1<L, R, N>>,
        variant_2: ::core::mem::ManuallyDrop<__Variant2<L, R, N>>,
    }
    #[repr(C)]
    #[allow(dead_code)]
    struct __Whole<L, R, const N: usize>
    where
        L: Copy,
    {
        tag: ::core::primitive::u16,
        payload: __Payload<L, R, N>,
    }
    #[automatically_derived]
    unsafe impl<
        L: ::bus::message::Message,
        R: ::bus::message::Message,
        const N: usize,
    > ::bus::message::Message for Either<L, R, N>
    where
        L: Copy,
        L: ::bus::message::Message,
        [R; N]: ::bus::message::Message,
    {
        const TYPE: &'static ::bus::message::TypeDescriptor = &{
            ::bus::message::__private::assert_enum::<
                Self,
            >(
                &[
                    (
                        ::core::mem::size_of::<__Whole<L, R, N>>(),
                        ::core::mem::align_of::<__Whole<L, R, N>>(),
                    ),
                ],
                &[
                    __DISCRIMINANT_0 as ::core::primitive::i128,
                    __DISCRIMINANT_1 as ::core::primitive::i128,
                    __DISCRIMINANT_2 as ::core::primitive::i128,
                ],
            );
            ::bus::message::TypeDescriptor::enumeration::<
                Self,
            >(
                ::bus::message::Declaration::new(
                        ::bus::message::Name::hashed(
                            "Either",
                            189575000726003684042793233438111080484u128,
                        ),
                    )
                    .with_arguments(const {
                        &[
                            ::bus::message::Argument::of::<L>(),
                            ::bus::message::Argument::of::<R>(),
                            ::bus::message::Argument::Value(N as ::core::primitive::i128),
                        ]
                    }),
                ::bus::message::Primitive::U16,
                const {
                    &[
                        ::bus::message::VariantDescriptor::new(
                            ::bus::message::Name::hashed(
                                "Neither",
                                241988350836382649628394873729272250832u128,
                            ),
                            __DISCRIMINANT_0 as ::core::primitive::i128,
                            "",
                            const { &[] },
                        ),
                        ::bus::message::VariantDescriptor::new(
                            ::bus::message::Name::hashed(
                                "Left",
                                138484113280019551480235587033872817936u128,
                            ),
                            __DISCRIMINANT_1 as ::core::primitive::i128,
                            "",
                            const {
                                &[
                                    ::bus::message::FieldDescriptor::of::<
                                        L,
                                    >(
                                        ::bus::message::Name::hashed(
                                            "0",
                                            279349696657119468769843863450121031567u128,
                                        ),
                                        ::core::mem::offset_of!(__Whole < L, R, N >, payload)
                                            + ::core::mem::offset_of!(__Variant1 < L, R, N >, field_0),
                                        "",
                                    ),
                                ]
                            },
                        ),
                        ::bus::message::VariantDescriptor::new(
                            ::bus::message::Name::hashed(
                                "Rights",
                                280301771216762702300491146718682372938u128,
                            ),
                            __DISCRIMINANT_2 as ::core::primitive::i128,
                            "",
                            const {
                                &[
                                    ::bus::message::FieldDescriptor::of::<
                                        [R; N],
                                    >(
                                        ::bus::message::Name::hashed(
                                            "0",
                                            279349696657119468769843863450121031567u128,
                                        ),
                                        ::core::mem::offset_of!(__Whole < L, R, N >, payload)
                                            + ::core::mem::offset_of!(__Variant2 < L, R, N >, field_0),
                                        "",
                                    ),
                                ]
                            },
                        ),
                    ]
                },
            )
        };
        #[inline]
        unsafe fn write_fields(&self, __out: *mut ::core::primitive::u8) {
            if <Self as ::bus::message::Message>::PADDING_FREE {
                return unsafe { ::bus::message::__private::write_whole(self, __out) };
            }
            match self {
                Self::Neither {} => {
                    unsafe {
                        ::bus::message::__private::write_field(
                            &__DISCRIMINANT_0,
                            __out,
                            0,
                        );
                    }
                }
                Self::Left { 0: __field_0 } => {
                    unsafe {
                        ::bus::message::__private::write_field(
                            &__DISCRIMINANT_1,
                            __out,
                            0,
                        );
                        ::bus::message::__private::write_field(
                            __field_0,
                            __out,
                            ::core::mem::offset_of!(__Whole < L, R, N >, payload)
                                + ::core::mem::offset_of!(__Variant1 < L, R, N >, field_0),
                        );
                    }
                }
                Self::Rights { 0: __field_0 } => {
                    unsafe {
                        ::bus::message::__private::write_field(
                            &__DISCRIMINANT_2,
                            __out,
                            0,
                        );
                        ::bus::message::__private::write_field(
                            __field_0,
                            __out,
                            ::core::mem::offset_of!(__Whole < L, R, N >, payload)
                                + ::core::mem::offset_of!(__Variant2 < L, R, N >, field_0),
                        );
                    }
                }
            }
        }
        #[inline]
        fn validate(
            __bytes: &[::core::primitive::u8],
        ) -> ::core::result::Result<(), ::bus::message::Invalid> {
            if !<Self as ::bus::message::Message>::ANY_BITS {
                let _ = |__number: ::core::primitive::usize| match __number {
                    0usize => Self::Neither {},
                    1usize => {
                        Self::Left {
                            0: ::core::unreachable!(),
                        }
                    }
                    2usize => {
                        Self::Rights {
                            0: ::core::unreachable!(),
                        }
                    }
                    _ => ::core::unreachable!(),
                };
                match ::core::primitive::u16::from_ne_bytes(
                    ::bus::message::__private::head(__bytes),
                ) {
                    __DISCRIMINANT_0 => {}
                    __DISCRIMINANT_1 => {
                        ::bus::message::__private::validate_field::<
                            L,
                        >(
                            __bytes,
                            ::core::mem::offset_of!(__Whole < L, R, N >, payload)
                                + ::core::mem::offset_of!(__Variant1 < L, R, N >, field_0),
                            "Left.0",
                        )?;
                    }
                    __DISCRIMINANT_2 => {
                        ::bus::message::__private::validate_field::<
                            [R; N],
                        >(
                            __bytes,
                            ::core::mem::offset_of!(__Whole < L, R, N >, payload)
                                + ::core::mem::offset_of!(__Variant2 < L, R, N >, field_0),
                            "Rights.0",
                        )?;
                    }
                    __found => {
                        return ::core::result::Result::Err(
                            ::bus::message::Invalid::variant::<
                                Self,
                            >(__found as ::core::primitive::i128),
                        );
                    }
                }
            }
            ::core::result::Result::Ok(())
        }
    }
};
