//! The page of an error: one file, no script, nothing from elsewhere, all inserted text escaped.

/// `Content-Security-Policy` of the page.
pub(super) const CSP: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// Escapes text for HTML element content and attributes.
pub(super) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

/// The page of an answer.
pub(super) fn render(status: u16, code: &str, message: &str, visitor: &str, owner: &str, request_id: &str) -> String {
    let mut page = String::with_capacity(2048);
    page.push_str("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>");
    page.push_str(&status.to_string());
    page.push(' ');
    escape(code, &mut page);
    page.push_str("</title><style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:12vh auto;padding:0 1.5rem}h1{font-size:1.4rem;font-weight:600;margin:0 0 1rem}code{font-family:ui-monospace,monospace}dl{margin:1.5rem 0}dt{font-weight:600}dd{margin:0 0 .75rem}footer{opacity:.7;font-size:.85rem;margin-top:2rem}</style></head><body><h1>");
    escape(message, &mut page);
    page.push_str("</h1><dl>");
    for (term, text) in [("If you came to visit", visitor), ("If this is yours", owner)] {
        if !text.is_empty() {
            page.push_str("<dt>");
            page.push_str(term);
            page.push_str("</dt><dd>");
            escape(text, &mut page);
            page.push_str("</dd>");
        }
    }
    page.push_str("</dl><footer><code>");
    escape(code, &mut page);
    page.push_str("</code> · ");
    page.push_str(&status.to_string());
    page.push_str(" · request <code>");
    escape(request_id, &mut page);
    page.push_str("</code></footer></body></html>\n");
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inserted_text_cannot_become_markup_and_the_page_is_small() {
        let p = render(
            404,
            "ERR_NGROK_3200",
            "<script>alert(1)</script> is offline",
            "\"'&",
            "",
            "rq_1",
        );
        assert!(!p.contains("<script"));
        assert!(p.contains("&lt;script&gt;"));
        assert!(p.contains("&quot;&#39;&amp;"));
        assert!(p.len() < 8 * 1024);
        assert!(
            !p.contains("http://") && !p.contains("https://"),
            "no external resource"
        );
    }
}
