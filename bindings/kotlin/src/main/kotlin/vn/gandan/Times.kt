package vn.gandan

import java.time.Instant
import java.time.LocalDate
import java.time.OffsetDateTime

/** The day it took place, else the planned day. */
public val VisitRow.date: LocalDate? get() = day?.let(LocalDate::parse)

/** When the team arrived. */
public val VisitRow.begin: OffsetDateTime? get() = startedAt?.let(OffsetDateTime::parse)

/** When the team left. */
public val VisitRow.end: OffsetDateTime? get() = endedAt?.let(OffsetDateTime::parse)

/** The last change. */
public val VisitRow.updatedAt: Instant get() = Instant.ofEpochMilli(updatedAtMs)

/** First reception. */
public val IssueRow.received: LocalDate? get() = receivedOn?.let(LocalDate::parse)

/** Last day for settling it. */
public val IssueRow.due: LocalDate? get() = resolveDue?.let(LocalDate::parse)

/** Last contact with the server. */
public val Standing.lastContact: Instant? get() = lastContactMs?.let(Instant::ofEpochMilli)

/** The visit that a record is; null if it is none. */
public val RecordView.visit: Visit? get() = (content as? Content.Visit)?.visit

/** The issue that a record is; null if it is none. */
public val RecordView.issue: Issue? get() = (content as? Content.Issue)?.issue
