import Foundation

/// Fields that people write all the time, as edits; any other: `Edit(field:value:)`.
extension Edit {
    /// Code of the unit; a device with one unit need not say.
    public static func unit(_ code: String) -> Edit { text("unit", code) }
    /// The planned day, as `2026-11-27`.
    public static func plannedOn(_ day: String) -> Edit { text("planned_on", day) }
    /// Name of the village or group.
    public static func placeName(_ name: String) -> Edit { text("place.name", name) }
    /// The note.
    public static func note(_ note: String) -> Edit { text("note", note) }
    /// Residents present, as this official counted them.
    public static func residents(_ count: Int64) -> Edit { number("counts.residents", count) }
    /// Households.
    public static func households(_ count: Int64) -> Edit { number("counts.households", count) }
    /// The visit at which an issue was raised.
    public static func visit(_ id: String) -> Edit { text("visit", id) }
    /// An issue in a few words.
    public static func title(_ title: String) -> Edit { text("title", title) }
    /// What was done, as codes.
    public static func activities(_ codes: [String]) -> Edit { Edit(field: "activities", value: .words(values: codes)) }
    /// A field set to a text, a code, a day or a time.
    public static func text(_ field: String, _ value: String) -> Edit { Edit(field: field, value: .text(value: value)) }
    /// A field set to a whole number.
    public static func number(_ field: String, _ value: Int64) -> Edit {
        Edit(field: field, value: .number(value: value))
    }
    /// A field emptied.
    public static func empty(_ field: String) -> Edit { Edit(field: field, value: .empty) }
}

extension Client {
    /// Creates a visit; `id` if it was made elsewhere.
    public func createVisit(_ edits: [Edit], id: String? = nil) async throws -> Saved {
        try await create(kind: .visit, id: id, edits: edits)
    }

    /// Creates an issue; its `visit` says where it belongs.
    public func createIssue(_ edits: [Edit], id: String? = nil) async throws -> Saved {
        try await create(kind: .issue, id: id, edits: edits)
    }

    /// Decides a review item; `nil` accepts what is shown.
    public func resolve(_ id: String, _ item: ReviewItem, to value: FieldValue? = nil) async throws -> Saved {
        try await resolve(id: id, field: item.field, basis: item.basis, value: value ?? .empty)
    }
}

extension RecordView {
    /// The visit that this record is; `nil` if it is none.
    public var visit: Visit? {
        if case let .visit(visit) = content { return visit }
        return nil
    }

    /// The issue that this record is; `nil` if it is none.
    public var issue: Issue? {
        if case let .issue(issue) = content { return issue }
        return nil
    }
}
