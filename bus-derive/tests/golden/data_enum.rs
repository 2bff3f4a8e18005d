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
    impl MessagesCannotImplementDrop for Command {}
    const __DISCRIMINANT_0: ::core::primitive::u8 = 0;
    const __DISCRIMINANT_1: ::core::primitive::u8 = __DISCRIMINANT_0 + 1;
    const __DISCRIMINANT_2: ::core::primitive::u8 = 7;
    #[repr(C)]
    #[allow(dead_code)]
    struct __Variant0 {
        tag: ::core::primitive::u8,
    }
    #[repr(C)]
    #[allow(dead_code)]
    struct __Variant1 {
        tag: ::core::primitive::u8,
        field_0: f64,
        field_1: Side,
    }
    #[repr(C)]
    #[allow(dead_code)]
    struct __Variant2 {
        tag: ::core::primitive::u8,
        field_0: u16,
    }
    #[automatically_derived]
    unsafe impl ::bus::message::Message for Command
    where
        Side: ::bus::message::Message,
    {
        const TYPE: &'static ::bus::message::TypeDescriptor = &{
            ::bus::message::__private::assert_enum::<
                Self,
            >(
                &[
                    (
                        ::core::mem::size_of::<__Variant0>(),
                        ::core::mem::align_of::<__Variant0>(),
                    ),
                    (
                        ::core::mem::size_of::<__Variant1>(),
                        ::core::mem::align_of::<__Variant1>(),
                    ),
                    (
                        ::core::mem::size_of::<__Variant2>(),
                        ::core::mem::align_of::<__Variant2>(),
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
                        "Command",
                        169856013924776189693693333405341744298u128,
                    ),
                ),
                ::bus::message::Primitive::U8,
                const {
                    &[
                        ::bus::message::VariantDescriptor::new(
                            ::bus::message::Name::hashed(
                                "Halt",
                                138638518334854915212788842848858981626u128,
                            ),
                            __DISCRIMINANT_0 as ::core::primitive::i128,
                            "",
                            const { &[] },
                        ),
                        ::bus::message::VariantDescriptor::new(
                            ::bus::message::Name::hashed(
                                "Move",
                                138452430568870032197354523930496273980u128,
                            ),
                            __DISCRIMINANT_1 as ::core::primitive::i128,
                            "",
                            const {
                                &[
                                    ::bus::message::FieldDescriptor::of::<
                                        f64,
                                    >(
                                        ::bus::message::Name::hashed(
                                            "speed",
                                            9002770244717809914725622270930654224u128,
                                        ),
                                        ::core::mem::offset_of!(__Variant1, field_0),
                                        "",
                                    ),
                                    ::bus::message::FieldDescriptor::of::<
                                        Side,
                                    >(
                                        ::bus::message::Name::hashed(
                                            "side",
                                            140861159932555729899135778126808136678u128,
                                        ),
                                        ::core::mem::offset_of!(__Variant1, field_1),
                                        "",
                                    ),
                                ]
                            },
                        ),
                        ::bus::message::VariantDescriptor::new(
                            ::bus::message::Name::hashed(
                                "Turn",
                                139431926114670266518803048426523086618u128,
                            ),
                            __DISCRIMINANT_2 as ::core::primitive::i128,
                            "",
                            const {
                                &[
                                    ::bus::message::FieldDescriptor::of::<
                                        u16,
                                    >(
                                            ::bus::message::Name::hashed(
                                                "0",
                                                279349696657119468769843863450121031567u128,
                                            ),
                                            ::core::mem::offset_of!(__Variant2, field_0),
                                            "",
                                        )
                                        .with_unit(
                                            ::bus::message::Name::hashed(
                                                "deg",
                                                221385701187777506442546468454626253623u128,
                                            ),
                                        )
                                        .with_bounds(::bus::message::Bounds::Integer {
                                            low: {
                                                let __end: ::core::primitive::u16 = 0;
                                                __end
                                            } as ::core::primitive::i128,
                                            high: {
                                                let __end: ::core::primitive::u16 = 359;
                                                __end
                                            } as ::core::primitive::i128,
                                        }),
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
                Self::Halt {} => {
                    unsafe {
                        ::bus::message::__private::write_field(
                            &__DISCRIMINANT_0,
                            __out,
                            0,
                        );
                    }
                }
                Self::Move { speed: __field_0, side: __field_1 } => {
                    unsafe {
                        ::bus::message::__private::write_field(
                            &__DISCRIMINANT_1,
                            __out,
                            0,
                        );
                        ::bus::message::__private::write_primitive::<
                            ::core::primitive::f64,
                        >(
                            &raw const *__field_0,
                            __out,
                            ::core::mem::offset_of!(__Variant1, field_0),
                        );
                        ::bus::message::__private::write_field(
                            __field_1,
                            __out,
                            ::core::mem::offset_of!(__Variant1, field_1),
                        );
                    }
                }
                Self::Turn { 0: __field_0 } => {
                    unsafe {
                        ::bus::message::__private::write_field(
                            &__DISCRIMINANT_2,
                            __out,
                            0,
                        );
                        ::bus::message::__private::write_primitive::<
                            ::core::primitive::u16,
                        >(
                            &raw const *__field_0,
                            __out,
                            ::core::mem::offset_of!(__Variant2, field_0),
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
                    0usize => Self::Halt {},
                    1usize => {
                        Self::Move {
                            speed: ::core::unreachable!(),
                            side: ::core::unreachable!(),
                        }
                    }
                    2usize => {
                        Self::Turn {
                            0: ::core::unreachable!(),
                        }
                    }
                    _ => ::core::unreachable!(),
                };
                match ::core::primitive::u8::from_ne_bytes(
                    ::bus::message::__private::head(__bytes),
                ) {
                    __DISCRIMINANT_0 => {}
                    __DISCRIMINANT_1 => {
                        ::bus::message::__private::validate_field::<
                            Side,
                        >(
                            __bytes,
                            ::core::mem::offset_of!(__Variant1, field_1),
                            "Move.side",
                        )?;
                    }
                    __DISCRIMINANT_2 => {
                        ::bus::message::__private::check_range::<
                            u16,
                            ::core::primitive::u16,
                        >(
                            __bytes,
                            ::core::mem::offset_of!(__Variant2, field_0),
                            const {
                                let __end: ::core::primitive::u16 = 0;
                                __end
                            },
                            const {
                                let __end: ::core::primitive::u16 = 359;
                                __end
                            },
                            "Turn.0",
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
    const _: &::bus::message::TypeDescriptor = <Command as ::bus::message::Message>::TYPE;
};
