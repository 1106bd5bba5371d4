//! Messages that only the user's browser can read: RFC 8291, in one record of RFC 8188 (`aes128gcm`).

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes128Gcm, Nonce};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use domain::settings::PushSubscription;
use hkdf::Hkdf;
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::{PublicKey, SecretKey, ecdh};
use sha2::Sha256;

/// The record size that a message declares (RFC 8291 §4); what it carries must be shorter than it less 17 bytes.
const RECORD_BYTES: u32 = 4_096;
/// Ends the last record (RFC 8188 §2).
const LAST_RECORD: u8 = 2;

/// Base64url that writes no padding and takes it or not, as browsers' libraries do either.
pub(super) const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a browser gave for writing to it.
pub(super) struct Recipient {
    public_key: PublicKey,
    secret: Vec<u8>,
}

impl Recipient {
    /// Reads the keys of a subscription; `None` when they are none.
    pub(super) fn of(subscription: &PushSubscription) -> Option<Self> {
        let public_key = BASE64URL.decode(&subscription.p256dh).ok()?;
        let secret = BASE64URL.decode(&subscription.auth).ok().filter(|secret| secret.len() == 16)?;
        Some(Self { public_key: PublicKey::from_sec1_bytes(&public_key).ok()?, secret })
    }

    /// Encrypts a message. `sender` is a key for this message alone and `salt` is random; both travel with it.
    /// `None` for a message of more than 4,079 bytes.
    pub(super) fn encrypt(&self, message: &[u8], sender: &SecretKey, salt: [u8; 16]) -> Option<Vec<u8>> {
        let sender_key = sender.public_key().to_sec1_point(false);
        let recipient_key = self.public_key.to_sec1_point(false);
        let agreed = ecdh::diffie_hellman(sender.to_nonzero_scalar(), self.public_key.as_affine());
        let info = [b"WebPush: info\0", recipient_key.as_bytes(), sender_key.as_bytes()].concat();
        let material: [u8; 32] = derive(&self.secret, agreed.raw_secret_bytes(), &info)?;
        let key: [u8; 16] = derive(&salt, &material, b"Content-Encoding: aes128gcm\0")?;
        let nonce: [u8; 12] = derive(&salt, &material, b"Content-Encoding: nonce\0")?;
        let record = [message, &[LAST_RECORD]].concat();
        let sealed = Aes128Gcm::new(&key.into()).encrypt(&Nonce::from(nonce), record.as_slice()).ok()?;
        if sealed.len() > RECORD_BYTES as usize {
            return None;
        }
        let key_length = u8::try_from(sender_key.as_bytes().len()).ok()?;
        let header = [&salt, &RECORD_BYTES.to_be_bytes()[..], &[key_length], sender_key.as_bytes()];
        Some([&header.concat()[..], &sealed].concat())
    }
}

fn derive<const N: usize>(salt: &[u8], material: &[u8], info: &[u8]) -> Option<[u8; N]> {
    let mut derived = [0; N];
    Hkdf::<Sha256>::new(Some(salt), material).expand(info, &mut derived).ok()?;
    Some(derived)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The recipient of RFC 8291 §5.
    fn recipient() -> Recipient {
        let subscription = PushSubscription {
            endpoint: "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV".to_owned(),
            p256dh: "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
                .to_owned(),
            auth: "BTBZMqHH6r4Tts7J_aSIgg==".to_owned(),
        };
        Recipient::of(&subscription).expect("its keys are sound")
    }

    #[test]
    fn a_message_is_encrypted_as_in_the_example_of_rfc_8291() {
        let bytes = |text: &str| BASE64URL.decode(text).expect("base64url");
        let sender =
            SecretKey::from_slice(&bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")).expect("a key");
        let salt = bytes("DGv6ra1nlYgDCS1FRnbzlw").try_into().expect("16 bytes");
        let message = recipient().encrypt(b"When I grow up, I want to be a watermelon", &sender, salt);
        let expected = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        assert_eq!(message.map(|message| BASE64URL.encode(message)).as_deref(), Some(expected));
    }

    #[test]
    fn a_message_that_does_not_fit_one_record_and_keys_that_are_none_are_refused() {
        let sender = SecretKey::from_slice(&[7; 32]).expect("a key");
        assert!(recipient().encrypt(&[b'x'; 4_079], &sender, [0; 16]).is_some());
        assert!(recipient().encrypt(&[b'x'; 4_080], &sender, [0; 16]).is_none());
        let with = |p256dh: &str, auth: &str| {
            let (p256dh, auth) = (p256dh.to_owned(), auth.to_owned());
            Recipient::of(&PushSubscription { endpoint: String::new(), p256dh, auth }).is_some()
        };
        assert!(!with("AAAA", "BTBZMqHH6r4Tts7J_aSIgg"));
        assert!(!with(&BASE64URL.encode(sender.public_key().to_sec1_point(false).as_bytes()), "AAAA"));
    }
}
