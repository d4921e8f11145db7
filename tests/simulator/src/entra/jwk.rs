//! An RSA public key as JSON Web Keys have it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// `n` and `e`, base64url, of a DER `RSAPublicKey` (a sequence of two integers).
pub(crate) fn public_numbers(der: &[u8]) -> Option<(String, String)> {
    let (sequence, _) = value(der, 0x30)?;
    let (modulus, rest) = value(sequence, 0x02)?;
    let (exponent, _) = value(rest, 0x02)?;
    let encode = |integer: &[u8]| {
        // DER puts a zero in front of an integer whose first bit is set.
        URL_SAFE_NO_PAD.encode(integer.strip_prefix(&[0]).unwrap_or(integer))
    };
    Some((encode(modulus), encode(exponent)))
}

/// Splits a DER value with this tag from what follows it.
fn value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let rest = der.strip_prefix(&[tag])?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        (digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit)), rest)
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modulus_and_exponent_are_read_from_der() {
        let der = [0x30, 0x09, 0x02, 0x02, 0x00, 0x81, 0x02, 0x03, 0x01, 0x00, 0x01];
        assert_eq!(public_numbers(&der), Some(("gQ".to_owned(), "AQAB".to_owned())));
        assert_eq!(public_numbers(&der[..8]), None);
    }
}
