//! Whether a text that comes in pieces is UTF-8.

/// A text of which a part has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Text {
    /// The beginning of a character whose rest has not come.
    open: [u8; 4],
    length: usize,
}

impl Text {
    /// Takes the next piece; false once it cannot be UTF-8 any more.
    pub(super) fn takes(&mut self, mut piece: &[u8]) -> bool {
        while self.length > 0 {
            let Some((first, rest)) = piece.split_first() else {
                return true;
            };
            let Some(place) = self.open.get_mut(self.length) else {
                return false;
            };
            *place = *first;
            self.length += 1;
            piece = rest;
            match std::str::from_utf8(self.open.get(..self.length).unwrap_or_default()) {
                Ok(_) => self.length = 0,
                Err(error) if error.error_len().is_some() => return false,
                Err(_) => {}
            }
        }
        let Err(error) = std::str::from_utf8(piece) else {
            return true;
        };
        if error.error_len().is_some() {
            return false;
        }
        let open = piece.get(error.valid_up_to()..).unwrap_or_default();
        for (place, byte) in self.open.iter_mut().zip(open) {
            *place = *byte;
        }
        self.length = open.len();
        true
    }

    /// Whether it may end here.
    pub(super) fn is_whole(&self) -> bool {
        self.length == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_text(bytes: &[u8], cuts: &[usize]) -> bool {
        let mut text = Text::default();
        let mut rest = bytes;
        for cut in cuts {
            let (piece, behind) = rest.split_at(cut % (rest.len() + 1));
            if !text.takes(piece) {
                return false;
            }
            rest = behind;
        }
        text.takes(rest) && text.is_whole()
    }

    proptest! {
        #[test]
        fn texts_are_texts_wherever_they_are_cut(text in "\\PC{0,40}", cuts in prop::collection::vec(0_usize..50, 0..10)) {
            prop_assert!(is_text(text.as_bytes(), &cuts));
        }

        #[test]
        fn bytes_are_judged_as_the_standard_library_does(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0xc0_u8..=0xf8, 0x80_u8..=0xbf], 0..12),
            cuts in prop::collection::vec(0_usize..12, 0..6),
        ) {
            prop_assert_eq!(is_text(&bytes, &cuts), std::str::from_utf8(&bytes).is_ok());
        }
    }
}
