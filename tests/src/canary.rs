//! Secrets that are looked for afterwards, in every form in which a program could have told them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A secret: two halves of letters and digits, with everything between them that some form would write otherwise. Its
/// halves stay what they are in plain text, in JSON, in a shell's quotes and in a percent-encoded form.
#[derive(Clone, Copy, Debug)]
pub struct Canary {
    /// The setting that holds it.
    pub setting: &'static str,
    halves: [&'static str; 2],
}

/// It stands in an address that is asked, and so reaches the app's own server.
pub const API: usize = 0;
/// The app's own.
pub const APP: usize = 1;
/// `TEST_ENV` lists it.
pub const LISTED: usize = 2;
/// It stands in the environment of whoever pushes.
pub const INHERITED: usize = 3;
/// The password of the database, which its own clients are told.
pub const DATABASE: usize = 9;
/// That of the superuser who helps a restore.
pub const ADMIN: usize = 10;

/// One for each setting that could hold a secret.
pub const CANARIES: [Canary; 11] = [
    Canary { setting: "API_URL", halves: ["Kq7vXw2nRb9tLz4m", "Ud6hYs3jPc8fGe5a"] },
    Canary { setting: "SECRET_KEY", halves: ["Zt4xNm8wQc2vBk6r", "Jh9pLs5dFy3gTe7u"] },
    Canary { setting: "TEST_TOKEN", halves: ["Wm3cRv7xKn5qTb9z", "Pa8sDg4hJf6kLy2u"] },
    Canary { setting: "INHERITED", halves: ["Gn6bVt2cXr8mZk4w", "Qe7yUh3oIj9pAs5d"] },
    Canary { setting: "DB_PASSWORD", halves: ["Xr5kTn9bMw3vCq7z", "Lf2jHd8gSy4aPu6e"] },
    Canary { setting: "TELEGRAM_API_TOKEN", halves: ["Bv8nZc4xMq6wRk2t", "Yd3fGh7jLs9pXe5a"] },
    Canary { setting: "SLACK_WEBHOOK_URL", halves: ["Ct9mKx5vNb3qWz7r", "Hs4dJg8fPy2aLu6e"] },
    Canary { setting: "WEBHOOK_SECRET", halves: ["Nk2wBq6rVx8cTm4z", "Fj5hUd9gYs3pAe7l"] },
    Canary { setting: "NOBODY_KNOWS_THIS", halves: ["Rz7tCm3nKv9bXq5w", "Se6yPh2jDf8gLa4u"] },
    Canary { setting: "DATABASE_URL", halves: ["Mw4qTk8zBn2xRv6c", "Ug9sJy5dHf7pLe3a"] },
    Canary { setting: "ADMIN_DATABASE_URL", halves: ["Bv3nWx7kCq9rTm5z", "Yd8jLp2sGh4eAf6u"] },
];

impl Canary {
    /// It, as a setting.
    #[must_use]
    pub fn value(&self) -> String {
        format!("{} '\"%$&/;|<>*?~` {}", self.halves[0], self.halves[1])
    }

    /// A form that can stand in an address.
    #[must_use]
    pub fn in_address(&self) -> String {
        format!("{}%20%27%24{}", self.halves[0], self.halves[1])
    }

    /// What it is looked for by: either half as it is, in hexadecimal digits, in base64 at any offset.
    fn forms(&self) -> Vec<String> {
        let hex = |half: &str| half.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
        let of_half = |half: &&str| {
            let coded = (0..3).map(|offset| base64_core(half, offset));
            [(*half).to_owned(), hex(half), hex(half).to_uppercase()].into_iter().chain(coded).collect::<Vec<_>>()
        };
        self.halves.iter().flat_map(of_half).collect()
    }

    /// Whether any part of it is there in any form.
    #[must_use]
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        static FORMS: LazyLock<BTreeMap<&str, Vec<String>>> =
            LazyLock::new(|| CANARIES.iter().map(|canary| (canary.setting, canary.forms())).collect());
        // The standard library's own search is fast in a build for debugging too.
        let text = String::from_utf8_lossy(bytes);
        FORMS[self.setting].iter().any(|form| text.contains(form))
    }
}

/// The characters of base64 (RFC 4648) that a text alone decides when it begins `offset` bytes after a group's start.
fn base64_core(text: &str, offset: usize) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: Vec<u8> = text.bytes().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let skipped = (6 - offset * 8 % 6) % 6;
    let groups = bits[skipped..].chunks_exact(6);
    groups.map(|six| DIGITS[six.iter().fold(0, |sum, bit| sum * 2 + usize::from(*bit))] as char).collect()
}
