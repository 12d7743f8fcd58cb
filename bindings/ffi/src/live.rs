//! Live queries: the answer now, and again whenever it differs.

use crate::client::Client;
use crate::edit::id;
use crate::error::GandanError;
use crate::look::{IssueQuery, Paging, ReviewPage, Standing, VisitQuery};
use crate::photos::PhotoView;
use crate::record::RecordView;
use crate::rows::{IssuePage, VisitPage};
use gandan_client::model::rows::{IssueRow, VisitRow};
use gandan_client::{Cancel, ListedPage, Live};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Objects for live queries: uniffi knows no generic ones.
macro_rules! live {
    ($(#[$about:meta])* $name:ident, $from:ty, $to:ty, $convert:expr) => {
        $(#[$about])*
        #[derive(uniffi::Object)]
        pub struct $name {
            live: Mutex<Live<$from>>,
            ended: Cancel,
        }

        impl $name {
            fn new(live: Live<$from>) -> Arc<Self> {
                Arc::new(Self { live: Mutex::new(live), ended: Cancel::new() })
            }
        }

        #[uniffi::export(async_runtime = "tokio")]
        impl $name {
            /// The answer: at once the first time, then whenever it differs from the one before. Null when the client was
            /// closed or this was cancelled. What changes while nobody waits is told as one. May be given up and called
            /// again; nothing is missed.
            pub async fn next(&self) -> Result<Option<$to>, GandanError> {
                let convert: fn($from) -> $to = $convert;
                let answer = self.ended.guard(async { self.live.lock().await.next().await }).await;
                Ok(answer.transpose()?.flatten().map(convert))
            }

            /// Ends it: whoever waits for an answer gets null. Letting go of it does the same where nobody waits.
            pub fn cancel(&self) {
                self.ended.cancel();
            }
        }
    };
}

live!(
    /// A page of visits that stays true.
    LiveVisits,
    ListedPage<VisitRow>,
    VisitPage,
    VisitPage::from
);
live!(
    /// A page of issues that stays true.
    LiveIssues,
    ListedPage<IssueRow>,
    IssuePage,
    IssuePage::from
);
live!(
    /// A record that stays true.
    LiveRecord,
    gandan_client::RecordView,
    RecordView,
    RecordView::from
);
live!(
    /// What waits for a decision.
    LiveReview,
    (Vec<gandan_client::ReviewLine>, Option<gandan_client::PageCursor>),
    ReviewPage,
    |(lines, next)| ReviewPage::of(lines, next)
);
live!(
    /// Where the device stands.
    LiveStanding,
    gandan_client::Standing,
    Standing,
    Standing::from
);
live!(
    /// The photographs of a visit, while they move.
    LivePhotos,
    Vec<gandan_client::PhotoStanding>,
    Vec<PhotoView>,
    |photos| photos.into_iter().map(PhotoView::from).collect()
);

#[uniffi::export]
impl Client {
    /// The first page of these visits, again whenever it differs: a list on a screen. More of the list: a higher `limit`.
    pub fn live_visits(&self, query: VisitQuery, page: Paging) -> Result<Arc<LiveVisits>, GandanError> {
        let (filter, page) = (query.try_into()?, page.try_into()?);
        let live = self.door.peek()?.live(move |client| client.visits(&filter, &page));
        Ok(LiveVisits::new(live))
    }

    /// The first page of these issues, again whenever it differs.
    pub fn live_issues(&self, query: IssueQuery, page: Paging) -> Result<Arc<LiveIssues>, GandanError> {
        let (filter, page) = (query.try_into()?, page.try_into()?);
        let live = self.door.peek()?.live(move |client| client.issues(&filter, &page));
        Ok(LiveIssues::new(live))
    }

    /// One record with the last `steps` of its history, again whenever it reads differently.
    pub fn live_record(&self, id: String, steps: u32) -> Result<Arc<LiveRecord>, GandanError> {
        let id = self::id(&id)?;
        let live = self.door.peek()?.live(move |client| client.show(id, steps as usize));
        Ok(LiveRecord::new(live))
    }

    /// What waits for a decision, again whenever it differs.
    pub fn live_review(&self, page: Paging) -> Result<Arc<LiveReview>, GandanError> {
        let page = page.try_into()?;
        let live = self.door.peek()?.live(move |client| client.review(&page));
        Ok(LiveReview::new(live))
    }

    /// Where the device stands, again whenever that changes: the line at the edge of the screen.
    pub fn live_standing(&self) -> Result<Arc<LiveStanding>, GandanError> {
        Ok(LiveStanding::new(self.door.peek()?.live(gandan_client::Client::standing)))
    }

    /// The photographs of a visit and where each stands, again with every piece of them that moves: the little bar under
    /// the picture.
    pub fn live_photos(&self, visit: String) -> Result<Arc<LivePhotos>, GandanError> {
        let visit = id(&visit)?;
        Ok(LivePhotos::new(self.door.peek()?.live_photos(visit)))
    }
}
