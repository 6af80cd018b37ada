//! Bounds computed in f32 must not rule out a pair that belongs to the result.
