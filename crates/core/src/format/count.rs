//! Numbers of times in words.

/// How often something happened, as a sentence has it.
pub fn times(count: u32) -> String {
    const WORDS: [&str; 11] =
        ["never", "once", "twice", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    match (count, WORDS.get(count as usize)) {
        (0..=2, Some(word)) => (*word).to_owned(),
        (_, Some(word)) => format!("{word} times"),
        (_, None) => format!("{count} times"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn small_numbers_are_words() {
        let all = [0, 1, 2, 3, 10, 11].map(super::times);
        assert_eq!(all, ["never", "once", "twice", "three times", "ten times", "11 times"]);
    }
}
