#[allow(deprecated, drop_bounds, trivial_bounds, non_camel_case_types, clippy::all)]
const _: () = {
    trait MessagesCannotImplementDrop {}
    impl<T: ::core::ops::Drop + ?::core::marker::Sized> MessagesCannotImplementDrop
    for T {}
    impl MessagesCannotImplementDrop for Command {}
    const DISCRIMINANT_0: ::core::primitive::u8 = 0;
    const DISCRIMINANT_1: ::core::primitive::u8 = DISCRIMINANT_0 + 1;
    const DISCRIMINANT_2: ::core::primitive::u8 = 7;
    #[repr(C)]
    #[allow(dead_code)]
    struct Variant0 {
        tag: ::core::primitive::u8,
        marker: ::core::marker::PhantomData<()>,
    }
    #[repr(C)]
    #[allow(dead_code)]
    struct Variant1 {
        tag: ::core::primitive::u8,
        field_0: f64,
        field_1: Side,
        marker: ::core::marker::PhantomData<()>,
    }
    #[repr(C)]
    #[allow(dead_code)]
    struct Variant2 {
        tag: ::core::primitive::u8,
        field_0: u16,
        marker: ::core::marker::PhantomData<()>,
    }
    #[automatically_derived]
    unsafe impl ::bus::message::Message for Command
    where
        Side: ::bus::message::Message,
    {
        const TYPE: &'static ::bus::message::TypeDescriptor = &::bus::message::TypeDescriptor::enumeration::<
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
                        DISCRIMINANT_0 as ::core::primitive::i128,
                        "",
                        const { &[] },
                    ),
                    ::bus::message::VariantDescriptor::new(
                        ::bus::message::Name::hashed(
                            "Move",
                            138452430568870032197354523930496273980u128,
                        ),
                        DISCRIMINANT_1 as ::core::primitive::i128,
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
                                    ::core::mem::offset_of!(Variant1, field_0),
                                    "",
                                ),
                                ::bus::message::FieldDescriptor::of::<
                                    Side,
                                >(
                                    ::bus::message::Name::hashed(
                                        "side",
                                        140861159932555729899135778126808136678u128,
                                    ),
                                    ::core::mem::offset_of!(Variant1, field_1),
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
                        DISCRIMINANT_2 as ::core::primitive::i128,
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
                                        ::core::mem::offset_of!(Variant2, field_0),
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
                                            let end: ::core::primitive::u16 = 0;
                                            end
                                        } as ::core::primitive::i128,
                                        high: {
                                            let end: ::core::primitive::u16 = 359;
                                            end
                                        } as ::core::primitive::i128,
                                    }),
                            ]
                        },
                    ),
                ]
            },
        );
        #[inline]
        unsafe fn write_fields(&self, out: *mut ::core::primitive::u8) {
            if <Self as ::bus::message::Message>::PADDING_FREE {
                return unsafe { ::bus::message::__private::write_whole(self, out) };
            }
            match self {
                Self::Halt {} => {
                    unsafe {
                        ::bus::message::__private::write_field(&DISCRIMINANT_0, out, 0)
                    };
                }
                Self::Move { speed: field_0, side: field_1 } => {
                    unsafe {
                        ::bus::message::__private::write_field(&DISCRIMINANT_1, out, 0)
                    };
                    unsafe {
                        ::bus::message::__private::write_field(
                            field_0,
                            out,
                            ::core::mem::offset_of!(Variant1, field_0),
                        )
                    };
                    unsafe {
                        ::bus::message::__private::write_field(
                            field_1,
                            out,
                            ::core::mem::offset_of!(Variant1, field_1),
                        )
                    };
                }
                Self::Turn { 0: field_0 } => {
                    unsafe {
                        ::bus::message::__private::write_field(&DISCRIMINANT_2, out, 0)
                    };
                    unsafe {
                        ::bus::message::__private::write_field(
                            field_0,
                            out,
                            ::core::mem::offset_of!(Variant2, field_0),
                        )
                    };
                }
            }
        }
        #[inline]
        fn validate(
            bytes: &[::core::primitive::u8],
        ) -> ::core::result::Result<(), ::bus::message::Invalid> {
            if !<Self as ::bus::message::Message>::ANY_BITS {
                match ::core::primitive::u8::from_ne_bytes(
                    ::bus::message::__private::head(bytes),
                ) {
                    DISCRIMINANT_0 => {}
                    DISCRIMINANT_1 => {
                        ::bus::message::__private::validate_field::<
                            f64,
                        >(
                            bytes,
                            ::core::mem::offset_of!(Variant1, field_0),
                            "Move.speed",
                        )?;
                        ::bus::message::__private::validate_field::<
                            Side,
                        >(
                            bytes,
                            ::core::mem::offset_of!(Variant1, field_1),
                            "Move.side",
                        )?;
                    }
                    DISCRIMINANT_2 => {
                        ::bus::message::__private::validate_field::<
                            u16,
                        >(bytes, ::core::mem::offset_of!(Variant2, field_0), "Turn.0")?;
                        ::bus::message::__private::check_range::<
                            u16,
                            ::core::primitive::u16,
                        >(
                            bytes,
                            ::core::mem::offset_of!(Variant2, field_0),
                            const {
                                {
                                    let end: ::core::primitive::u16 = 0;
                                    end
                                }
                            },
                            const {
                                {
                                    let end: ::core::primitive::u16 = 359;
                                    end
                                }
                            },
                            "Turn.0",
                        )?;
                    }
                    found => {
                        return ::core::result::Result::Err(
                            ::bus::message::Invalid::variant::<
                                Self,
                            >(found as ::core::primitive::i128),
                        );
                    }
                }
            }
            ::core::result::Result::Ok(())
        }
    }
};
