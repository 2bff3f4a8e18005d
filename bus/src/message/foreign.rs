//! Messages of other crates, each crate behind a feature of its name.
//!
//! A type is here only if its crate promises the layout. The promises are read off what the crates implement, so
//! the compiler checks them again with each newer version:
//!
//! - `bytemuck::Pod` says that no byte is padding, that any bits are a value, and that nothing is owned or pointed
//!   to;
//! - `AsRef<[T; N]>` of the same size says that the type is these numbers in this order;
//! - `bytemuck::TransparentWrapper` says that it is the one field that it wraps.

use bytemuck::Pod;

use super::plain::plain_messages;
use super::{Declaration, FieldDescriptor, Message, Name, TypeDescriptor};

/// Implements `Message` for types that are parts of one type without gaps.
macro_rules! messages {
    ($($type:ty as $name:literal [$($field:literal)+] of $part:ty, $docs:literal, $promise:expr;)*) => {$(
        const _: () = $promise;

        // SAFETY: The promise, checked by the line above, says that the type is what is described, and that it is
        // `Pod`: nothing is owned or pointed to.
        plain_messages! {
            unsafe $type = TypeDescriptor::structure::<Self>(
                Declaration::new(Name::new($name)).with_docs($docs),
                const {
                    let mut next = 0;
                    &[$(field::<$part>($field, &mut next)),+]
                },
            );
        }
    )*};
}

/// The field after the one that ends at `next`.
const fn field<T: Message>(name: &'static str, next: &mut usize) -> FieldDescriptor {
    let offset = *next;
    *next += size_of::<T>();
    FieldDescriptor::of::<T>(Name::new(name), offset, "")
}

#[cfg(feature = "glam")]
mod of_glam {
    use glam::{
        DMat2, DMat3, DMat4, DQuat, DVec2, DVec3, DVec4, IVec2, IVec3, IVec4, Mat2, Mat3, Mat4, Quat, UVec2,
        UVec3, UVec4, Vec2, Vec3, Vec4,
    };

    use super::*;

    /// The type `T` is the array `A`.
    const fn is_array<T: Pod + AsRef<A>, A: Pod>() {
        assert!(size_of::<T>() == size_of::<A>());
    }

    messages! {
        Vec2 as "Vec2" ["x" "y"] of f32, "A vector.", is_array::<Vec2, [f32; 2]>();
        Vec3 as "Vec3" ["x" "y" "z"] of f32, "A vector.", is_array::<Vec3, [f32; 3]>();
        Vec4 as "Vec4" ["x" "y" "z" "w"] of f32, "A vector.", is_array::<Vec4, [f32; 4]>();
        DVec2 as "DVec2" ["x" "y"] of f64, "A vector.", is_array::<DVec2, [f64; 2]>();
        DVec3 as "DVec3" ["x" "y" "z"] of f64, "A vector.", is_array::<DVec3, [f64; 3]>();
        DVec4 as "DVec4" ["x" "y" "z" "w"] of f64, "A vector.", is_array::<DVec4, [f64; 4]>();
        IVec2 as "IVec2" ["x" "y"] of i32, "A vector.", is_array::<IVec2, [i32; 2]>();
        IVec3 as "IVec3" ["x" "y" "z"] of i32, "A vector.", is_array::<IVec3, [i32; 3]>();
        IVec4 as "IVec4" ["x" "y" "z" "w"] of i32, "A vector.", is_array::<IVec4, [i32; 4]>();
        UVec2 as "UVec2" ["x" "y"] of u32, "A vector.", is_array::<UVec2, [u32; 2]>();
        UVec3 as "UVec3" ["x" "y" "z"] of u32, "A vector.", is_array::<UVec3, [u32; 3]>();
        UVec4 as "UVec4" ["x" "y" "z" "w"] of u32, "A vector.", is_array::<UVec4, [u32; 4]>();
        Quat as "Quat" ["x" "y" "z" "w"] of f32, "A quaternion.", is_array::<Quat, [f32; 4]>();
        DQuat as "DQuat" ["x" "y" "z" "w"] of f64, "A quaternion.", is_array::<DQuat, [f64; 4]>();
        Mat2 as "Mat2" ["x_axis" "y_axis"] of [f32; 2], "A matrix by columns.", is_array::<Mat2, [f32; 4]>();
        Mat3 as "Mat3" ["x_axis" "y_axis" "z_axis"] of [f32; 3], "A matrix by columns.",
            is_array::<Mat3, [f32; 9]>();
        Mat4 as "Mat4" ["x_axis" "y_axis" "z_axis" "w_axis"] of [f32; 4], "A matrix by columns.",
            is_array::<Mat4, [f32; 16]>();
        DMat2 as "DMat2" ["x_axis" "y_axis"] of [f64; 2], "A matrix by columns.", is_array::<DMat2, [f64; 4]>();
        DMat3 as "DMat3" ["x_axis" "y_axis" "z_axis"] of [f64; 3], "A matrix by columns.",
            is_array::<DMat3, [f64; 9]>();
        DMat4 as "DMat4" ["x_axis" "y_axis" "z_axis" "w_axis"] of [f64; 4], "A matrix by columns.",
            is_array::<DMat4, [f64; 16]>();
    }

    #[cfg(test)]
    mod tests {
        use super::super::tests::both_ways;
        use super::*;

        #[test]
        fn vectors_lie_as_they_are_described() {
            both_ways(Vec2::new(1., 2.), &[1f32, 2.], &["x", "y"]);
            both_ways(Vec3::new(1., 2., 3.), &[1f32, 2., 3.], &["x", "y", "z"]);
            both_ways(Vec4::new(1., 2., 3., 4.), &[1f32, 2., 3., 4.], &["x", "y", "z", "w"]);
            both_ways(Quat::from_xyzw(1., 2., 3., 4.), &[1f32, 2., 3., 4.], &["x", "y", "z", "w"]);
            both_ways(DVec2::new(1., 2.), &[1f64, 2.], &["x", "y"]);
            both_ways(DVec3::new(1., 2., 3.), &[1f64, 2., 3.], &["x", "y", "z"]);
            both_ways(DVec4::new(1., 2., 3., 4.), &[1f64, 2., 3., 4.], &["x", "y", "z", "w"]);
            both_ways(DQuat::from_xyzw(1., 2., 3., 4.), &[1f64, 2., 3., 4.], &["x", "y", "z", "w"]);
            both_ways(IVec2::new(1, 2), &[1i32, 2], &["x", "y"]);
            both_ways(IVec3::new(1, 2, 3), &[1i32, 2, 3], &["x", "y", "z"]);
            both_ways(IVec4::new(1, 2, 3, 4), &[1i32, 2, 3, 4], &["x", "y", "z", "w"]);
            both_ways(UVec2::new(1, 2), &[1u32, 2], &["x", "y"]);
            both_ways(UVec3::new(1, 2, 3), &[1u32, 2, 3], &["x", "y", "z"]);
            both_ways(UVec4::new(1, 2, 3, 4), &[1u32, 2, 3, 4], &["x", "y", "z", "w"]);
        }

        #[test]
        fn matrices_lie_as_they_are_described() {
            const AXES: [&str; 4] = ["x_axis", "y_axis", "z_axis", "w_axis"];
            let (single, double) =
                (core::array::from_fn(|at| at as f32), core::array::from_fn(|at| at as f64));
            let (Some(s4), Some(s9)) = (single.first_chunk(), single.first_chunk()) else { unreachable!() };
            let (Some(d4), Some(d9)) = (double.first_chunk(), double.first_chunk()) else { unreachable!() };
            both_ways(Mat2::from_cols_array(s4), s4, &AXES[..2]);
            both_ways(Mat3::from_cols_array(s9), s9, &AXES[..3]);
            both_ways(Mat4::from_cols_array(&single), &single, &AXES);
            both_ways(DMat2::from_cols_array(d4), d4, &AXES[..2]);
            both_ways(DMat3::from_cols_array(d9), d9, &AXES[..3]);
            both_ways(DMat4::from_cols_array(&double), &double, &AXES);
        }
    }
}

#[cfg(feature = "half")]
mod of_half {
    use half::slice::HalfFloatSliceExt;
    use half::{bf16, f16};

    use super::*;

    /// Slices of the type are slices of its bits, which is what `reinterpret_cast` of `half` says.
    const fn is_bits<T: Pod>()
    where
        [T]: HalfFloatSliceExt,
    {
        assert!(size_of::<T>() == size_of::<u16>() && align_of::<T>() == align_of::<u16>());
    }

    messages! {
        f16 as "f16" ["bits"] of u16, "A floating point number, IEEE 754 binary16.", is_bits::<f16>();
        bf16 as "bf16" ["bits"] of u16, "A floating point number: the upper half of an f32.", is_bits::<bf16>();
    }

    #[cfg(test)]
    mod tests {
        use super::super::tests::both_ways;
        use super::*;

        #[test]
        fn half_numbers_lie_as_their_bits() {
            both_ways(f16::from_f32(1.5), &[0x3e00u16], &["bits"]);
            both_ways(bf16::from_f32(1.5), &[0x3fc0u16], &["bits"]);
        }
    }
}

#[cfg(feature = "uuid")]
mod of_uuid {
    use bytemuck::TransparentWrapper;
    use uuid::Uuid;

    use super::*;

    /// The type is what it wraps.
    const fn wraps<T: Pod + TransparentWrapper<A>, A: Pod>() {}

    messages! {
        Uuid as "Uuid" ["bytes"] of [u8; 16], "A universally unique identifier, RFC 9562, in its byte order.",
            wraps::<Uuid, [u8; 16]>();
    }

    #[cfg(test)]
    mod tests {
        use super::super::tests::both_ways;
        use super::*;

        #[test]
        fn an_identifier_lies_as_its_bytes() {
            let uuid = Uuid::from_u128(0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f);
            both_ways(uuid, &core::array::from_fn::<u8, 16, _>(|at| at as u8), &["bytes"]);
        }
    }
}

#[cfg(test)]
mod tests {
    use core::fmt::Debug;

    use bytemuck::NoUninit;

    use super::*;
    use crate::message::Schema;

    /// `value` is described with these fields, written as these numbers, and read from them.
    pub(super) fn both_ways<T, N>(value: T, numbers: &[N], fields: &[&str])
    where
        T: Message + Pod + PartialEq + Debug,
        N: NoUninit,
    {
        let bytes: &[u8] = bytemuck::cast_slice(numbers);
        let mut written = vec![0xee; size_of::<T>()];
        // SAFETY: there are as many bytes as the type has.
        unsafe { value.write_fields(written.as_mut_ptr()) };
        assert_eq!(written, bytes);
        assert_eq!(T::validate(bytes), Ok(()));
        assert_eq!(bytemuck::pod_read_unaligned::<T>(bytes), value);
        assert!(T::ANY_BITS && T::PADDING_FREE);
        let schema = Schema::of::<T>();
        assert_eq!(schema.fields().iter().map(|field| field.name()).collect::<Vec<_>>(), fields);
        assert_eq!((schema.size(), schema.align()), (size_of::<T>() as u64, align_of::<T>() as u64));
        assert_eq!(Schema::decode(&schema.encode()), Ok(schema));
    }
}
