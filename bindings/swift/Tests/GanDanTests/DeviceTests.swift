import XCTest
@testable import GanDan

/// What can be shown without a server; the core's own tests and those of Kotlin and Python have one.
final class DeviceTests: XCTestCase {
    private func folder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        addTeardownBlock { try? FileManager.default.removeItem(at: folder) }
        return folder
    }

    func testADeviceWithoutAnOfficialSaysWhatToDo() async throws {
        let client = try await GanDan.open(folder: folder()) { Data(repeating: 7, count: 32) }
        do {
            _ = try await client.createVisit([.note("x")])
            XCTFail("should have failed")
        } catch let GandanError.EnrolAgain(code, _) {
            XCTAssertEqual(code, "not_enrolled")
        }
        _ = try await client.shutdown()
    }

    func testAStreamBeginsAtOnceAndEndsWithTheClient() async throws {
        let client = try await GanDan.open(folder: folder()) { Data(repeating: 7, count: 32) }
        var standings = client.standingStream().makeAsyncIterator()
        let first = try await standings.next()
        XCTAssertEqual(first?.visits, 0)
        _ = try await client.shutdown()
        let last = try await standings.next()
        XCTAssertNil(last)
    }

    func testAKeyThatIsNotHandedOutIsNoCrash() async throws {
        struct Locked: Error {}
        do {
            _ = try await GanDan.open(folder: folder()) { throw Locked() }
            XCTFail("should have failed")
        } catch let GandanError.RetryLater(code, _, _) {
            XCTAssertEqual(code, "key_unavailable")
        }
    }
}
