//! The description of the API, generated from the handlers.

use axum::Json;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

/// What the document says of the API as a whole. Paths are added by [`crate::http::router`].
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Gần Dân",
        description = "Field visits, residents' issues and the figures behind them. Times are RFC 3339, dates are civil dates in UTC+7, errors carry a stable code in the body and in the header `gandan-error`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    modifiers(&Security),
    tags(
        (name = "devices", description = "Enrolment and synchronisation of field devices"),
        (name = "session", description = "Signing in and out, and one's own account; changing requests with a cookie carry the header `gandan-csrf`"),
        (name = "staff", description = "Lists, records and actions of staff"),
        (name = "admin", description = "Accounts, officials, organisation and settings, for administrators"),
        (name = "public", description = "What everybody may ask, without an account"),
        (name = "reports", description = "Figures"),
        (name = "operation", description = "Health and metrics")
    )
)]
pub(crate) struct ApiDoc;

struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        let session = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
            "__Host-gandan",
            "A session of the web app; without TLS the cookie is called `gandan`",
        )));
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("bearer", bearer);
        components.add_security_scheme("session", session);
    }
}

/// This document.
#[utoipa::path(
    get, path = "/api/openapi.json", tag = "operation",
    responses((status = 200, description = "An OpenAPI 3.1 document", content_type = "application/json"))
)]
pub(crate) async fn openapi() -> Json<utoipa::openapi::OpenApi> {
    Json(super::super::router::openapi())
}
