//! Every URL of the server, in one file.

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use tower_http::timeout::TimeoutLayer;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use super::{api, middleware, web};
use crate::state::AppState;

/// Most bytes of a JSON body. Frames of `/v1/sync` have their own limit.
const MAX_BODY: usize = 256 << 10;
/// Longest time until an answer of the API begins.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The staff API, under `/api/v1`. The path stands in `#[utoipa::path]`, in full.
fn staff() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(api::records_visits::visits)) // GET /api/v1/visits
        .routes(routes!(api::records_detail::visit_detail)) // GET /api/v1/visits/{id}
        .routes(routes!(api::files_read::visit_file)) // GET /api/v1/visits/{id}/files/{hash}
        .routes(routes!(api::records_issues::issues)) // GET /api/v1/issues
        .routes(routes!(api::records_detail::issue_detail)) // GET /api/v1/issues/{id}
        .routes(routes!(api::records_review::review_items)) // GET /api/v1/review
        .routes(routes!(api::records_review::audit_trail)) // GET /api/v1/audit
        .routes(routes!(api::export::export)) // GET /api/v1/export/{file}
        .routes(routes!(api::reports::report_summary)) // GET /api/v1/reports/summary
        .routes(routes!(api::staff_issues::assign)) // POST /api/v1/issues/{id}/assign
        .routes(routes!(api::staff_issues::event)) // POST /api/v1/issues/{id}/events
        .routes(routes!(api::staff_issues::reply)) // POST /api/v1/issues/{id}/reply
        .routes(routes!(api::staff_visits::verify)) // POST /api/v1/visits/{id}/verify
        .routes(routes!(api::staff_visits::return_visit)) // POST /api/v1/visits/{id}/return
        .routes(routes!(api::staff_review::resolve)) // POST /api/v1/review/{doc}/{field}/resolve
        .routes(routes!(api::quarantine::list)) // GET /api/v1/quarantine
        .routes(routes!(api::quarantine::admit)) // POST /api/v1/quarantine/{id}/admit
        .routes(routes!(api::quarantine::discard)) // POST /api/v1/quarantine/{id}/discard
        .routes(routes!(api::devices::list)) // GET /api/v1/devices
        .routes(routes!(api::devices::revoke)) // POST /api/v1/devices/{id}/revoke
        .routes(routes!(api::devices::scope)) // POST /api/v1/officials/{id}/scope
        .routes(routes!(api::records_erase::erase)) // POST /api/v1/records/{id}/erase
        .routes(routes!(api::staff_plans::assignment)) // POST /api/v1/assignments
        .routes(routes!(api::staff_plans::plan)) // POST /api/v1/plans
}

/// Signing in and out, and one's own account.
fn own_account() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(api::session::sign_in)) // POST /api/v1/session
        .routes(routes!(api::oidc::way)) // GET /api/v1/session/oidc
        .routes(routes!(api::oidc::start)) // GET /api/v1/session/oidc/start
        .routes(routes!(api::oidc::back)) // GET /api/v1/session/oidc/return
        .routes(routes!(api::session::sign_out)) // DELETE /api/v1/session
        .routes(routes!(api::session::sign_out_everywhere)) // DELETE /api/v1/sessions
        .routes(routes!(api::me::me)) // GET /api/v1/me
        .routes(routes!(api::me::change_password)) // PUT /api/v1/me/password
        .routes(routes!(api::me::offer_totp)) // POST /api/v1/me/totp
        .routes(routes!(api::me::accept_totp)) // PUT /api/v1/me/totp
}

/// What a screen shows first, and what a person at a desk does with many records.
fn desk() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(api::desk::queue)) // GET /api/v1/queue
        .routes(routes!(api::desk::map_units)) // GET /api/v1/map/units
        .routes(routes!(api::desk::map_points)) // GET /api/v1/map/{layer}/points
        .routes(routes!(api::desk::duplicates)) // GET /api/v1/issues/{id}/duplicates
        .routes(routes!(api::desk::views)) // GET /api/v1/views
        .routes(routes!(api::desk::save_view)) // POST /api/v1/views
        .routes(routes!(api::desk::forget_view)) // DELETE /api/v1/views/{id}
        .routes(routes!(api::live::live)) // GET /api/v1/live
        .routes(routes!(api::records_moment::record_then)) // GET /api/v1/records/{id}/at/{change}
        .routes(routes!(api::staff_bulk::issues)) // POST /api/v1/issues/bulk
        .routes(routes!(api::staff_bulk::visits)) // POST /api/v1/visits/bulk
}

/// Reports beside the summary.
fn reports() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(api::reports::report_devices)) // GET /api/v1/reports/devices
        .routes(routes!(api::reports_frozen::report_series)) // GET /api/v1/reports/series
        .routes(routes!(api::reports_frozen::report_emulation)) // GET /api/v1/reports/emulation
        .routes(routes!(api::reports_frozen::report_digest)) // GET /api/v1/reports/digest
        .routes(routes!(api::villages::report_villages)) // GET /api/v1/reports/villages
        .routes(routes!(api::reports_frozen::freeze)) // POST /api/v1/reports/snapshots
        .routes(routes!(api::reports_frozen::snapshots)) // GET /api/v1/reports/snapshots
        .routes(routes!(api::reports_frozen::snapshot)) // GET /api/v1/reports/snapshots/{id}
}

/// What administrators do.
fn administration() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(api::admin::list_accounts)) // GET /api/v1/accounts
        .routes(routes!(api::admin::add_account)) // POST /api/v1/accounts
        .routes(routes!(api::admin::change_account)) // PUT /api/v1/accounts/{login}
        .routes(routes!(api::admin::reset_account)) // POST /api/v1/accounts/{login}/reset
        .routes(routes!(api::admin_people::list_officials)) // GET /api/v1/officials
        .routes(routes!(api::admin_people::put_official)) // PUT /api/v1/officials/{id}
        .routes(routes!(api::admin_people::enrolment_link)) // POST /api/v1/officials/{id}/enrolment
        .routes(routes!(api::admin_people::settings)) // GET /api/v1/settings
        .routes(routes!(api::admin_people::put_settings)) // PUT /api/v1/settings
        .routes(routes!(api::admin_org::read_org)) // GET /api/v1/org
        .routes(routes!(api::admin_org::put_area)) // PUT /api/v1/org/areas/{id}
        .routes(routes!(api::admin_org::import)) // POST /api/v1/org/import/{kind}
        .routes(routes!(api::villages::list_villages)) // GET /api/v1/villages
        .routes(routes!(api::villages::remove_village)) // DELETE /api/v1/villages/{id}
        .routes(routes!(api::admin_map::boundaries)) // GET /api/v1/map/boundaries
        .routes(routes!(api::admin_map::remove_boundaries)) // DELETE /api/v1/admin/map/boundaries
        .merge(
            OpenApiRouter::new()
                .routes(routes!(api::admin_map::put_boundaries)) // PUT /api/v1/admin/map/boundaries
                .layer(DefaultBodyLimit::max(api::admin_map::MAX_BOUNDARIES)),
        )
        .routes(routes!(api::admin_rules::read_rules)) // GET /api/v1/admin/rules
        .routes(routes!(api::admin_rules::change_rules)) // POST /api/v1/admin/rules
}

/// For everybody, without an account.
fn public() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(api::public::ticket)) // GET /api/v1/public/ticket/{code}
        .routes(routes!(api::public::posted_list)) // GET /api/v1/public/units/{unit}/issues
}

/// Devices: what streams, and what may take as long as a slow link needs.
fn devices() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(api::sync::sync)) // POST /v1/sync
        .routes(routes!(api::sync::query)) // POST /v1/query
        .routes(routes!(api::events::events)) // GET /v1/events
        .routes(routes!(api::files::abilities)) // OPTIONS /v1/files
        .routes(routes!(api::files::create)) // POST /v1/files
        .routes(routes!(api::files::append)) // PATCH /v1/files/{hash}
        .routes(routes!(api::files::look)) // HEAD /v1/files/{hash}
        .routes(routes!(api::files::read)) // GET /v1/files/{hash}
}

/// Ways in, and operators.
fn operation() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(api::enrol::enrol)) // POST /v1/enrol
        .routes(routes!(api::enrol::login)) // POST /api/v1/login
        .routes(routes!(api::health::healthz)) // GET /healthz
        .routes(routes!(api::health::metrics)) // GET /metrics
        .routes(routes!(api::openapi::openapi)) // GET /api/openapi.json
}

fn described() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(api::openapi::ApiDoc::openapi())
        .merge(staff())
        .merge(own_account())
        .merge(desk())
        .merge(reports())
        .merge(administration())
        .merge(public())
        .merge(operation())
        // The time to the head of an answer; what streams after it takes as long as it takes.
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, TIMEOUT))
        .merge(devices())
}

/// The description of the API.
pub fn openapi() -> utoipa::openapi::OpenApi {
    described().into_openapi()
}

/// The whole router.
pub fn router(state: AppState) -> Router {
    let (router, _) = described().split_for_parts();
    router
        .fallback(web::page)
        .method_not_allowed_fallback(async || {
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this address takes another method")
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(axum::middleware::from_fn_with_state(state.clone(), middleware::limit))
        .layer(axum::middleware::from_fn_with_state(state.clone(), middleware::harden))
        .layer(axum::middleware::from_fn_with_state(state.clone(), middleware::observe))
        .with_state(state)
}
