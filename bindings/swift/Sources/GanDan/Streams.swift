import Foundation

/// Answers that come one after the other: at once the first, then whenever the answer differs. Ends when the client is closed
/// or the task that iterates is cancelled.
public struct Answers<Element: Sendable>: AsyncSequence, Sendable {
    typealias Source = (next: @Sendable () async throws -> Element?, cancel: @Sendable () -> Void)

    let begin: @Sendable () throws -> Source

    public struct AsyncIterator: AsyncIteratorProtocol {
        let begin: @Sendable () throws -> Source
        private var source: Source?

        init(begin: @escaping @Sendable () throws -> Source) {
            self.begin = begin
        }

        /// The next answer; `nil` when there are no more.
        public mutating func next() async throws -> Element? {
            let source = try self.source ?? begin()
            self.source = source
            return try await withTaskCancellationHandler {
                try await source.next()
            } onCancel: {
                source.cancel()
            }
        }
    }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(begin: begin)
    }
}

extension Client {
    /// The first page of these visits, again whenever it differs. Each iteration has a query of its own.
    public func visitsStream(_ query: VisitQuery = VisitQuery(), limit: UInt32 = 50) -> Answers<VisitPage> {
        Answers { [self] in
            let live = try liveVisits(query: query, page: Paging(limit: limit))
            return ({ try await live.next() }, { live.cancel() })
        }
    }

    /// The first page of these issues, again whenever it differs.
    public func issuesStream(_ query: IssueQuery = IssueQuery(), limit: UInt32 = 50) -> Answers<IssuePage> {
        Answers { [self] in
            let live = try liveIssues(query: query, page: Paging(limit: limit))
            return ({ try await live.next() }, { live.cancel() })
        }
    }

    /// One record with the last `steps` of its history, again whenever it reads differently.
    public func recordStream(_ id: String, steps: UInt32 = 50) -> Answers<RecordView> {
        Answers { [self] in
            let live = try liveRecord(id: id, steps: steps)
            return ({ try await live.next() }, { live.cancel() })
        }
    }

    /// What waits for a decision, again whenever it differs.
    public func reviewStream(limit: UInt32 = 50) -> Answers<ReviewPage> {
        Answers { [self] in
            let live = try liveReview(page: Paging(limit: limit))
            return ({ try await live.next() }, { live.cancel() })
        }
    }

    /// The photographs of a visit and where each stands, again with every piece of them that moves.
    public func photosStream(_ visit: String) -> Answers<[PhotoView]> {
        Answers { [self] in
            let live = try livePhotos(visit: visit)
            return ({ try await live.next() }, { live.cancel() })
        }
    }

    /// Sends photographs that wait and gets thumbnails while it is iterated, after ``sync(told:)``; gives how far it has come
    /// and ends when there is nothing left to move. Cancelling the task gives it up; what has arrived is not sent again. Who
    /// iterates slowly sees the latest.
    ///
    /// - Parameter originals: not only thumbnails.
    public func sendingFiles(originals: Bool = true) -> AsyncThrowingStream<FilesProgress, Error> {
        AsyncThrowingStream(bufferingPolicy: .bufferingNewest(1)) { [self] steps in
            let task = Task {
                do {
                    _ = try await syncFiles(originals: originals) { steps.yield($0) }
                    steps.finish()
                } catch {
                    steps.finish(throwing: error)
                }
            }
            steps.onTermination = { _ in task.cancel() }
        }
    }

    /// Where the device stands, again whenever that changes.
    public func standingStream() -> Answers<Standing> {
        Answers { [self] in
            let live = try liveStanding()
            return ({ try await live.next() }, { live.cancel() })
        }
    }
}

extension BackgroundSync {
    /// What the exchange is doing. Iterating it to the end waits for ``BackgroundSync/stop()`` or the client's end.
    public var phases: AsyncStream<SyncPhase> {
        AsyncStream { [self] in await nextPhase() }
    }
}
