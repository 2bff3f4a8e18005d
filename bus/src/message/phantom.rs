//! A type that a message speaks of and does not hold.

use core::marker::PhantomData;

use super::{Argument, Declaration, Invalid, Message, Name, TypeDescriptor};

// SAFETY: It has no bytes: nothing is owned, pointed to, padding or invalid, and there is nothing to write.
unsafe impl<T: Message> Message for PhantomData<T> {
    const TYPE: &'static TypeDescriptor = &TypeDescriptor::structure::<Self>(
        Declaration::new(Name::new("PhantomData")).with_arguments(const { &[Argument::of::<T>()] }),
        &[],
    );

    #[inline]
    unsafe fn write_fields(&self, _: *mut u8) {}

    #[inline]
    fn validate(_: &[u8]) -> Result<(), Invalid> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Schema, SchemaArgument};

    #[test]
    fn what_it_speaks_of_is_part_of_its_identity() {
        type Of<T> = PhantomData<T>;
        assert_ne!(Of::<u32>::FINGERPRINT, Of::<i32>::FINGERPRINT);
        const { assert!(Of::<bool>::ANY_BITS && Of::<bool>::PADDING_FREE) };
        let schema = Schema::of::<Of<bool>>();
        assert_eq!((schema.name(), schema.size(), schema.align()), ("PhantomData", 0, 1));
        assert_eq!(schema.type_name(schema.types().len() - 1), "PhantomData<bool>");
        assert_eq!(schema.root().arguments(), [SchemaArgument::Type(0)]);
        assert_eq!(Of::<bool>::validate(&[]), Ok(()));
    }
}
