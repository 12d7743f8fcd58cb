//! The staff's pages at `/` and the field app at `/field`, carried in the binary: files of the builds, one page for every
//! address of an app.

use axum::body::Body;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, LOCATION,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use super::error::ApiError;

/// A file of the build.
struct File {
    /// Its path below the root, such as `assets/index-1a2b.js`.
    path: &'static str,
    plain: &'static [u8],
    br: Option<&'static [u8]>,
    gz: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/web_files.rs"));

/// An app of the server's.
struct Site {
    /// Sorted by path.
    files: &'static [File],
    /// What its pages may load: nothing but our own files, no script or style in a page itself, no frame around it, no
    /// other server.
    policy: &'static str,
    /// Where it is built, for those whose server was built without it.
    source: &'static str,
}

static STAFF: Site = Site {
    files: STAFF_FILES,
    policy: "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
        base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    source: "server/web",
};

/// Beside that: the core in WebAssembly (which a page may compile, and no text), its worker, photos that lie on the phone.
static FIELD: Site = Site {
    files: FIELD_FILES,
    policy: "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; \
        img-src 'self' data: blob:; manifest-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; \
        frame-ancestors 'none'",
    source: "bindings/web/app",
};

/// Answers what no route of the API takes: files and pages for readers, 404 for everybody else.
pub(super) async fn page(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    if is_api(path) || !(method == Method::GET || method == Method::HEAD) {
        return ApiError::not_found("there is nothing at this address").into_response();
    }
    // An enrolment link, opened by a phone's camera. Browsers carry the code behind `#` on by themselves.
    if path == "enrol" {
        return (StatusCode::FOUND, [(LOCATION, "/field/enrol")]).into_response();
    }
    match path.strip_prefix("field").filter(|rest| rest.is_empty() || rest.starts_with('/')) {
        Some(rest) => FIELD.page(rest.trim_start_matches('/'), &headers),
        None => STAFF.page(path, &headers),
    }
}

impl Site {
    fn page(&'static self, path: &str, headers: &HeaderMap) -> Response {
        match (self.find(path), self.find("index.html")) {
            (Some(file), _) => self.answer(file, headers),
            // An address of the app; what looks like a file is one that is not there.
            (None, Some(index)) if !is_file(path) => self.answer(index, headers),
            (None, None) if path.is_empty() => self.not_built(),
            _ => ApiError::not_found("there is nothing at this address").into_response(),
        }
    }

    fn find(&self, path: &str) -> Option<&'static File> {
        self.files.binary_search_by(|file| file.path.cmp(path)).ok().and_then(|at| self.files.get(at))
    }

    fn answer(&self, file: &'static File, headers: &HeaderMap) -> Response {
        let mut response = content(file, headers);
        if file.path == "sw.js" {
            // The app's addresses begin without the slash that the worker's own folder ends with.
            let scope = HeaderName::from_static("service-worker-allowed");
            response.headers_mut().insert(scope, HeaderValue::from_static("/field"));
        }
        self.guard(response.headers_mut());
        response
    }

    /// What keeps a page from being used against its reader.
    fn guard(&self, headers: &mut HeaderMap) {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(self.policy));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    }

    /// What a server without these pages answers.
    fn not_built(&self) -> Response {
        let source = self.source;
        let page = format!(
            "<!doctype html><html lang=\"vi\"><meta charset=\"utf-8\"><title>Gần Dân</title><h1>Gần Dân</h1><p>Máy chủ \
             đang chạy nhưng được dựng khi chưa có trang này. Trong thư mục <code>{source}</code>, chạy <code>npm \
             ci</code> và <code>npm run build</code>, rồi dựng lại máy chủ.</p><p lang=\"en\">The server runs, but was \
             built without these pages. In <code>{source}</code> run <code>npm ci</code> and <code>npm run build</code>, \
             then build the server again.</p>"
        );
        let mut response = (StatusCode::SERVICE_UNAVAILABLE, page).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        self.guard(response.headers_mut());
        response
    }
}

fn is_api(path: &str) -> bool {
    ["api", "v1", "healthz", "metrics"].contains(&path.split('/').next().unwrap_or_default())
}

fn is_file(path: &str) -> bool {
    path.starts_with("assets/") || path.rsplit('/').next().is_some_and(|name| name.contains('.'))
}

/// A file as the reader takes it, and how long it may be kept.
fn content(file: &'static File, headers: &HeaderMap) -> Response {
    let offered = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let takes = |coding: &str| {
        let wanted = |one: &str| one.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case(coding));
        // "br;q=0" is so rare that it may get the plain file: it is not looked for among codings without a weight.
        offered.split(',').any(|one| wanted(one) && !one.replace(' ', "").ends_with("q=0"))
    };
    let (coding, bytes) = match (file.br, file.gz) {
        (Some(br), _) if takes("br") => (Some("br"), br),
        (_, Some(gz)) if takes("gzip") => (Some("gzip"), gz),
        _ => (None, file.plain),
    };
    let mut response = Body::from(bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(file.path)));
    // Names under assets/ hold a hash of the content: whatever has the name is the same for ever.
    let cache = if file.path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(coding) = coding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "png" => "image/png",
        "md" | "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::http::header::ALLOW;

    use super::*;

    async fn get(path: &str, coding: Option<&'static str>) -> Response {
        let mut headers = HeaderMap::new();
        if let Some(coding) = coding {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(coding));
        }
        page(Method::GET, path.parse().unwrap(), headers).await
    }

    /// What must hold whether or not the pages were built on this machine.
    #[tokio::test]
    async fn the_root_is_a_page_with_a_policy_and_the_api_is_not() {
        let root = get("/", None).await;
        let built = STAFF.find("index.html").is_some();
        assert_eq!(root.status(), if built { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE });
        let policy = root.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"));
        assert_eq!(root.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
        let body = to_bytes(root.into_body(), 1 << 20).await.unwrap();
        assert!(String::from_utf8(body.to_vec()).unwrap().contains("Gần Dân"));
        for path in
            ["/api/v1/nowhere", "/v1/nowhere", "/api", "/assets/none.js", "/../Cargo.toml", "/%2e%2e/etc/passwd.txt"]
        {
            assert_eq!(get(path, None).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
        let posted = page(Method::POST, "/visits".parse().unwrap(), HeaderMap::new()).await;
        assert_eq!(posted.status(), StatusCode::NOT_FOUND);
        assert!(posted.headers().get(LOCATION).is_none() && posted.headers().get(ALLOW).is_none());
    }

    #[tokio::test]
    async fn the_field_app_has_a_policy_of_its_own_and_nothing_of_the_pages() {
        let built = FIELD.find("index.html").is_some();
        for path in ["/field", "/field/"] {
            let page = get(path, None).await;
            assert_eq!(page.status(), if built { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, "{path}");
            let policy = page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
            assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval';") && policy.contains("worker-src 'self'"));
            assert!(!policy.contains("'unsafe-eval'") && !policy.contains("'unsafe-inline'"), "{policy}");
        }
        assert_eq!(get("/field/assets/none.js", None).await.status(), StatusCode::NOT_FOUND);
        // A name that only begins alike is an address of the staff's pages.
        let other = get("/fields", None).await;
        assert!(other.headers().get(CONTENT_SECURITY_POLICY).is_none_or(|policy| policy != FIELD.policy));
    }

    #[tokio::test]
    async fn an_enrolment_link_leads_to_the_field_app() {
        let answer = get("/enrol", None).await;
        assert_eq!(
            (answer.status(), &answer.headers()[LOCATION]),
            (StatusCode::FOUND, &HeaderValue::from_static("/field/enrol"))
        );
    }

    fn encoding(response: &Response) -> Option<&HeaderValue> {
        response.headers().get(CONTENT_ENCODING)
    }

    static WORKER: File = File { path: "sw.js", plain: b"worker", br: None, gz: None };
    static PAGE: File = File { path: "index.html", plain: b"page", br: None, gz: None };
    static FILE: File = File { path: "assets/a-1.js", plain: b"plain", br: Some(b"br"), gz: Some(b"gz") };

    #[test]
    fn files_are_compressed_for_those_who_take_it() {
        let ask = |coding: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(coding));
            STAFF.answer(&FILE, &headers)
        };
        assert_eq!(encoding(&ask("gzip, deflate, br")).unwrap(), "br");
        assert_eq!(encoding(&ask("gzip")).unwrap(), "gzip");
        assert_eq!(encoding(&ask("br;q=0, gzip")).unwrap(), "gzip");
        assert!(encoding(&ask("identity")).is_none());
        assert!(ask("br").headers()[CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        assert_eq!(STAFF.answer(&PAGE, &HeaderMap::new()).headers()[CACHE_CONTROL], "no-cache");
        let worker = FIELD.answer(&WORKER, &HeaderMap::new());
        assert_eq!(worker.headers()["service-worker-allowed"], "/field");
        assert_eq!(worker.headers()[CACHE_CONTROL], "no-cache");
    }

    #[test]
    fn addresses_of_the_app_are_told_from_files() {
        assert!(!is_file("visits/301e278f-aa01-4dc5-a16f-9630b0074044") && !is_file(""));
        assert!(is_file("assets/x") && is_file("favicon.ico"));
        assert!(is_api("api/v1/visits") && is_api("v1") && !is_api("visits"));
    }
}
