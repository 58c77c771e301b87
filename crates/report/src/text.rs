//! Formatting of text for the page.

/// Escapes text for HTML elements and quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// Returns the name of a class, or its label if names are not known.
pub(super) fn class_name(classes: &[String], label: impl Into<u32>) -> String {
    let label: u32 = label.into();
    match classes.get(label as usize) {
        Some(name) => name.clone(),
        None => format!("label {label}"),
    }
}

/// Formats a number with its digits in groups of three.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_numbers_are_readable() {
        assert_eq!(
            escape("<a href=\"x\">'&"),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;"
        );
        let grouped: Vec<_> = [0, 999, 1000, 1_234_567].map(thousands).into();
        assert_eq!(grouped, ["0", "999", "1,000", "1,234,567"]);
    }
}
