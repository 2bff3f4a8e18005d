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
    impl MessagesCannotImplementDrop for Side {}
    const __DISCRIMINANT_0: ::core::primitive::i8 = 0;
    const __DISCRIMINANT_1: ::core::primitive::i8 = 7;
    const __DISCRIMINANT_2: ::core::primitive::i8 = __DISCRIMINANT_1 + 1;
    #[automatically_derived]
    unsafe impl ::bus::message::Message for Side {
        const TYPE: &'static ::bus::message::TypeDescriptor = &{
            ::core::assert!(Self::Buy {} as ::core::primitive::i8 == __DISCRIMINANT_0);
            ::core::assert!(Self::Sell {} as ::core::primitive::i8 == __DISCRIMINANT_1);
            ::core::assert!(
                Self::r#Neither {} as ::core::primitive::i8 == __DISCRIMINANT_2
            );
            ::bus::message::TypeDescriptor::enumeration::<
                Self,
            >(
                ::bus::message::Declaration::new(
                        ::bus::message::Name::hashed(
                            "Side",
                            139617078601481218938372427619975825414u128,
                        ),
                    )
                    .with_docs("Which way an order goes."),
                ::bus::message::Primitive::I8,
                const {
                    &[
                        ::bus::message::VariantDescriptor::new(
                            ::bus::message::Name::hashed(
                                "Buy",
                                221383301240465065368651971967844878115u128,
                            ),
                            __DISCRIMINANT_0 as ::core::primitive::i128,
                            "For money.",
                            const { &[] },
                        ),
                        ::bus::message::VariantDescriptor::new(
                            ::bus::message::Name::hashed(
                                "Sell",
                                139618209114631320182453796342211388949u128,
                            ),
                            __DISCRIMINANT_1 as ::core::primitive::i128,
                            "",
                            const { &[] },
                        ),
                        ::bus::message::VariantDescriptor::new(
                            ::bus::message::Name::hashed(
                                "none",
                                139806500084594080724866282579271924851u128,
                            ),
                            __DISCRIMINANT_2 as ::core::primitive::i128,
                            "",
                            const { &[] },
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
                Self::Buy {} => {
                    unsafe {
                        ::bus::message::__private::write_field(
                            &__DISCRIMINANT_0,
                            __out,
                            0,
                        );
                    }
                }
                Self::Sell {} => {
                    unsafe {
                        ::bus::message::__private::write_field(
                            &__DISCRIMINANT_1,
                            __out,
                            0,
                        );
                    }
                }
                Self::r#Neither {} => {
                    unsafe {
                        ::bus::message::__private::write_field(
                            &__DISCRIMINANT_2,
                            __out,
                            0,
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
                    0usize => Self::Buy {},
                    1usize => Self::Sell {},
                    2usize => Self::r#Neither {},
                    _ => ::core::unreachable!(),
                };
                match ::core::primitive::i8::from_ne_bytes(
                    ::bus::message::__private::head(__bytes),
                ) {
                    __DISCRIMINANT_0 => {}
                    __DISCRIMINANT_1 => {}
                    __DISCRIMINANT_2 => {}
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
