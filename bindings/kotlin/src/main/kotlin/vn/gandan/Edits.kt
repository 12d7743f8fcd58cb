package vn.gandan

import java.time.LocalDate
import java.time.OffsetDateTime
import java.time.temporal.ChronoUnit
import kotlin.properties.ReadWriteProperty
import kotlin.reflect.KProperty

/** Marks the scope in which fields are set. */
@DslMarker
public annotation class EditsDsl

/**
 * Fields and their new values, in the order in which they were set. What has no member here is set by its name:
 * `this["team.CB-001"] = "lead"`. Null empties a field.
 */
@EditsDsl
public class Edits {
    private val edits = LinkedHashMap<String, FieldValue>()

    /** Sets a field by its name. Takes null, text, numbers, booleans, days, times and collections of text. */
    public operator fun set(field: String, value: Any?) {
        edits[field] = fieldValue(value)
    }

    /** The edits as the client takes them. */
    public fun toList(): List<Edit> = edits.map { (field, value) -> Edit(field, value) }

    private class Named<T>(private val field: String) : ReadWriteProperty<Edits, T?> {
        private var last: T? = null

        override fun getValue(thisRef: Edits, property: KProperty<*>): T? = last

        override fun setValue(thisRef: Edits, property: KProperty<*>, value: T?) {
            last = value
            thisRef[field] = value
        }
    }

    /** Code of the unit; a device with one unit need not say. */
    public var unit: String? by Named("unit")

    /** The planned day. */
    public var plannedOn: LocalDate? by Named("planned_on")

    /** When the team arrived. */
    public var startedAt: OffsetDateTime? by Named("started_at")

    /** When the team left. */
    public var endedAt: OffsetDateTime? by Named("ended_at")

    /** Name of the village or group. */
    public var placeName: String? by Named("place.name")

    /** Kind of place, as a code. */
    public var placeKind: String? by Named("place.kind")

    /** The note. */
    public var note: String? by Named("note")

    /** Residents present, as this official counted them. */
    public var residents: Int? by Named("counts.residents")

    /** Households. */
    public var households: Int? by Named("counts.households")

    /** What was done, as codes. */
    public var activities: Collection<String>? by Named("activities")

    /** The visit at which an issue was raised. */
    public var visit: String? by Named("visit")

    /** An issue in a few words. */
    public var title: String? by Named("title")

    /** The matter. */
    public var description: String? by Named("description")

    /** Kind of issue, as a code. */
    public var kind: String? by Named("kind")

    /** Field of work, as a code. */
    public var field: String? by Named("field")
}

/** Edits written as a block. */
public fun edits(block: Edits.() -> Unit): List<Edit> = Edits().apply(block).toList()

/** Creates a visit; [id] if it was made elsewhere. */
public suspend fun Client.createVisit(id: String? = null, block: Edits.() -> Unit): Saved =
    create(RecordKind.VISIT, id, edits(block))

/** Creates an issue; its `visit` says where it belongs. */
public suspend fun Client.createIssue(id: String? = null, block: Edits.() -> Unit): Saved =
    create(RecordKind.ISSUE, id, edits(block))

/** Changes fields of a record, as one change. */
public suspend fun Client.edit(id: String, block: Edits.() -> Unit): Saved = edit(id, edits(block))

/** Begins a draft of a visit or goes on with it, and gives its id. */
public suspend fun Client.draftVisit(id: String? = null, block: Edits.() -> Unit): String =
    saveDraft(RecordKind.VISIT, id, edits(block))

/** Decides a review item; null accepts what is shown. */
public suspend fun Client.resolve(id: String, item: ReviewItem, value: FieldValue? = null): Saved =
    resolve(id, item.field, item.basis, value ?: FieldValue.Empty)

/** The form in which a value crosses. */
internal fun fieldValue(value: Any?): FieldValue = when (value) {
    null -> FieldValue.Empty
    is FieldValue -> value
    is Boolean -> FieldValue.Flag(value)
    is Int -> FieldValue.Number(value.toLong())
    is Long -> FieldValue.Number(value)
    is Double -> FieldValue.Decimal(value)
    is String -> FieldValue.Text(value)
    is LocalDate -> FieldValue.Text(value.toString())
    is OffsetDateTime -> FieldValue.Text(value.truncatedTo(ChronoUnit.SECONDS).format(java.time.format.DateTimeFormatter.ISO_OFFSET_DATE_TIME))
    is Collection<*> -> FieldValue.Words(value.map { it as? String ?: throw IllegalArgumentException("only text in lists") })
    else -> throw IllegalArgumentException("no field takes a ${value.javaClass.simpleName}")
}
