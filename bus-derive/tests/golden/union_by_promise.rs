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
    impl MessagesCannotImplementDrop for Word {}
    #[automatically_derived]
    unsafe impl ::bus::message::Message for Word {
        const TYPE: &'static ::bus::message::TypeDescriptor = &::bus::message::TypeDescriptor::overlay::<
            Self,
        >(
            ::bus::message::Declaration::new(
                ::bus::message::Name::hashed(
                    "Word",
                    139461781198304031997478130375555304381u128,
                ),
            ),
            const {
                &[
                    ::bus::message::FieldDescriptor::of::<
                        u32,
                    >(
                        ::bus::message::Name::hashed(
                            "whole",
                            287410569785532944438064463743090326876u128,
                        ),
                        0,
                        "",
                    ),
                    ::bus::message::FieldDescriptor::of::<
                        [u16; 2],
                    >(
                        ::bus::message::Name::hashed(
                            "halves",
                            298341255055544535592254906136479996312u128,
                        ),
                        0,
                        "",
                    ),
                ]
            },
        );
        #[inline]
        unsafe fn write_fields(&self, __out: *mut ::core::primitive::u8) {
            unsafe { ::bus::message::__private::write_whole(self, __out) }
        }
        #[inline]
        fn validate(
            __bytes: &[::core::primitive::u8],
        ) -> ::core::result::Result<(), ::bus::message::Invalid> {
            ::core::result::Result::Ok(())
        }
    }
    const _: &::bus::message::TypeDescriptor = <Word as ::bus::message::Message>::TYPE;
};
