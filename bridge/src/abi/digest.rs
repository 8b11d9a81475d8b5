//! Exported functions of SHA-256 and BLAKE3.

use sha2::{Digest, Sha256};

use super::{bytes, free, guard, null, Out};
use crate::error::Error;

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_sha256_new() -> *mut Sha256 {
    Box::into_raw(Box::new(Sha256::new()))
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_sha256_update(
    hasher: *mut Sha256,
    data: *const u8,
    data_size: usize,
    error: *mut *mut Error,
) -> i32 {
    guard(error, || {
        let hasher = hasher.as_mut().ok_or_else(|| null("hasher"))?;
        hasher.update(bytes(data, data_size, "data")?);
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_sha256_finish(
    hasher: *const Sha256,
    digest: *mut [u8; 32],
    error: *mut *mut Error,
) -> i32 {
    guard(error, || {
        let out = Out::new(digest, "digest")?;
        let hasher = hasher.as_ref().ok_or_else(|| null("hasher"))?;
        out.set(hasher.clone().finalize().into());
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_sha256_free(hasher: *mut Sha256) {
    free(hasher);
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_blake3_new() -> *mut blake3::Hasher {
    Box::into_raw(Box::new(blake3::Hasher::new()))
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_blake3_update(
    hasher: *mut blake3::Hasher,
    data: *const u8,
    data_size: usize,
    error: *mut *mut Error,
) -> i32 {
    guard(error, || {
        let hasher = hasher.as_mut().ok_or_else(|| null("hasher"))?;
        hasher.update(bytes(data, data_size, "data")?);
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_blake3_finish(
    hasher: *const blake3::Hasher,
    digest: *mut [u8; 32],
    error: *mut *mut Error,
) -> i32 {
    guard(error, || {
        let out = Out::new(digest, "digest")?;
        let hasher = hasher.as_ref().ok_or_else(|| null("hasher"))?;
        out.set(hasher.finalize().into());
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_blake3_free(hasher: *mut blake3::Hasher) {
    free(hasher);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    #[test]
    fn digests_the_standard_example_in_pieces() {
        unsafe {
            let hasher = anemone_bridge_sha256_new();
            for piece in [&b"a"[..], b"", b"bc"] {
                assert_eq!(
                    0,
                    anemone_bridge_sha256_update(
                        hasher,
                        piece.as_ptr(),
                        piece.len(),
                        ptr::null_mut()
                    )
                );
            }
            let mut digest = [0u8; 32];
            assert_eq!(0, anemone_bridge_sha256_finish(hasher, &mut digest, ptr::null_mut()));
            // FIPS 180-4, appendix example "abc".
            assert_eq!(digest[..4], [0xba, 0x78, 0x16, 0xbf]);
            assert_eq!(digest[28..], [0xf2, 0x00, 0x15, 0xad]);
            anemone_bridge_sha256_free(hasher);
        }
    }

    #[test]
    fn digests_a_text_with_blake3_in_pieces() {
        unsafe {
            let hasher = anemone_bridge_blake3_new();
            for piece in [&b"a"[..], b"", b"bc"] {
                assert_eq!(
                    0,
                    anemone_bridge_blake3_update(
                        hasher,
                        piece.as_ptr(),
                        piece.len(),
                        ptr::null_mut()
                    )
                );
            }
            let mut digest = [0u8; 32];
            assert_eq!(0, anemone_bridge_blake3_finish(hasher, &mut digest, ptr::null_mut()));
            // What b3sum prints for "abc".
            assert_eq!(digest[..4], [0x64, 0x37, 0xb3, 0xac]);
            assert_eq!(digest[28..], [0xd5, 0xbd, 0x9d, 0x85]);
            anemone_bridge_blake3_free(hasher);
        }
    }

    #[test]
    fn null_is_an_error() {
        unsafe {
            assert_ne!(
                0,
                anemone_bridge_blake3_update(ptr::null_mut(), ptr::null(), 0, ptr::null_mut())
            );
            assert_ne!(
                0,
                anemone_bridge_sha256_update(ptr::null_mut(), ptr::null(), 0, ptr::null_mut())
            );
            let mut digest = [0u8; 32];
            assert_ne!(0, anemone_bridge_sha256_finish(ptr::null(), &mut digest, ptr::null_mut()));
            anemone_bridge_sha256_free(ptr::null_mut());
        }
    }
}
