import Foundation

/// Code and library were taken from two builds: an error of packaging, for developers.
public struct BuildMismatch: Error, CustomStringConvertible {
    /// The build of the library that was linked.
    public let library: String
    /// The build that this code was generated for.
    public let code: String

    public var description: String {
        "the library is build \(library) and the code around it \(code): take both from one build of GanDan"
    }
}

/// Where it begins.
///
/// ```swift
/// let client = try await GanDan.open(folder: folder) { try keychain.databaseKey() }
/// let saved = try await client.createVisit([.note("Bà con nêu hai việc."), .residents(46)])
/// try await client.sync()
/// ```
public enum GanDan {
    /// Opens a device's folder, which is made if it is not there.
    ///
    /// - Parameters:
    ///   - folder: a folder in Application Support, excluded from backups: a phone restored from one is another device.
    ///   - trustedCertificates: certificates in PEM form; only servers certified by one of these are trusted then.
    ///   - key: hands out the 32 bytes that the database is encrypted with; asked once, on a thread of the library.
    /// - Throws: ``GandanError``; ``BuildMismatch`` if this code and the library are not of one build.
    public static func open(
        folder: URL,
        trustedCertificates: Data? = nil,
        key: @escaping @Sendable () throws -> Data
    ) async throws -> Client {
        guard buildId() == generatedFor else { throw BuildMismatch(library: buildId(), code: generatedFor) }
        let options = OpenOptions(trustedCertificates: trustedCertificates)
        return try await Client.open(folder: folder.path, keys: Keys(key), options: options)
    }
}

private final class Keys: KeyProvider, @unchecked Sendable {
    private let key: @Sendable () throws -> Data

    init(_ key: @escaping @Sendable () throws -> Data) {
        self.key = key
    }

    func databaseKey() throws -> Data {
        do {
            return try key()
        } catch {
            throw CallbackError.Failed(reason: String(describing: error))
        }
    }
}

private final class Listening: ProgressListener, @unchecked Sendable {
    private let told: @Sendable (Progress) -> Void

    init(_ told: @escaping @Sendable (Progress) -> Void) {
        self.told = told
    }

    func progress(progress: Progress) throws {
        told(progress)
    }
}

private final class FilesListening: FilesListener, @unchecked Sendable {
    private let told: @Sendable (FilesProgress) -> Void

    init(_ told: @escaping @Sendable (FilesProgress) -> Void) {
        self.told = told
    }

    func progress(progress: FilesProgress) throws {
        told(progress)
    }
}

extension Client {
    /// Sends photographs that wait and gets thumbnails, after ``sync(told:)``. Cancelling the task gives it up; what has
    /// arrived is not sent again.
    ///
    /// - Parameters:
    ///   - originals: not only thumbnails.
    ///   - told: hears how far it has come, on a thread of the library.
    @discardableResult
    public func syncFiles(
        originals: Bool = true,
        told: @escaping @Sendable (FilesProgress) -> Void
    ) async throws -> FilesMoved {
        let cancel = CancelSwitch()
        return try await withTaskCancellationHandler {
            try await syncFiles(originals: originals, listener: FilesListening(told), cancel: cancel)
        } onCancel: {
            cancel.cancel()
        }
    }

    /// Exchanges everything with the server now. Cancelling the task gives it up; what was exchanged stays.
    ///
    /// - Parameter told: hears how far it has come, on a thread of the library.
    @discardableResult
    public func sync(told: @escaping @Sendable (Progress) -> Void = { _ in }) async throws -> SyncReport {
        let cancel = CancelSwitch()
        return try await withTaskCancellationHandler {
            try await sync(listener: Listening(told), cancel: cancel)
        } onCancel: {
            cancel.cancel()
        }
    }
}
