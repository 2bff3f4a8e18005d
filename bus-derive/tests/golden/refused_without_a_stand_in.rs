::core::compile_error! {
    "a message cannot borrow, since an address means nothing in another process; remove `'a` and hold the values themselves"
}
::core::compile_error! {
    "field `name`: a reference is an address in one process; use `FixedStr<N>`, which holds up to N bytes of text in place"
}
