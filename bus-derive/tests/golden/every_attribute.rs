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
    impl MessagesCannotImplementDrop for Reading {}
    #[automatically_derived]
    unsafe impl transport::bus::message::Message for Reading
    where
        Flags: transport::bus::message::Message,
    {
        const TYPE: &'static transport::bus::message::TypeDescriptor = &transport::bus::message::__private::without_padding(
            transport::bus::message::TypeDescriptor::structure::<
                Self,
            >(
                transport::bus::message::Declaration::new(
                        transport::bus::message::Name::hashed(
                            "Sample",
                            122997758131641544509628547349036666623u128,
                        ),
                    )
                    .with_version(4u32)
                    .with_invariant(),
                const {
                    &[
                        transport::bus::message::FieldDescriptor::of::<
                            f32,
                        >(
                                transport::bus::message::Name::hashed(
                                    "speed",
                                    9002770244717809914725622270930654224u128,
                                ),
                                ::core::mem::offset_of!(Self, speed),
                                "",
                            )
                            .with_unit(
                                transport::bus::message::Name::hashed(
                                    "m/s",
                                    221384861890118126769891727552272720866u128,
                                ),
                            )
                            .with_bounds(transport::bus::message::Bounds::Float {
                                low: {
                                    let __end: ::core::primitive::f32 = -10.0;
                                    __end
                                } as ::core::primitive::f64,
                                high: {
                                    let __end: ::core::primitive::f32 = 10.0;
                                    __end
                                } as ::core::primitive::f64,
                            }),
                        transport::bus::message::FieldDescriptor::of::<
                            [u16; 2],
                        >(
                                transport::bus::message::Name::hashed(
                                    "counts",
                                    5982236990728756264100759424780472061u128,
                                ),
                                ::core::mem::offset_of!(Self, counts),
                                "",
                            )
                            .with_bounds(transport::bus::message::Bounds::Integer {
                                low: {
                                    let __end: ::core::primitive::u16 = 1;
                                    __end
                                } as ::core::primitive::i128,
                                high: { ::core::primitive::u16::MAX }
                                    as ::core::primitive::i128,
                            }),
                        transport::bus::message::FieldDescriptor::of::<
                            u32,
                        >(
                                transport::bus::message::Name::hashed(
                                    "even",
                                    139991964228690138425525423933130611721u128,
                                ),
                                ::core::mem::offset_of!(Self, number),
                                "",
                            )
                            .with_invariant(),
                        transport::bus::message::FieldDescriptor::of::<
                            f32,
                        >(
                                transport::bus::message::Name::hashed(
                                    "gain",
                                    140070338845474140935379953049951824766u128,
                                ),
                                ::core::mem::offset_of!(Self, gain),
                                "",
                            )
                            .with_since(2u32),
                        transport::bus::message::FieldDescriptor::of::<
                            Flags,
                        >(
                                transport::bus::message::Name::hashed(
                                    "flags",
                                    56546165673307940567636512168906563036u128,
                                ),
                                ::core::mem::offset_of!(Self, flags),
                                "",
                            )
                            .with_since(4u32),
                    ]
                },
            ),
        );
        #[inline]
        unsafe fn write_fields(&self, __out: *mut ::core::primitive::u8) {
            if <Self as transport::bus::message::Message>::PADDING_FREE {
                return unsafe {
                    transport::bus::message::__private::write_whole(self, __out)
                };
            }
            let Self {
                speed: __field_0,
                counts: __field_1,
                number: __field_2,
                gain: __field_3,
                flags: __field_4,
            } = self;
            unsafe {
                transport::bus::message::__private::write_primitive::<
                    ::core::primitive::f32,
                >(&raw const *__field_0, __out, ::core::mem::offset_of!(Self, speed));
                transport::bus::message::__private::write_primitive::<
                    [::core::primitive::u16; _],
                >(&raw const *__field_1, __out, ::core::mem::offset_of!(Self, counts));
                transport::bus::message::__private::write_primitive::<
                    ::core::primitive::u32,
                >(&raw const *__field_2, __out, ::core::mem::offset_of!(Self, number));
                transport::bus::message::__private::write_primitive::<
                    ::core::primitive::f32,
                >(&raw const *__field_3, __out, ::core::mem::offset_of!(Self, gain));
                transport::bus::message::__private::write_field(
                    __field_4,
                    __out,
                    ::core::mem::offset_of!(Self, flags),
                );
            }
        }
        unsafe fn write_absent(__out: *mut ::core::primitive::u8) {
            unsafe {
                transport::bus::message::__private::write_field(
                    &Self::__default_of_3(),
                    __out,
                    ::core::mem::offset_of!(Self, gain),
                )
            };
            unsafe {
                transport::bus::message::__private::write_field(
                    &transport::bus::message::__private::default_of_absent::<Flags>(),
                    __out,
                    ::core::mem::offset_of!(Self, flags),
                )
            };
        }
        #[inline]
        fn validate(
            __bytes: &[::core::primitive::u8],
        ) -> ::core::result::Result<(), transport::bus::message::Invalid> {
            if !<Self as transport::bus::message::Message>::ANY_BITS {
                transport::bus::message::__private::check_range::<
                    f32,
                    ::core::primitive::f32,
                >(
                    __bytes,
                    ::core::mem::offset_of!(Self, speed),
                    const {
                        let __end: ::core::primitive::f32 = -10.0;
                        __end
                    },
                    const {
                        let __end: ::core::primitive::f32 = 10.0;
                        __end
                    },
                    "speed",
                )?;
                transport::bus::message::__private::check_range::<
                    [u16; 2],
                    ::core::primitive::u16,
                >(
                    __bytes,
                    ::core::mem::offset_of!(Self, counts),
                    const {
                        let __end: ::core::primitive::u16 = 1;
                        __end
                    },
                    const { ::core::primitive::u16::MAX },
                    "counts",
                )?;
                let __asked = is_even;
                unsafe {
                    transport::bus::message::__private::check_field_invariant::<
                        u32,
                        _,
                    >(
                        __bytes,
                        ::core::mem::offset_of!(Self, number),
                        __asked,
                        "is_even",
                        "even",
                    )
                }?;
                transport::bus::message::__private::validate_field::<
                    Flags,
                >(__bytes, ::core::mem::offset_of!(Self, flags), "flags")?;
                let __asked = Reading::in_order;
                unsafe {
                    transport::bus::message::__private::check_invariant::<
                        Self,
                        _,
                    >(__bytes, __asked, "Reading::in_order")
                }?;
            }
            ::core::result::Result::Ok(())
        }
    }
    impl Reading {
        fn __default_of_3() -> f32 {
            2.5
        }
    }
    #[automatically_derived]
    impl Reading {
        /// The field `speed`, to be read or written alone.
        #[allow(dead_code, non_upper_case_globals)]
        pub const SPEED: transport::bus::message::Field<Self, f32> = unsafe {
            transport::bus::message::Field::new(
                "speed",
                ::core::mem::offset_of!(Self, speed),
                ::core::option::Option::Some(|__bytes| {
                    transport::bus::message::__private::check_range::<
                        f32,
                        ::core::primitive::f32,
                    >(
                        __bytes,
                        0,
                        const {
                            let __end: ::core::primitive::f32 = -10.0;
                            __end
                        },
                        const {
                            let __end: ::core::primitive::f32 = 10.0;
                            __end
                        },
                        "",
                    )?;
                    ::core::result::Result::Ok(())
                }),
            )
        };
        /// The field `counts`, to be read or written alone.
        #[allow(dead_code, non_upper_case_globals)]
        const COUNTS: transport::bus::message::Field<Self, [u16; 2]> = unsafe {
            transport::bus::message::Field::new(
                "counts",
                ::core::mem::offset_of!(Self, counts),
                ::core::option::Option::Some(|__bytes| {
                    transport::bus::message::__private::check_range::<
                        [u16; 2],
                        ::core::primitive::u16,
                    >(
                        __bytes,
                        0,
                        const {
                            let __end: ::core::primitive::u16 = 1;
                            __end
                        },
                        const { ::core::primitive::u16::MAX },
                        "",
                    )?;
                    ::core::result::Result::Ok(())
                }),
            )
        };
        /// The field `even`, to be read or written alone.
        #[allow(dead_code, non_upper_case_globals)]
        const NUMBER: transport::bus::message::Field<Self, u32> = unsafe {
            transport::bus::message::Field::new(
                "even",
                ::core::mem::offset_of!(Self, number),
                ::core::option::Option::Some(|__bytes| {
                    let __asked = is_even;
                    unsafe {
                        transport::bus::message::__private::check_field_invariant::<
                            u32,
                            _,
                        >(__bytes, 0, __asked, "is_even", "")
                    }?;
                    ::core::result::Result::Ok(())
                }),
            )
        };
        /// The field `gain`, to be read or written alone.
        #[allow(dead_code, non_upper_case_globals)]
        const GAIN: transport::bus::message::Field<Self, f32> = unsafe {
            transport::bus::message::Field::new(
                "gain",
                ::core::mem::offset_of!(Self, gain),
                ::core::option::Option::None,
            )
        };
        /// The field `flags`, to be read or written alone.
        #[allow(dead_code, non_upper_case_globals)]
        const FLAGS: transport::bus::message::Field<Self, Flags> = unsafe {
            transport::bus::message::Field::new(
                "flags",
                ::core::mem::offset_of!(Self, flags),
                ::core::option::Option::None,
            )
        };
    }
    const _: () = transport::bus::message::__private::assert_no_uninit::<Reading>();
    #[automatically_derived]
    unsafe impl transport::bus::message::__private::bytemuck::NoUninit for Reading {}
    #[doc(hidden)]
    #[derive(::core::clone::Clone, ::core::marker::Copy)]
    #[repr(C)]
    pub struct __Bits {
        align: [Reading; 0],
        bytes: [::core::primitive::u8; ::core::mem::size_of::<Reading>()],
    }
    unsafe impl transport::bus::message::__private::bytemuck::Zeroable for __Bits {}
    unsafe impl transport::bus::message::__private::bytemuck::AnyBitPattern for __Bits {}
    #[automatically_derived]
    unsafe impl transport::bus::message::__private::bytemuck::CheckedBitPattern
    for Reading {
        type Bits = __Bits;
        #[inline]
        fn is_valid_bit_pattern(__bits: &__Bits) -> ::core::primitive::bool {
            <Reading as transport::bus::message::Message>::validate(&__bits.bytes)
                .is_ok()
        }
    }
    const _: &transport::bus::message::TypeDescriptor = <Reading as transport::bus::message::Message>::TYPE;
};
