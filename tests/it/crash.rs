//! (see the name)
