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
    impl MessagesCannotImplementDrop for Point {}
    #[automatically_derived]
    unsafe impl ::bus::message::Message for Point {
        const TYPE: &'static ::bus::message::TypeDescriptor = &::bus::message::TypeDescriptor::structure::<
            Self,
        >(
            ::bus::message::Declaration::new(
                ::bus::message::Name::hashed(
                    "Point",
                    178174248910791151704732728533824655033u128,
                ),
            ),
            const {
                &[
                    ::bus::message::FieldDescriptor::of::<
                        f32,
                    >(
                        ::bus::message::Name::hashed(
                            "x",
                            279349696674450629319839187298708788343u128,
                        ),
                        ::core::mem::offset_of!(Self, x),
                        "",
                    ),
                    ::bus::message::FieldDescriptor::of::<
                        f32,
                    >(
                        ::bus::message::Name::hashed(
                            "y",
                            279349696674141144310017842229984006972u128,
                        ),
                        ::core::mem::offset_of!(Self, y),
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
            let Self { x: __field_0, y: __field_1 } = self;
            unsafe {
                ::bus::message::__private::write_primitive::<
                    ::core::primitive::f32,
                >(&raw const *__field_0, __out, ::core::mem::offset_of!(Self, x));
                ::bus::message::__private::write_primitive::<
                    ::core::primitive::f32,
                >(&raw const *__field_1, __out, ::core::mem::offset_of!(Self, y));
            }
        }
        #[inline]
        fn validate(
            __bytes: &[::core::primitive::u8],
        ) -> ::core::result::Result<(), ::bus::message::Invalid> {
            ::core::result::Result::Ok(())
        }
    }
    const _: () = ::bus::message::__private::assert_any_bits::<Point>();
    #[automatically_derived]
    unsafe impl ::bus::message::__private::bytemuck::Zeroable for Point {}
    const _: () = ::bus::message::__private::assert_any_bits::<Point>();
    #[automatically_derived]
    unsafe impl ::bus::message::__private::bytemuck::AnyBitPattern for Point {}
};
