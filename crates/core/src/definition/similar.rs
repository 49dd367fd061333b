//! Finds the name that was probably meant where a misspelt one was written.

use strsim::osa_distance;

/// The word that is most similar to `name`, if it is so similar that it was probably meant.
pub fn similar<'w>(name: &str, mut words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    nearest(name, &mut words)
}

/// The same, once for all kinds of lists.
fn nearest<'w>(name: &str, words: &mut dyn Iterator<Item = &'w str>) -> Option<&'w str> {
    let furthest = (name.chars().count() / 3).clamp(1, 3);
    let near = words.filter(|word| word.len().abs_diff(name.len()) <= 4 * furthest);
    let distances = near.map(|word| (osa_distance(name, word), word));
    let (_, word) = distances.filter(|(distance, _)| *distance <= furthest).min()?;
    Some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_could_be_meant_is_suggested() {
        let words = ["nginx", "svc-nginx", "base", "php-fpm"];
        let meant = |name| similar(name, words.into_iter());
        assert_eq!(meant("ngnix"), Some("nginx"));
        assert_eq!(meant("svc_nginx"), Some("svc-nginx"));
        assert_eq!(meant("base\r"), Some("base"));
        assert_eq!(meant("x"), None);
        assert_eq!(meant("mysql"), None);
    }
}
