package vn.gandan

import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow

/** Rows fetched at a time when all of a list is wanted. */
private const val PAGE: UInt = 200u

/**
 * The first page of these visits, and again whenever it differs. Cold: each collector has a query of its own, which ends
 * with it; the flow ends when the client is closed. What changes while a collector is busy arrives as one.
 */
public fun Client.visitsFlow(query: VisitQuery = VisitQuery(), limit: Int = 50): Flow<VisitPage> = flow {
    liveVisits(query, Paging(limit.toUInt())).use { live -> repeatedly(live::next) { emit(it) } }
}

/** The first page of these issues, and again whenever it differs; as [visitsFlow]. */
public fun Client.issuesFlow(query: IssueQuery = IssueQuery(), limit: Int = 50): Flow<IssuePage> = flow {
    liveIssues(query, Paging(limit.toUInt())).use { live -> repeatedly(live::next) { emit(it) } }
}

/** One record with the last [steps] of its history, and again whenever it reads differently; as [visitsFlow]. */
public fun Client.recordFlow(id: String, steps: Int = 50): Flow<RecordView> = flow {
    liveRecord(id, steps.toUInt()).use { live -> repeatedly(live::next) { emit(it) } }
}

/** What waits for a decision, and again whenever it differs; as [visitsFlow]. */
public fun Client.reviewFlow(limit: Int = 50): Flow<ReviewPage> = flow {
    liveReview(Paging(limit.toUInt())).use { live -> repeatedly(live::next) { emit(it) } }
}

/** Where the device stands, and again whenever that changes; as [visitsFlow]. */
public fun Client.standingFlow(): Flow<Standing> = flow {
    liveStanding().use { live -> repeatedly(live::next) { emit(it) } }
}

/**
 * Exchanges in the background while it is collected: at once, after every save, when the network comes back, and as often
 * as the server wishes. Emits what it is doing. `live`: also whenever the server says that there is news, for an app that
 * somebody is looking at.
 */
public fun Client.syncing(live: Boolean = false): Flow<SyncPhase> = flow {
    backgroundSync(live).use { sync -> repeatedly(sync::nextPhase) { emit(it) } }
}

/** Every visit that fits, the latest day first, fetched a page at a time as it is collected. */
public fun Client.allVisits(query: VisitQuery = VisitQuery()): Flow<VisitRow> = flow {
    var after: String? = null
    do {
        val page = visits(query, Paging(PAGE, after))
        page.items.forEach { emit(it) }
        after = page.next
    } while (after != null)
}

/** Every issue that fits, the latest reception first. */
public fun Client.allIssues(query: IssueQuery = IssueQuery()): Flow<IssueRow> = flow {
    var after: String? = null
    do {
        val page = issues(query, Paging(PAGE, after))
        page.items.forEach { emit(it) }
        after = page.next
    } while (after != null)
}

internal suspend inline fun <T> repeatedly(ask: suspend () -> T?, tell: (T) -> Unit) {
    while (true) tell(ask() ?: return)
}
