//! Names that were meant, though they are not quite what was written.

/// The word most like `name`, if one is so like it that it was probably meant.
pub fn similar<'w>(name: &str, mut words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    nearest(name, &mut words)
}

/// The same, once for all kinds of lists.
fn nearest<'w>(name: &str, words: &mut dyn Iterator<Item = &'w str>) -> Option<&'w str> {
    let furthest = (name.chars().count() / 3).clamp(1, 3);
    let near = words.filter(|word| word.len().abs_diff(name.len()) <= 4 * furthest);
    let distances = near.map(|word| (distance(name, word), word));
    let (_, word) = distances.filter(|(distance, _)| *distance <= furthest).min()?;
    Some(word)
}

/// How many characters must be added, removed, changed or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let mut above: Vec<usize> = Vec::new();
    let mut previous = None;
    for (i, x) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for (j, &y) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX / 2);
            let mut cost =
                (at(&row, j) + usize::from(x != y)).min(at(&row, j + 1) + 1).min(at(&next, j) + 1);
            let swapped = j > 0 && previous == Some(y) && b.get(j - 1) == Some(&x);
            if swapped {
                cost = cost.min(at(&above, j - 1) + 1);
            }
            next.push(cost);
        }
        above = std::mem::replace(&mut row, next);
        previous = Some(x);
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_one_step_and_so_is_a_swap() {
        for (a, b, steps) in
            [("", "", 0), ("a", "", 1), ("ngnix", "nginx", 1), ("redis", "radish", 2)]
        {
            assert_eq!(distance(a, b), steps, "{a} {b}");
            assert_eq!(distance(b, a), steps, "{b} {a}");
        }
    }

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
